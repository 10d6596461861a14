// Clients with a metadata document on workerd: what is really fetched, and what is not. What a document may hold is tested in
// crates/oauth, and what becomes of a grant in crates/app.
import * as oauth from "oauth4webapi";
import { Response as Answer } from "miniflare";
import { beforeAll, expect, test } from "vitest";
import { bearer, json, signIn } from "./support/client.ts";
import { ClientHosts } from "./support/client-host.ts";
import { settings } from "./support/config.ts";
import { FormBrowser } from "./support/form-browser.ts";
import { OauthServer, type TestClient } from "./support/oauth-client.ts";
import { closedPort } from "./support/origin.ts";
import { shared, start } from "./support/postern.ts";

const port = await closedPort();
const HERE = `http://127.0.0.1:${port}`;
const MCP = `${HERE}/mcp`;
const hosts = new ClientHosts();
const vars = settings({ POSTERN_ISSUER: HERE, POSTERN_OAUTH: { client_documents: true, open_scopes: ["read:orders"] } }, [
  { name: "mcp", path: "/mcp", resource: MCP, scopes_all: ["read:orders"], service: "ORIGIN" },
]);
const postern = shared(() => ({ port, flags: ["global_fetch_strictly_public"], outbound: hosts.outbound, origin: () => new Answer(null, { status: 204 }), vars }));
let server: OauthServer;
beforeAll(async () => {
  server = await OauthServer.discover(postern(), HERE);
});

const clientOf = (id: string): TestClient => ({ client: { client_id: id }, auth: oauth.None(), redirectUri: new URL("/callback", id).href });

/** The page, or the redirect, that an authorization request of this client comes to. */
async function asked(id: string, at = server): Promise<{ status: number; code: string | undefined }> {
  const { url } = await at.ask(clientOf(id), { resource: MCP, scope: "read:orders" });
  const answer = await new FormBrowser(at.postern).open(url.href);
  return { status: answer.status, code: /<code dir="ltr">([a-z_]+)<\/code>/.exec(await answer.text())?.[1] };
}

// Tests Client ID Metadata Document section 5: a client that was never registered gets tokens by its document
test("a client is known by its document alone", async () => {
  const id = "https://notes.example.test/client.json";
  hosts.serve(id, {}, { "cache-control": "max-age=600" });
  expect(server.metadata).toMatchObject({ client_id_metadata_document_supported: true, scopes_supported: ["offline_access", "read:orders"] });
  const client = clientOf(id);
  const brought = await server.code(client, { resource: MCP, scope: "read:orders" });
  const tokens = await server.redeem(client, brought, { resource: MCP });
  expect((await postern().fetch("/mcp", { headers: bearer(tokens.access_token) })).status).toBe(204);
  expect((await postern().fetch("/api/orders", { headers: bearer(tokens.access_token) })).status, "no protected resource").toBe(401);
  const renewed = await server.refresh(client, tokens.refresh_token ?? "");
  const { access_token } = await signIn(postern());
  const { grants } = await json<{ grants: object[] }>(await postern().fetch("/auth/grants", { headers: bearer(access_token) }));
  expect(grants).toMatchObject([{ client_id: id, client_name: "A client with a document" }]);
  await server.revoke(client, renewed.refresh_token ?? "");
  await expect(server.refresh(client, renewed.refresh_token ?? "")).rejects.toMatchObject({ error: "invalid_grant" });
  expect(hosts.asked.map(({ line }) => line)).toEqual([`GET ${id}`]);
  const { headers } = hosts.asked[0] ?? { headers: {} };
  expect(headers).toMatchObject({ accept: "application/json" });
  expect(Object.keys(headers).filter((name) => ["cookie", "authorization", "referer"].includes(name))).toEqual([]);
});

test("the page for consent names the host of the document", async () => {
  const id = "https://verified.example.test/client.json";
  hosts.serve(id, { client_name: "<b>Bank</b>" });
  const browser = new FormBrowser(postern());
  const { url } = await server.ask({ ...clientOf(id), redirectUri: "http://127.0.0.1:4711/callback" }, { resource: MCP });
  await browser.authorize(url, { consent: "deny" });
  const again = await browser.open(url.href);
  const page = await again.text();
  for (const shown of ["&lt;b&gt;Bank&lt;/b&gt;", "<bdi>verified.example.test</bdi>", "127.0.0.1:4711", "on your own device"]) expect(page).toContain(shown);
});

test("requests that come together cost one fetch", async () => {
  const id = "https://busy.example.test/client.json";
  hosts.serve(id);
  const answers = await Promise.all(Array.from({ length: 20 }, () => asked(id)));
  expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(303));
  expect(hosts.count(id)).toBe(1);
});

// Attack: a document's host leads the server elsewhere, floods it, or holds it up.
test("what is no document is refused with its cause", async () => {
  const of = (name: string) => `https://${name}.example.test/client.json`;
  const sound = (id: string) => JSON.stringify({ client_id: id, client_name: "x", redirect_uris: [`${new URL(id).origin}/callback`] });
  const type = { headers: { "content-type": "application/json" } };
  hosts.answer("https://target.example.test/client.json", () => new Answer(sound(of("redirects")), type));
  hosts.answer(of("redirects"), () => new Answer(null, { status: 302, headers: { location: "https://target.example.test/client.json" } }));
  hosts.answer(of("huge"), () => new Answer(sound(of("huge")) + " ".repeat(5 << 20), type));
  hosts.answer(of("page"), () => new Answer(sound(of("page")), { headers: { "content-type": "text/html" } }));
  hosts.answer(of("broken"), () => new Answer("{", type));
  hosts.answer(of("other"), () => new Answer(sound(of("redirects")), type));
  hosts.answer(of("missing"), () => new Answer("", { ...type, status: 404 }));
  hosts.answer(of("failing"), () => new Answer(sound(of("failing")), { ...type, status: 500 }));
  for (const [name, code] of Object.entries({ redirects: "redirected", huge: "too_large", page: "media_type", broken: "malformed", other: "malformed", missing: "status", failing: "status" })) {
    expect(await asked(of(name)), name).toEqual({ status: 400, code: `client_document_${code}` });
    expect(await asked(of(name)), name).toEqual({ status: 400, code: `client_document_${code}` });
    expect(hosts.count(of(name)), name).toBe(1);
  }
  expect(hosts.count("https://target.example.test/client.json")).toBe(0);
  await postern().logged(/"event":"client_document_refused".*"document":"https:\/\/huge\.example\.test\/client\.json: over 5120 bytes"/);
});

test("a host that does not answer delays requests only briefly", async () => {
  const id = "https://slow.example.test/client.json";
  hosts.answer(id, () => new Promise(() => undefined));
  const began = performance.now();
  expect(await asked(id)).toEqual({ status: 400, code: "client_document_network" });
  expect(performance.now() - began).toBeLessThan(9_000);
});

// Attack: the id leads into the deployment's own zone, where `fetch` would go to the server behind the gate.
test("nothing is fetched without the flag for the public way", async () => {
  const elsewhere = await closedPort();
  const issuer = `http://127.0.0.1:${elsewhere}`;
  const other = await start({ port: elsewhere, outbound: hosts.outbound, vars: { ...vars, POSTERN_ISSUER: issuer } });
  try {
    const id = "https://own-zone.example.test/client.json";
    hosts.serve(id);
    expect(await asked(id, await OauthServer.discover(other, issuer))).toEqual({ status: 400, code: "client_document_not_public" });
    expect(hosts.count(id)).toBe(0);
  } finally {
    await other.dispose();
  }
});
