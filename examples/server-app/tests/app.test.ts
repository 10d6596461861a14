// The app and its API, with Postern beside them. The sign-in itself is played in Chromium: tests/browser.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, test } from "node:test";
import { BROKEN, startPostern } from "@postern/testing";
import { apiFor, AUDIENCE, ROUTES } from "../src/api.ts";
import { appFor } from "../src/app.ts";
import { Cookies, type Session } from "../src/session.ts";
import { Hono } from "hono";

const SECRET = "the client's secret in this test";
const cookieKey = Buffer.alloc(32).toString("base64url");
let api: ReturnType<typeof apiFor> | undefined;
const postern = await startPostern({
  routes: ROUTES,
  upstream: (request) => (api ??= apiFor(postern.issuer)).fetch(request),
  vars: { POSTERN_CLIENTS: [{ client_id: "first-party" }, { client_id: "castle-works", redirect_uris: ["http://localhost:3000/callback"], scopes: ["read:orders"], secret_hashes: [createHash("sha256").update(SECRET).digest("hex")] }] },
});
after(() => postern.dispose());
const settings = { url: "http://localhost:3000", issuer: postern.issuer, clientId: "castle-works", clientSecret: SECRET, cookieKey };
const app = appFor(settings);

/** The cookie of a browser with this session. */
async function cookieOf(session: Session): Promise<string> {
  const sealing = new Hono().get("/", async (c) => {
    await new Cookies(cookieKey).keepSession(c, session);
    return c.body(null);
  });
  return (await sealing.request("/")).headers.get("set-cookie")?.split(";")[0] ?? "";
}
const EXPIRED: Session = { accessToken: "expired", refreshToken: "prt_unknown", expires: 0, scope: "read:orders" };

test("orders are each user's own", async () => {
  const [alice, bob] = [await postern.signIn({ scopes: ["read:orders", "write:orders"] }), await postern.signIn({ scopes: ["read:orders"] })];
  const order = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ item: "Murder hole cover", quantity: 1 }) };
  assert.equal((await alice.fetch("/api/orders", order)).status, 201);
  assert.equal((await bob.fetch("/api/orders", order)).status, 403);
  const items = async (of: typeof alice) => ((await (await of.fetch("/api/orders")).json()) as { orders: { item: string }[] }).orders.map(({ item }) => item);
  assert.equal((await items(alice))[0], "Murder hole cover");
  assert.ok(!(await items(bob)).includes("Murder hole cover"));
});

for (const kind of BROKEN) {
  test(`the API refuses an assertion: ${kind}`, async () => {
    const headers = { "x-postern-assertion": await postern.assertion(AUDIENCE, {}, kind) };
    assert.equal((await apiFor(postern.issuer).request("/api/orders", { headers })).status, 401);
  });
}

test("the API takes a sound assertion, and no request without one", async () => {
  const headers = { "x-postern-assertion": await postern.assertion(AUDIENCE) };
  assert.equal((await apiFor(postern.issuer).request("/api/orders", { headers })).status, 200);
  assert.equal((await apiFor(postern.issuer).request("/api/orders")).status, 401);
});

test("a page for users sends strangers to Postern, with PKCE", async () => {
  const answer = await app.request("/orders");
  assert.equal(answer.status, 303);
  const { origin, pathname, searchParams } = new URL(answer.headers.get("location") ?? "");
  assert.equal(origin + pathname, `${postern.issuer}/oauth/authorize`);
  assert.equal(searchParams.get("code_challenge_method"), "S256");
  assert.match(answer.headers.get("set-cookie") ?? "", /^__Host-sign-in=.*HttpOnly; Secure; SameSite=Lax$/);
});

test("a form of another origin is refused", async () => {
  const headers = { origin: "https://evil.example", "content-type": "application/x-www-form-urlencoded" };
  assert.equal((await app.request("/sign-out", { method: "POST", headers })).status, 403);
});

test("an answer that this browser did not ask for signs nobody in", async () => {
  const answer = await app.request("/callback?code=stolen&state=guessed");
  assert.equal(answer.status, 401);
  assert.doesNotMatch(answer.headers.get("set-cookie") ?? "", /__Host-session=[^;]/);
});

test("a refresh token that Postern refuses ends the session", async () => {
  const answer = await app.request("/orders", { headers: { cookie: await cookieOf(EXPIRED) } });
  assert.equal(answer.status, 303);
  assert.match(answer.headers.getSetCookie().join("\n"), /^__Host-session=; Max-Age=0;/m);
});

test("while Postern is down, the user stays signed in", async () => {
  // No request ever reaches this port: `fetch` refuses it.
  const alone = appFor({ ...settings, issuer: "http://localhost:9" });
  const answer = await alone.request("/orders", { headers: { cookie: await cookieOf(EXPIRED) } });
  assert.equal(answer.status, 503);
  assert.ok(answer.headers.has("retry-after"));
  assert.deepEqual(answer.headers.getSetCookie(), []);
});

test("a cookie that was changed is none", async () => {
  const cookie = await cookieOf({ ...EXPIRED, expires: Date.now() + 600_000 });
  const answer = await app.request("/account", { headers: { cookie: `${cookie.slice(0, -4)}AAAA` } });
  assert.equal(answer.status, 303);
  assert.equal((await app.request("/account", { headers: { cookie } })).status, 200);
});
