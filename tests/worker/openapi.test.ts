// Answers of the running Worker are as docs/openapi.yaml describes them, and every operation answers. That the description
// has every path, method and problem code is checked natively (src/service/openapi_tests.rs); `make api` tries far more.
import { describe, expect, test } from "vitest";
import { operationOf, operations, wrongWith } from "../api/description.ts";
import { bearer, browserSignIn, cookieHeader, signIn, type Tokens } from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { shared } from "./support/postern.ts";

const ROUTES = [{ path: "/{*rest}", access: "public", service: "ORIGIN" }];
const postern = shared(() => ({
  vars: { ...settings({ POSTERN_REGISTRATION: "open" }), POSTERN_ROUTES: { kv: "routes" } },
}));

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
  const operation = operationOf(method, path.split("?")[0]!);
  if (operation === undefined) throw new Error(`${method} ${path} is not described`);
  expect(wrongWith(operation, response.status, response.headers.get("content-type"), text)).toEqual([]);
  if (status < 400) asked.add(`${operation.method} ${operation.path}`);
  return (text === "" ? {} : JSON.parse(text)) as T;
}

test("the judge finds what is not as described", () => {
  const me = operationOf("GET", "/auth/me")!;
  expect(wrongWith(me, 418, "application/json", "{}")).toHaveLength(1);
  expect(wrongWith(me, 200, "text/html", "{}")).toHaveLength(1);
  expect(wrongWith(me, 200, "application/json", '{"sub":1}').length).toBeGreaterThan(1);
  const problem = '{"type":"urn:postern:problem:x","title":"X","status":401,"code":"made_up"}';
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
  });

  test("what anybody may know", async () => {
    await call({ method: "GET", path: "/.well-known/jwks.json", status: 200 });
    await call({ method: "GET", path: "/healthz", status: 200 });
    await call({ method: "GET", path: "/readyz", status: 200 });
  });

  test("administrators' calls", async () => {
    admin = await signIn(postern(), { login: ADMIN });
    const token = admin.access_token;
    const { keys } = await call<{ keys: { kid: string; state: string }[] }>({ method: "GET", path: "/admin/keys", token, status: 200 });
    await call({ method: "POST", path: "/admin/keys/rotate", token, status: 409 });
    await call({ method: "POST", path: "/admin/keys/rotate", token, body: { algorithm: "EdDSA" }, status: 202 });
    await call({ method: "POST", path: "/admin/keys/rotate", token, body: { force: true }, status: 200 });
    await call({ method: "GET", path: `/admin/users/${subject()}/sessions`, token, status: 200 });
    await call({ method: "DELETE", path: `/admin/users/${subject()}/sessions/${alice.session_id}`, token, status: 204 });
    await call({ method: "DELETE", path: `/admin/users/${subject()}/sessions`, token, status: 204 });
    await call({ method: "GET", path: "/admin/routes", token, status: 200 });
    await call({ method: "PUT", path: "/admin/routes", token, body: { routes: [{}] }, status: 422 });
    await call({ method: "PUT", path: "/admin/routes", token, body: { routes: ROUTES }, status: 200 });
    await call({ method: "GET", path: "/admin/audit?limit=3", token, status: 200 });
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
