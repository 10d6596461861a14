// Protected resources (RFC 9728) on workerd: documents, challenges, whose token serves where, and event streams as MCP's
// Streamable HTTP has them. tests/mcp plays real MCP clients and servers.
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, expect, test } from "vitest";
import { bearer } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import { closedPort, rawRequest } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

const WELL_KNOWN = "/.well-known/oauth-protected-resource";
/** Where the gate is, and its resources with it. */
const port = await closedPort();
const HERE = `http://127.0.0.1:${port}`;
const [A, B] = [`${HERE}/a/mcp`, `${HERE}/b/mcp`];
const MCP_HEADERS = { "mcp-session-id": "s-1", "mcp-protocol-version": "2026-07-28", "last-event-id": "e-7" };

let theirs: Issuer;
let upstream: Server;
/** What the upstream does with the next request. */
let play: (request: IncomingMessage, response: ServerResponse) => void;

const postern = shared(async () => {
  theirs = await Issuer.start([await issuerKey("ES256", "k")]);
  upstream = createServer((request, response) => play(request, response));
  upstream.listen(0, "127.0.0.1");
  await once(upstream, "listening");
  const url = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const common = { upstream: url, issuers: [theirs.iss] };
  return {
    direct: true,
    port,
    vars: settings({ POSTERN_ISSUERS: [theirs.setting({ algorithms: ["ES256"] })], POSTERN_SCOPE_IMPLIES: { "read:orders": ["list:orders"] } }, [
      { ...common, name: "a", path: "/a/mcp", resource: A, scopes_all: ["list:orders"], cors: { origins: ["https://app.example.test"], allow_headers: ["authorization"] } },
      { ...common, name: "b", path: "/b/mcp", resource: B, scopes_all: ["write:orders"] },
      { ...common, name: "plain", path: "/plain" },
      { name: "rest", path: "/.well-known/{*rest}", access: "public", methods: ["GET"], upstream: url },
    ]),
  };
});
afterAll(async () => {
  await theirs.stop();
  upstream.close();
});

const ask = (method: string, path: string, headers: [string, string][] = []) => rawRequest(HERE, method, path, headers);

// Tests RFC 9728 section 3.2: the metadata is application/json at the path form
// Tests RFC 9728 section 5.1: the URL in resource_metadata leads to the document
test("a bare 401 leads to a document that every page can read", async () => {
  const refused = await ask("POST", "/a/mcp", [["origin", "https://app.example.test"]]);
  expect(refused.status).toBe(401);
  expect(refused.headers["www-authenticate"]).toBe(`Bearer realm="postern", resource_metadata="${HERE}${WELL_KNOWN}/a/mcp", scope="list:orders"`);
  expect(refused.headers["access-control-expose-headers"]).toContain("www-authenticate");
  const document = await ask("GET", `${WELL_KNOWN}/a/mcp`, [["origin", "https://elsewhere.example.test"]]);
  expect(document).toMatchObject({ status: 200, headers: { "content-type": "application/json", "access-control-allow-origin": "*", "cache-control": "public, max-age=300" } });
  expect(document.headers["set-cookie"]).toBeUndefined();
  expect(JSON.parse(document.body)).toEqual({ resource: A, authorization_servers: [theirs.iss], scopes_supported: ["list:orders"], bearer_methods_supported: ["header"] });
  const preflight = await ask("OPTIONS", `${WELL_KNOWN}/a/mcp`, [["origin", "https://elsewhere.example.test"], ["access-control-request-method", "GET"], ["access-control-request-headers", "mcp-protocol-version"]]);
  expect(preflight).toMatchObject({ status: 204, headers: { "access-control-allow-origin": "*", "access-control-allow-headers": "*" } });
});

test("every odd metadata URL is a clear 404 or 405", async () => {
  play = (_, response) => response.writeHead(500).end("the upstream");
  for (const rest of ["", "/", "/a/mcp/", "//a/mcp", "/a//mcp", "/a%2fmcp", "%2fa%2fmcp", "/a/mcp?x=1", "/a/mcp?", "/a", "/A/mcp", "/a/mcp/tools", "/plain", "/%00", "/a/mc%70"]) {
    const { status } = await ask("GET", `${WELL_KNOWN}${rest}`);
    expect(status, rest).toBe(404);
  }
  expect((await ask("GET", "/.well-known/oauth-protected%2dresource/a/mcp")).status).toBe(404);
  for (const method of ["POST", "PUT", "DELETE", "PATCH"]) expect((await ask(method, `${WELL_KNOWN}/a/mcp`)).status, method).toBe(405);
  expect((await ask("HEAD", `${WELL_KNOWN}/a/mcp`))).toMatchObject({ status: 200, body: "" });
  // On a host without resources the paths are the upstream's.
  const elsewhere = await rawRequest(HERE.replace("127.0.0.1", "localhost"), "GET", `${WELL_KNOWN}/a/mcp`);
  expect(elsewhere).toMatchObject({ status: 500, body: "the upstream" });
});

// Attack: a token for resource A is replayed at resource B and at the rest of the gate, which share the isolate's memory.
test("a token for resource A is refused at B, cached or not", async () => {
  play = (_, response) => response.writeHead(204).end();
  const token = await theirs.token("k", { aud: A });
  const status = async (path: string) => (await postern().fetch(path, { method: "POST", headers: bearer(token) })).status;
  for (const path of ["/b/mcp", "/plain", "/a/mcp", "/a/mcp", "/b/mcp", "/plain", "/b/mcp"]) expect(await status(path), path).toBe(path === "/a/mcp" ? 204 : 401);
  const general = await theirs.token("k");
  for (const [path, expected] of [["/plain", 204], ["/a/mcp", 401], ["/plain", 204], ["/a/mcp", 401]] as const) {
    expect((await postern().fetch(path, { headers: bearer(general) })).status, path).toBe(expected);
  }
});

// Tests RFC 6750 section 3.1: too few scopes are 403 insufficient_scope with the scopes of the request
test("a missing scope is 403 with everything that a client needs", async () => {
  const answer = await postern().fetch("/b/mcp", { headers: bearer(await theirs.token("k", { aud: B })) });
  expect(answer.status).toBe(403);
  expect(answer.headers.get("www-authenticate")).toBe(`Bearer realm="postern", error="insufficient_scope", resource_metadata="${HERE}${WELL_KNOWN}/b/mcp", scope="write:orders"`);
});

test("event streams and their headers pass both ways as they come", async () => {
  const headers = { ...bearer(await theirs.token("k", { aud: A })), ...MCP_HEADERS, accept: "application/json, text/event-stream", "content-type": "application/json" };
  for (const method of ["POST", "GET", "DELETE"]) {
    let more = () => {};
    let seen: IncomingMessage | undefined;
    play = (request, response) => {
      seen = request;
      response.writeHead(200, { "content-type": "text/event-stream", "mcp-session-id": "s-2", "cache-control": "no-cache, no-transform" });
      response.write("id: 1\ndata: first\n\n");
      more = () => response.end("id: 2\ndata: second\n\n");
    };
    const body = method === "POST" ? '{"jsonrpc":"2.0","id":1,"method":"ping"}' : undefined;
    const answer = await postern().fetch("/a/mcp", { method, headers, ...(body && { body }) });
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    expect(answer.headers.get("mcp-session-id")).toBe("s-2");
    expect(seen?.headers).toMatchObject(MCP_HEADERS);
    expect(seen?.headers["authorization"], "no token passes").toBeUndefined();
    // The first event arrives while the upstream still writes.
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const first = await reader.read();
    expect(new TextDecoder().decode(first.value), method).toBe("id: 1\ndata: first\n\n");
    more();
    let rest = "";
    for (let part = await reader.read(); !part.done; part = await reader.read()) rest += new TextDecoder().decode(part.value);
    expect(rest).toBe("id: 2\ndata: second\n\n");
  }
});
