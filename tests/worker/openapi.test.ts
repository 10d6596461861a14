// Answers of the running Worker are as docs/reference/openapi.yaml describes them, and every operation answers. That the description
// has every path, method and problem code is checked natively (crates/app/src/openapi_tests.rs); `make proof NAME=api` tries far more.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostern, type Postern } from "./harness.ts";
import { operationOf, operations, wrongWith } from "../proofs/api/description.ts";
import { bearer, browserSignIn, cookieHeader, signIn, type Tokens } from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { FormBrowser, formOf } from "./support/form-browser.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import { claimsOf } from "./support/jwt.ts";
import { OauthServer } from "./support/oauth-client.ts";
import { BACKEND, CLIENTS, grantOf } from "./support/oauth-scene.ts";
import { closedPort } from "./support/origin.ts";
import { eventually } from "./support/poll.ts";
import { Visitor } from "./support/visitor.ts";

const ROUTES = [{ path: "/{*rest}", access: "public", service: "ORIGIN" }];
const port = await closedPort();
const HERE = `http://127.0.0.1:${port}`;
let running: Postern | undefined;
let issuer: Issuer | undefined;
// Not watched for secrets in its log: the local profile prints messages there, one-time tokens and all, and those are read.
beforeAll(async () => {
  issuer = await Issuer.start([await issuerKey("ES256")]);
  const vars = settings({ POSTERN_ISSUER: HERE, POSTERN_ISSUERS: [issuer.setting()], POSTERN_ADMIN: { dashboard: true }, POSTERN_CLIENTS: CLIENTS, POSTERN_OAUTH: { stored_clients: true, registration: true }, POSTERN_REGISTRATION: "open" });
  running = await startPostern({ port, vars: { ...vars, POSTERN_ROUTES: { kv: "routes" } } });
});
afterAll(() => Promise.all([running?.dispose(), issuer?.stop()]));
const postern = (): Postern => running!;

const asked = new Set<string>();

interface Call {
  method: string;
  path: string;
  token?: string | undefined;
  body?: unknown;
  headers?: Record<string, string>;
  /** The status that the story needs. */
  status: number;
}

/** A call whose answer must be as described: its body. */
async function call<T = Record<string, unknown>>({ method, path, token, body, headers = {}, status }: Call): Promise<T> {
  const response = await postern().fetch(path, {
    method,
    headers: { ...(token === undefined ? {} : bearer(token)), ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  expect(response.status, text).toBe(status);
  judge(method, path, response, text);
  return (/[/+]json/.test(response.headers.get("content-type") ?? "") && text !== "" ? JSON.parse(text) : {}) as T;
}

/** An answer must be as described. */
function judge(method: string, path: string, { status, headers }: Response, text: string): void {
  const { pathname } = new URL(path, HERE);
  const operation = operationOf(method, pathname);
  if (operation === undefined) throw new Error(`${method} ${pathname} is not described`);
  expect(wrongWith(operation, status, headers.get("content-type"), text)).toEqual([]);
  if (status < 400) asked.add(`${operation.method} ${operation.path}`);
}

/** Postern, each of whose answers must be as described. */
const judged = (): Postern => ({
  ...postern(),
  async fetch(path, init) {
    const response = await postern().fetch(path, init);
    judge(init?.method ?? "GET", path, response, await response.clone().text());
    return response;
  },
});

/** The one-time token of the message of this kind to this user, as the local profile prints it. */
async function printed(kind: "verify_email" | "reset_password", login: string): Promise<string> {
  const isIt = (line: string) => line.includes(`"kind":"${kind}"`) && line.includes(login);
  return eventually("a message", () => /pot_[\w-]+/.exec(postern().logs.find(isIt) ?? "")?.[0]);
}

test("the judge finds what is not as described", () => {
  const me = operationOf("GET", "/auth/me")!;
  expect(wrongWith(me, 418, "application/json", "{}")).toHaveLength(1);
  expect(wrongWith(me, 200, "text/html", "{}")).toHaveLength(1);
  expect(wrongWith(me, 200, "application/json", '{"sub":1}').length).toBeGreaterThan(1);
  const problem = '{"type":"/auth/errors#x","title":"X","status":401,"code":"made_up"}';
  expect(wrongWith(me, 401, "application/problem+json", problem)).toEqual([expect.stringContaining("/code")]);
});

describe("every operation answers as described", () => {
  let admin: Tokens, alice: Tokens;
  const subject = () => String(claimsOf(alice.access_token)["sub"]);

  test("signing in, going on, leaving", async () => {
    await postern().kv.write("routes", JSON.stringify({ version: 1, routes: ROUTES }));
    const login = `${crypto.randomUUID()}@example.com`;
    await call({ method: "POST", path: "/auth/register", body: { login, password: PASSWORD }, status: 201 });
    const tokens = await call<Tokens>({ method: "POST", path: "/auth/login", body: { login, password: PASSWORD, delivery: "body" }, status: 200 });
    const next = await call<Tokens>({ method: "POST", path: "/auth/refresh", body: { refresh_token: tokens.refresh_token }, status: 200 });
    await call({ method: "POST", path: "/auth/logout", body: { refresh_token: next.refresh_token }, status: 204 });
    const browser = await browserSignIn(postern(), { login });
    const headers = { cookie: cookieHeader(browser.cookies), "x-csrf-token": browser.tokens.csrf_token };
    await call({ method: "POST", path: "/auth/refresh", headers, status: 200 });
    await call({ method: "GET", path: "/auth/csrf", headers, status: 200 });
    await call({ method: "POST", path: "/auth/logout-all", headers, status: 204 });
  });

  test("a user's own account", async () => {
    alice = await signIn(postern());
    const other = await signIn(postern());
    const token = alice.access_token;
    await call({ method: "GET", path: "/auth/me", token, status: 200 });
    await call({ method: "GET", path: "/auth/sessions", token, status: 200 });
    await call({ method: "DELETE", path: `/auth/sessions/${other.session_id}`, token, status: 204 });
    await call({ method: "DELETE", path: "/auth/sessions", token, status: 204 });
    await call({ method: "GET", path: "/auth/activity", token, status: 200 });
    await call({ method: "GET", path: "/auth/account/export", token, status: 200 });
    const login = `${crypto.randomUUID()}@example.com`;
    await call({ method: "POST", path: "/auth/register", body: { login, password: PASSWORD }, status: 201 });
    const own = await signIn(postern(), { login });
    await call({ method: "POST", path: "/auth/email/verification-request", token: own.access_token, status: 202 });
    await call({ method: "POST", path: "/auth/email/verify", body: { token: await printed("verify_email", login) }, status: 204 });
    const changed = { current_password: PASSWORD, new_password: `${PASSWORD} again` };
    await call({ method: "POST", path: "/auth/password", token: own.access_token, body: changed, status: 204 });
    await call({ method: "POST", path: "/auth/password/reset-request", body: { login }, status: 202 });
    await call({ method: "POST", path: "/auth/password/reset", body: { token: await printed("reset_password", login), new_password: PASSWORD }, status: 204 });
    const last = await signIn(postern(), { login });
    await call({ method: "POST", path: "/auth/account/delete", token: last.access_token, body: { password: PASSWORD }, status: 204 });
  });

  test("pages for people", async () => {
    const browser = new FormBrowser(judged());
    /** Fills the form of a page in, and posts it. */
    const post = async (path: string, fields: [string, string][] = []) => {
      const page = await browser.open(path);
      const form = formOf(await page.text());
      const answer = await browser.submit({ ...form, fields: [...form.fields, ...fields] });
      expect(answer.status, await answer.text()).toBeLessThan(400);
    };
    const login = `${crypto.randomUUID()}@example.com`;
    const own: [string, string][] = [["login", login], ["password", PASSWORD]];
    await post("/auth/sign-up", own);
    const { access_token: token } = await signIn(postern(), { login });
    await call({ method: "POST", path: "/auth/email/verification-request", token, status: 202 });
    await post("/auth/verify-address", [["token", await printed("verify_email", login)]]);
    await post("/auth/forgotten-password", [["login", login]]);
    await post("/auth/new-password", [["token", await printed("reset_password", login)], ["password", PASSWORD]]);
    await post("/auth/sign-in?another=1", own);
    expect((await browser.open("/auth/applications")).status).toBe(200);
    await post("/auth/sign-out");
    const form = { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body: "grant=x" };
    for (const path of ["/auth/applications", "/oauth/authorize"]) expect((await judged().fetch(path, form)).status, path).toBe(303);
  });

  test("clients of the authorization server", async () => {
    const server = await OauthServer.discover(judged(), HERE);
    await call({ method: "GET", path: "/.well-known/openid-configuration", status: 200 });
    const brought = await server.code(BACKEND, { prompt: "consent" });
    const { access_token, refresh_token = "" } = await server.redeem(BACKEND, brought);
    await server.refresh(BACKEND, refresh_token);
    await server.introspect(BACKEND, access_token);
    const { access_token: token } = await signIn(postern());
    await call({ method: "GET", path: "/auth/grants", token, status: 200 });
    await call({ method: "DELETE", path: `/auth/grants/${grantOf(access_token)}`, token, status: 204 });
    await server.revoke(BACKEND, access_token);
    const metadata = { redirect_uris: ["https://tool.example.test/cb"], client_name: "A tool" };
    await call({ method: "POST", path: "/oauth/register", body: metadata, status: 201 });
    await call({ method: "POST", path: "/oauth/register", body: {}, status: 400 });
  });

  test("what anybody may know", async () => {
    await call({ method: "GET", path: "/.well-known/jwks.json", status: 200 });
    await call({ method: "GET", path: "/healthz", status: 200 });
    await call({ method: "GET", path: "/auth/errors", status: 200 });
    await call({ method: "GET", path: "/readyz", status: 200 });
  });

  test("the dashboard", async () => {
    alice = await signIn(postern());
    const { access_token: token } = await signIn(postern(), { login: ADMIN });
    const client = { name: "Shown", redirect_uris: ["https://shown.example.test/cb"], scopes: ["a"] };
    const { client_id } = await call<{ client_id: string }>({ method: "POST", path: "/admin/clients", token, body: client, status: 201 });
    const visitor = new Visitor(judged);
    const first = await visitor.fetch("/admin/ui");
    await visitor.fill(first.headers.get("location") ?? "", { login: ADMIN, password: PASSWORD });
    expect((await visitor.fetch("/admin/ui")).status).toBe(303);
    for (const page of ["overview", "cost", "users", `users/${subject()}`, "clients", `clients/${client_id}`, "routes", "issuers", "keys", "revocations", "limits", "audit"]) {
      expect((await visitor.fetch(`/admin/ui/${page}`)).status, page).toBe(200);
    }
    const ask = `/admin/ui/confirm/throttle_clear?login=${encodeURIComponent(ALICE)}`;
    expect((await visitor.fill(ask, {})).status).toBe(303);
  });

  test("administrators' calls", async () => {
    admin = await signIn(postern(), { login: ADMIN });
    const token = admin.access_token;
    const { keys } = await call<{ keys: { kid: string; state: string }[] }>({ method: "GET", path: "/admin/keys", token, status: 200 });
    await call({ method: "POST", path: "/admin/keys/rotate", token, status: 409 });
    await call({ method: "POST", path: "/admin/keys/rotate", token, body: { algorithm: "EdDSA" }, status: 202 });
    await call({ method: "POST", path: "/admin/keys/rotate", token, body: { force: true }, status: 200 });
    await call({ method: "GET", path: "/metrics", token, status: 200 });
    await call({ method: "GET", path: "/admin/users?limit=1", token, status: 200 });
    const body = { login: `${crypto.randomUUID()}@example.com`, password: PASSWORD, scopes: ["a"], roles: ["b"], tenant_id: "c" };
    const { sub: user } = await call<{ sub: string }>({ method: "POST", path: "/admin/users", token, body, status: 201 });
    const row = { login: `${crypto.randomUUID()}@example.com`, password_hash: null };
    await call({ method: "POST", path: "/admin/users/import", token, body: { rows: [row, row, {}] }, status: 200 });
    await call({ method: "GET", path: `/admin/users/${user}`, token, status: 200 });
    await call({ method: "PUT", path: `/admin/users/${user}/grants`, token, body: { scopes: [] }, status: 200 });
    await call({ method: "PATCH", path: `/admin/users/${user}/grants`, token, body: { add: { roles: ["clerk"] } }, status: 200 });
    await call({ method: "GET", path: `/admin/users/${user}/grants`, token, status: 200 });
    await call({ method: "GET", path: `/admin/users/${user}/activity`, token, status: 200 });
    await call({ method: "POST", path: `/admin/users/${user}/reset`, token, status: 204 });
    await call({ method: "GET", path: "/admin/history?span=day", token, status: 200 });
    await call({ method: "GET", path: "/admin/issuers", token, status: 200 });
    await call({ method: "POST", path: "/admin/issuers/refresh", token, body: { issuer: issuer?.iss }, status: 200 });
    await call({ method: "GET", path: "/admin/routes/explain?url=https%3A%2F%2Fa.example%2Fx", token, status: 200 });
    await call({ method: "POST", path: `/admin/users/${user}/disable`, token, status: 204 });
    await call({ method: "POST", path: `/admin/users/${user}/enable`, token, status: 204 });
    await call({ method: "DELETE", path: `/admin/users/${user}`, token, status: 204 });
    const server = await OauthServer.discover(judged(), HERE);
    const { access_token: granted } = await server.redeem(BACKEND, await server.code(BACKEND, { prompt: "consent" }));
    await call({ method: "DELETE", path: `/admin/users/${subject()}/grants/${grantOf(granted)}`, token, status: 204 });
    await call({ method: "GET", path: `/admin/users/${subject()}/sessions`, token, status: 200 });
    await call({ method: "DELETE", path: `/admin/users/${subject()}/sessions/${alice.session_id}`, token, status: 204 });
    await call({ method: "DELETE", path: `/admin/users/${subject()}/sessions`, token, status: 204 });
    await call({ method: "POST", path: "/admin/revocations", token, body: { kind: "subject", sub: subject() }, status: 200 });
    await call({ method: "POST", path: "/admin/revocations", token, body: { kind: "subject" }, status: 400 });
    await call({ method: "GET", path: "/admin/routes", token, status: 200 });
    await call({ method: "PUT", path: "/admin/routes", token, body: { routes: [{}] }, status: 422 });
    await call({ method: "PUT", path: "/admin/routes", token, body: { routes: ROUTES }, status: 200 });
    await call({ method: "GET", path: "/admin/audit?limit=3", token, status: 200 });
    await call({ method: "POST", path: "/auth/login", body: { login: ALICE, password: "wrong" }, status: 401 });
    const { rows } = await call<{ rows: unknown[] }>({ method: "GET", path: `/admin/throttle?login=${ALICE}`, token, status: 200 });
    expect(rows).toHaveLength(1);
    await call({ method: "GET", path: "/admin/throttle?ip=127.0.0.1", token, status: 200 });
    await call({ method: "POST", path: "/admin/throttle/clear", token, body: { login: ALICE }, status: 204 });
    const client = { name: "Notes", redirect_uris: ["https://notes.example.test/cb"], scopes: ["a"], confidential: true };
    const { client_id, settings: kept } = await call<{ client_id: string; settings: object }>({ method: "POST", path: "/admin/clients", token, body: client, status: 201 });
    const ofClient = `/admin/clients/${client_id}`;
    await call({ method: "POST", path: "/admin/clients", token, body: { name: "x", redirect_uris: ["x"] }, status: 422 });
    await call({ method: "GET", path: "/admin/clients", token, status: 200 });
    await call({ method: "GET", path: ofClient, token, status: 200 });
    await call({ method: "PUT", path: ofClient, token, body: { ...kept, kind: "mobile" }, status: 200 });
    const { secrets } = await call<{ secrets: { secret_id: string }[] }>({ method: "POST", path: `${ofClient}/rotate-secret`, token, body: {}, status: 201 });
    await call({ method: "DELETE", path: `${ofClient}/secrets/${secrets[0]?.secret_id}`, token, status: 204 });
    await call({ method: "POST", path: `${ofClient}/disable`, token, status: 204 });
    await call({ method: "POST", path: `${ofClient}/enable`, token, status: 204 });
    await call({ method: "DELETE", path: ofClient, token, status: 204 });
    await call({ method: "GET", path: ofClient, token, status: 404 });
    await call({ method: "GET", path: "/metrics", token, status: 200 });
    // Last: it ends this administrator's own access token.
    const active = keys.find(({ state }) => state === "active")!;
    await call({ method: "POST", path: `/admin/keys/${active.kid}/revoke`, token, status: 200 });
  });

  test("none was left out", () => {
    const all = operations.map(({ method, path }) => `${method} ${path}`);
    expect(all.filter((operation) => !asked.has(operation))).toEqual([]);
  });
});

test("refusals are as described", async () => {
  await call({ method: "POST", path: "/auth/login", body: { login: ALICE, password: "wrong" }, status: 401 });
  await call({ method: "POST", path: "/auth/login", body: { login: ALICE }, status: 400 });
  await call({ method: "POST", path: "/auth/refresh", body: { refresh_token: "x" }, status: 401 });
  await call({ method: "GET", path: "/auth/me", status: 401 });
  await call({ method: "GET", path: "/admin/keys", status: 401 });
  const { access_token: token } = await signIn(postern());
  await call({ method: "GET", path: "/admin/keys", token, status: 403 });
  await call({ method: "DELETE", path: "/auth/sessions/x", token, status: 404 });
});
