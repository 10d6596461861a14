// The MCP SDK's client with a metadata document, against Postern as the authorization server and its gate: from the server's
// URL alone to a tool call, refresh, and step-up. The document's host is played by this process.
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPostern, type Postern } from "../worker/harness.ts";
import { ClientHosts } from "../worker/support/client-host.ts";
import { settings } from "../worker/support/config.ts";
import { FormBrowser, type Person } from "../worker/support/form-browser.ts";
import { claimsOf } from "../worker/support/jwt.ts";
import { closedPort } from "../worker/support/origin.ts";
import { CALLBACK, client, Provider, StreamableHTTPClientTransport, UnauthorizedError } from "./sdk-client.ts";
import { startMcpServer, type McpServer } from "./server.ts";

/** How many clients sign in, each for the first time, for the median. */
const ROUNDS = 7;

const hosts = new ClientHosts();
let postern: Postern;
let server: McpServer;
let mcp: string;
beforeAll(async () => {
  const port = await closedPort();
  const here = `http://127.0.0.1:${port}`;
  mcp = `${here}/mcp`;
  server = await startMcpServer();
  // On this machine's name alone: MCP servers on localhost look at Host, and behind the gate that is the gate's work.
  const route = { host: "127.0.0.1", service: "ORIGIN" };
  postern = await startPostern({
    direct: true,
    port,
    flags: ["global_fetch_strictly_public"],
    outbound: hosts.outbound,
    origin: server.url,
    vars: settings({ POSTERN_ISSUER: here, POSTERN_OAUTH: { client_documents: true, open_scopes: ["read:orders", "write:orders"] }, POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } }, [
      { ...route, name: "mcp", path: "/mcp", resource: mcp, scopes_all: ["read:orders"] },
      { ...route, name: "strict", path: "/strict/mcp", resource: `${here}/strict/mcp`, strip_prefix: "/strict", scopes_all: ["read:orders", "write:orders"] },
    ]),
  });
});
afterAll(async () => {
  await postern.dispose();
  await server.stop();
});

/** An application with a document at this host, a person with a browser, and what they send. */
class Application {
  readonly provider = new Provider();
  readonly browser = new FormBrowser(postern);
  readonly id: string;
  /** The requests of the SDK's client, as `METHOD PATH STATUS`. */
  readonly requests: string[] = [];

  constructor(host: string) {
    this.id = `https://${host}/client.json`;
    hosts.serve(this.id, { client_name: "The tests", redirect_uris: [CALLBACK] }, { "cache-control": "max-age=600" });
    Object.assign(this.provider, { clientMetadataUrl: this.id });
  }

  connect(url = mcp): StreamableHTTPClientTransport {
    const noting = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
      const answer = await fetch(url, init);
      this.requests.push(`${init.method ?? "GET"} ${new URL(url).pathname} ${answer.status}`);
      return answer;
    };
    return new StreamableHTTPClientTransport(new URL(url), { authProvider: this.provider, fetch: noting as typeof fetch });
  }

  /** What the person's browser brings back. */
  async code(person: Person = {}): Promise<string> {
    return (await this.browser.authorize(this.provider.sent.at(-1) as URL, person)).searchParams.get("code") ?? "";
  }

  /** From the 401 on, until there are tokens. */
  async signIn(url = mcp, person: Person = {}): Promise<void> {
    const transport = this.connect(url);
    await expect(client().connect(transport as never)).rejects.toThrow(UnauthorizedError);
    await transport.finishAuth(await this.code(person));
  }

  /** Connects, calls a tool, and leaves. */
  async call(url = mcp): Promise<void> {
    const [caller, transport] = [client(), this.connect(url)];
    await caller.connect(transport as never);
    expect(await caller.callTool({ name: "test_simple_text" })).toMatchObject({ content: [{ type: "text" }] });
    await caller.close();
  }
}

// Tests MCP Authorization section "Client ID Metadata Documents": a client that is not registered signs in (A9)
// Tests MCP Authorization section "Authorization Flow Steps": from a 401 to the metadata, the authorization server, a call
test("a client signs in by its document alone", async () => {
  const times: number[] = [];
  let app = new Application("first.example.test");
  for (let round = 0; round < ROUNDS; round += 1) {
    app = new Application(`app-${round}.example.test`);
    const began = performance.now();
    await app.signIn();
    await app.call();
    times.push(performance.now() - began);
    expect(hosts.count(app.id)).toBe(1);
  }
  expect(app.provider.clientInformation()).toMatchObject({ client_id: app.id });
  expect(claimsOf(app.provider.tokens()?.access_token ?? "")).toMatchObject({ aud: mcp, client_id: app.id, scope: "read:orders" });
  expect(app.requests.some((line) => line.includes("/register"))).toBe(false);
  times.sort((one, other) => one - other);
  const first = app.requests.findIndex((line, index) => index > 0 && line.startsWith("POST /mcp 200"));
  console.log(
    `from a 401 to the first tool call: ${app.requests.length} requests of the client (${app.requests.join(", ")}), 1 fetch of its document, ` +
      `median ${Math.round(times[ROUNDS >> 1] ?? 0)} ms of ${ROUNDS} with the person's pages (${times.map(Math.round).join(", ")}); the first answer of the server is request ${first + 1}`,
  );
});

test("an access token that is over is refreshed without the person", async () => {
  const app = new Application("refreshes.example.test");
  await app.signIn();
  const { provider } = app;
  const before = provider.tokens();
  const [asked, fetched] = [provider.sent.length, hosts.count(app.id)];
  provider.saveTokens({ ...before!, access_token: `${before!.access_token.slice(0, -4)}AAAA` });
  await app.call();
  expect(provider.sent.length).toBe(asked);
  expect(provider.tokens()?.refresh_token).not.toBe(before?.refresh_token);
  expect(hosts.count(app.id), "fetches of the document").toBe(fetched);
});

// Tests MCP Authorization section "Step-Up Authorization Flow": a 403 names the scope, and the person is asked for it
test("a scope that is missing is asked for", async () => {
  const app = new Application("steps-up.example.test");
  const strict = mcp.replace("/mcp", "/strict/mcp");
  await app.signIn(strict, { untick: ["write:orders"] });
  const { provider } = app;
  expect(provider.tokens()?.scope).toBe("read:orders");
  // The person granted less than it needs. With a refresh token in hand this client refreshes at a 403, which adds no scope. So the application drops it.
  const { refresh_token: _, ...rest } = provider.tokens()!;
  provider.saveTokens(rest);
  const asked = provider.sent.length;
  const transport = app.connect(strict);
  await expect(client().connect(transport as never)).rejects.toThrow(UnauthorizedError);
  expect([provider.sent.length, provider.sent.at(-1)?.searchParams.get("scope")]).toEqual([asked + 1, "read:orders write:orders"]);
  await transport.finishAuth(await app.code());
  await app.call(strict);
  expect(hosts.count(app.id), "fetches of the document").toBe(1);
});

// Attack: a website calls itself as a known application does, and asks for a token of the operator's own interface.
test("a stranger's client gets no token for another audience", async () => {
  const app = new Application("stranger.example.test");
  await expect(client().connect(app.connect() as never)).rejects.toThrow(UnauthorizedError);
  const sent = app.provider.sent.at(-1) as URL;
  sent.searchParams.set("resource", "https://api.example.test");
  const back = await app.browser.authorize(sent);
  expect([back.searchParams.get("code"), back.searchParams.get("error")]).toEqual([null, "invalid_target"]);
});
