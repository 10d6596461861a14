// The administrators' API: who may call it, and what it does.
import { describe, expect, test } from "vitest";
import { bearer, expectEmpty, expectProblem, json, post, refresh, sessions, signIn, type Session, type Tokens } from "./support/client.ts";
import { startWorkers } from "../proofs/issuers/workers.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { claimsOf, headerOf } from "./support/jwt.ts";
import { eventually } from "./support/poll.ts";
import { shared, start } from "./support/postern.ts";

const postern = shared(() => ({ vars: settings({ POSTERN_CORS_ORIGINS: ["https://app.example.com"] }) }));

interface Key {
  kid: string;
  alg: string;
  state: string;
  since?: number;
  until?: number;
  cause?: string;
}

const admin = (): Promise<Tokens> => signIn(postern(), { login: ADMIN });
const subjectOf = (tokens: Tokens): string => String(claimsOf(tokens.access_token)["sub"]);

async function call(method: string, path: string, tokens: Tokens, body?: unknown): Promise<Response> {
  return postern().fetch(path, {
    method,
    headers: { ...bearer(tokens.access_token), ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

describe("who may call it", () => {
  const CALLS: [string, string][] = [
    ["GET", "/admin/keys"],
    ["POST", "/admin/keys/rotate"],
    ["POST", "/admin/keys/x/revoke"],
    ["GET", "/admin/users/x/sessions"],
    ["DELETE", "/admin/users/x/sessions"],
    ["PUT", "/admin/routes"],
    ["POST", "/admin/revocations"],
    ["GET", "/admin/audit"],
  ];

  test.for(CALLS)("nobody without an access token: %s %s", async ([method, path]) => {
    await expectProblem(await postern().fetch(path, { method }), 401, "credentials_required");
  });

  test.for(CALLS)("no ordinary user: %s %s", async ([method, path]) => {
    const response = await call(method, path, await signIn(postern(), { login: ALICE }));
    expect(response.headers.get("www-authenticate")).toContain('scope="postern:admin"');
    await expectProblem(response, 403, "insufficient_scope");
  });

  // It was ended a moment ago.
  test("an administrator's ended session opens nothing", async () => {
    const tokens = await admin();
    await expectEmpty(await post(postern(), "/auth/logout", undefined, bearer(tokens.access_token)));
    await expectProblem(await call("GET", "/admin/keys", tokens), 401, "invalid_token");
  });

  test("a refresh token or a cookie opens nothing", async () => {
    const tokens = await admin();
    const headers = { cookie: `__Secure-postern_refresh=${tokens.refresh_token}` };
    await expectProblem(await postern().fetch("/admin/keys", { headers }), 401, "credentials_required");
    await expectProblem(await postern().fetch("/admin/keys", { headers: bearer(tokens.refresh_token!) }), 401, "invalid_token");
  });

  // Whether it is listed or not.
  test("no page of another origin reads an answer", async () => {
    const origin = { origin: "https://app.example.com" };
    const response = await postern().fetch("/admin/keys", { headers: { ...bearer((await admin()).access_token), ...origin } });
    await json(response);
    const preflight = await postern().fetch("/admin/keys", { method: "OPTIONS", headers: { ...origin, "access-control-request-method": "GET" } });
    for (const headers of [response.headers, preflight.headers]) {
      expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    }
  });

  test("an unknown path is 404, a wrong method 405 with Allow", async () => {
    const tokens = await admin();
    for (const path of ["/admin", "/admin/", "/admin/nothing", "/admin/keys/", "/admin/users//sessions"]) {
      await expectProblem(await call("GET", path, tokens), 404, "not_found");
    }
    const response = await call("PUT", "/admin/keys", tokens);
    expect(response.headers.get("allow")).toBe("GET, HEAD, OPTIONS");
    await expectProblem(response, 405, "method_not_allowed");
  });

  test("an unknown parameter or member is found rather than ignored", async () => {
    const tokens = await admin();
    await expectProblem(await call("GET", "/admin/keys?stat=active", tokens), 400, "invalid_parameter");
    await expectProblem(await call("POST", "/admin/keys/rotate", tokens, { forced: true }), 400, "unknown_member");
    await expectProblem(await call("POST", "/admin/keys/rotate", tokens, { force: "yes" }), 400, "invalid_member");
    await expectProblem(await call("POST", "/admin/keys/rotate", tokens, { algorithm: "HS256" }), 400, "invalid_member");
  });
});

describe("sessions", () => {
  test("an administrator sees a user's sessions and ends one of them", async () => {
    const [tokens, alice, other] = [await admin(), await signIn(postern()), await signIn(postern())];
    const path = `/admin/users/${subjectOf(alice)}/sessions`;
    const listed = await json<{ sessions: Session[] }>(await call("GET", path, tokens));
    expect(listed.sessions.map(({ session_id }) => session_id)).toEqual(expect.arrayContaining([alice.session_id, other.session_id]));
    await expectEmpty(await call("DELETE", `${path}/${alice.session_id}`, tokens));
    await expectProblem(await refresh(postern(), alice.refresh_token), 401, "invalid_grant");
    expect((await sessions(postern(), other.access_token)).length).toBeGreaterThan(0);
    await expectProblem(await call("DELETE", `${path}/${alice.session_id}`, tokens), 404, "session_not_found");
  });

  // Their access tokens fail at once on routes with `strong`.
  test("an administrator ends all of a user's sessions", async () => {
    const [tokens, alice] = [await admin(), await signIn(postern())];
    await expectEmpty(await call("DELETE", `/admin/users/${subjectOf(alice)}/sessions`, tokens));
    await expectProblem(await refresh(postern(), alice.refresh_token), 401, "invalid_grant");
    await expectProblem(await postern().fetch("/auth/me", { headers: bearer(alice.access_token) }), 401, "invalid_token");
  });

  test("a user id that can be none is 404", async () => {
    await expectProblem(await call("GET", "/admin/users/nobody/sessions", await admin()), 404, "user_not_found");
  });
});

describe("users", () => {
  interface User {
    sub: string;
    login: string;
    scopes: string[];
    roles: string[];
    tenant_id?: string;
    disabled: boolean;
  }
  const login = () => `${crypto.randomUUID()}@example.com`;
  const add = async (tokens: Tokens, body: Record<string, unknown>) =>
    (await json<{ sub: string }>(await call("POST", "/admin/users", tokens, { password: PASSWORD, ...body }), 201)).sub;
  const show = async (tokens: Tokens, id: string) => json<User>(await call("GET", `/admin/users/${id}`, tokens));

  test("an added user signs in with what was granted", async () => {
    const [tokens, name] = [await admin(), login()];
    const id = await add(tokens, { login: name, scopes: ["read:orders"], roles: ["clerk"], tenant_id: "acme" });
    expect(await show(tokens, id)).toMatchObject({ login: name, scopes: ["read:orders"], roles: ["clerk"], tenant_id: "acme", disabled: false });
    expect(JSON.stringify(await show(tokens, id))).not.toContain("argon2");
    const own = await signIn(postern(), { login: name });
    expect(claimsOf(own.access_token)).toMatchObject({ sub: id, scope: "read:orders", roles: ["clerk"], tenant_id: "acme" });
    await expectProblem(await call("POST", "/admin/users", tokens, { login: name, password: PASSWORD }), 409, "login_taken");
  });

  // By its beginning and by the whole.
  test("users are listed in pages and found by login", async () => {
    const tokens = await admin();
    const family = crypto.randomUUID();
    for (const name of ["c", "a", "b"]) await add(tokens, { login: `${family}-${name}@example.com` });
    const page = async (query: string) => json<{ users: User[]; next?: string }>(await call("GET", `/admin/users?${query}`, tokens));
    const first = await page(`search=${family.toUpperCase()}&limit=2`);
    expect(first.users.map((user) => user.login.at(37))).toEqual(["a", "b"]);
    const second = await page(`search=${family}&limit=2&after=${first.next}`);
    expect(second.users.map((user) => user.login.at(37))).toEqual(["c"]);
    expect(second.next).toBeUndefined();
    expect((await page(`login=${encodeURIComponent(`${family}-B@Example.com`)}`)).users).toHaveLength(1);
    expect((await page("login=nobody%40example.com")).users).toEqual([]);
    await expectProblem(await call("GET", "/admin/users?after=x", tokens), 400, "invalid_parameter");
    await expectProblem(await call("GET", "/admin/users?limit=201", tokens), 400, "invalid_parameter");
  });

  test("a disabled user is signed out until enabled again", async () => {
    const [tokens, name] = [await admin(), login()];
    const id = await add(tokens, { login: name });
    const own = await signIn(postern(), { login: name });
    await expectEmpty(await call("POST", `/admin/users/${id}/disable`, tokens));
    await expectProblem(await refresh(postern(), own.refresh_token), 401, "invalid_grant");
    await expectProblem(await post(postern(), "/auth/login", { login: name, password: PASSWORD }), 401, "invalid_credentials");
    await expectEmpty(await call("POST", `/admin/users/${id}/enable`, tokens));
    await signIn(postern(), { login: name });
  });

  test("a removed grant ends the sessions, an added one does not", async () => {
    const [tokens, name] = [await admin(), login()];
    const id = await add(tokens, { login: name, scopes: ["read:orders"] });
    const own = await signIn(postern(), { login: name });
    const added = { add: { scopes: ["write:orders"], roles: ["clerk"] } };
    expect(await json(await call("PATCH", `/admin/users/${id}/grants`, tokens, added))).toEqual({
      sub: id,
      scopes: ["read:orders", "write:orders"],
      roles: ["clerk"],
      added: { scopes: ["write:orders"], roles: ["clerk"] },
      removed: { scopes: [], roles: [] },
    });
    const next = await json<Tokens>(await refresh(postern(), own.refresh_token));
    expect(await json(await call("PUT", `/admin/users/${id}/grants`, tokens, {}))).toMatchObject({
      removed: { scopes: ["read:orders", "write:orders"], roles: ["clerk"] },
    });
    await expectProblem(await refresh(postern(), next.refresh_token!), 401, "invalid_grant");
    expect((await signIn(postern(), { login: name })).scope).toBe("");
  });

  test("an erased user is gone, sessions and all", async () => {
    const [tokens, name] = [await admin(), login()];
    const id = await add(tokens, { login: name });
    const own = await signIn(postern(), { login: name });
    await expectEmpty(await call("DELETE", `/admin/users/${id}`, tokens));
    await expectProblem(await refresh(postern(), own.refresh_token), 401, "invalid_grant");
    await expectProblem(await call("GET", `/admin/users/${id}`, tokens), 404, "user_not_found");
    await expectProblem(await call("DELETE", `/admin/users/${id}`, tokens), 404, "user_not_found");
    expect(await postern().sql("SELECT * FROM users WHERE login = ?", name)).toEqual([]);
  });

  test("what can be no scope, role or tenant is refused by its name", async () => {
    const tokens = await admin();
    for (const [member, value] of [
      ["scopes", "read:orders"],
      ["scopes", ["read orders"]],
      ["scopes", [7]],
      ["roles", [""]],
      ["roles", ["a\nb"]],
      ["roles", Array.from({ length: 65 }, (_, index) => `r${index}`)],
      ["tenant_id", ""],
      ["tenant_id", "x".repeat(129)],
    ] as const) {
      const problem = await expectProblem(await call("POST", "/admin/users", tokens, { login: login(), password: PASSWORD, [member]: value }), 400, "invalid_member");
      expect(problem.errors?.map(({ field }) => field)).toEqual([member]);
    }
  });
});

describe("keys", () => {
  const list = async (tokens: Tokens) => (await json<{ keys: Key[] }>(await call("GET", "/admin/keys", tokens))).keys;

  test("an administrator sees every key and its state", async () => {
    const keys = await list(await admin());
    expect(keys.map(({ state }) => state).sort()).toEqual(["active", "published"]);
    expect(keys.every(({ alg, since }) => alg === "ES256" && typeof since === "number")).toBe(true);
  });

  // Clients cannot know the next key yet.
  test("an early rotation is refused unless it is forced", async () => {
    const tokens = await admin();
    const before = await list(tokens);
    const refused = await call("POST", "/admin/keys/rotate", tokens);
    expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectProblem(refused, 409, "key_too_young");
    const rotated = await json<Record<string, string>>(await call("POST", "/admin/keys/rotate", tokens, { force: true }));
    const kid = (state: string) => before.find((key) => key.state === state)?.kid;
    expect(rotated).toEqual({ status: "rotated", kid: kid("published"), former_kid: kid("active") });
    // Who signed in before keeps the access token: its key is still published.
    await json(await postern().fetch("/auth/me", { headers: bearer(tokens.access_token) }));
    expect((await signIn(postern())).access_token).toBeTruthy();
  });

  test("a key that the ring does not know cannot be revoked", async () => {
    const tokens = await admin();
    for (const kid of ["A".repeat(43), "short", "A%2fB"]) {
      await expectProblem(await call("POST", `/admin/keys/${kid}/revoke`, tokens), 404, "unknown_key");
    }
  });
});

describe("the audit log", () => {
  interface Page {
    entries: Record<string, unknown>[];
    last: number;
    next?: string;
  }
  /** Every entry, in pages of two. */
  async function everything(tokens: Tokens): Promise<Record<string, unknown>[]> {
    const entries = [];
    for (let after = "0"; ; ) {
      const page = await json<Page>(await call("GET", `/admin/audit?after=${after}&limit=2`, tokens));
      entries.push(...page.entries);
      if (page.next === undefined) return entries;
      after = page.next;
    }
  }

  // With actor, action and target.
  test("an administrator's act is announced and concluded", async () => {
    const tokens = await admin();
    const alice = await signIn(postern());
    const target = `${subjectOf(alice)}/${alice.session_id}`;
    await expectEmpty(await call("DELETE", `/admin/users/${subjectOf(alice)}/sessions/${alice.session_id}`, tokens));
    await expectProblem(await call("DELETE", `/admin/users/${subjectOf(alice)}/sessions/${alice.session_id}`, tokens), 404, "session_not_found");
    const text = (await everything(tokens)).map((entry) => JSON.stringify(entry));
    const own = text.filter((entry) => entry.includes(target));
    expect(own.map((entry) => /"result":"(\w+)"/.exec(entry)?.[1])).toEqual(["requested", "done", "requested", "refused"]);
    expect(own.every((entry) => entry.includes('"session_revoke"') && entry.includes(subjectOf(tokens)))).toBe(true);
    await postern().logged(new RegExp(`admin_action.*${alice.session_id}`));
  });

  test("a place in it that no log can have is refused, not a fault", async () => {
    const tokens = await admin();
    for (const after of ["-1", "x", "9007199254740992", "95204190732495456", "99999999999999999999"]) {
      await expectProblem(await call("GET", `/admin/audit?after=${after}`, tokens), 400, "invalid_parameter");
    }
    expect((await json<Page>(await call("GET", "/admin/audit?after=9007199254740991", tokens))).entries).toEqual([]);
  });

  test("reading leaves no entry", async () => {
    const tokens = await admin();
    const last = async () => (await json<Page>(await call("GET", "/admin/audit", tokens))).last;
    const before = await last();
    await json(await call("GET", "/admin/keys", tokens));
    expect(await last()).toBe(before);
  });
});

test("the API moves away from an origin's own /admin", async () => {
  const moved = await start({
    vars: settings({ POSTERN_ADMIN: { path: "/ops/postern" } }, [{ name: "own", path: "/admin/{*rest}", access: "public", service: "ORIGIN" }]),
  });
  try {
    const headers = bearer((await signIn(moved, { login: ADMIN })).access_token);
    await json(await moved.fetch("/ops/postern/keys", { headers }));
    // The origin's own word, and not Postern's problem.
    expect(await json(await moved.fetch("/admin/keys", { headers }), 404)).not.toHaveProperty("code");
  } finally {
    await moved.dispose();
  }
});

describe("the route table", () => {
  test("in the Worker's variables it is told of and not changed", async () => {
    const tokens = await admin();
    expect(await json(await call("GET", "/admin/routes", tokens))).toMatchObject({ source: "vars", count: expect.any(Number) });
    await expectProblem(await call("PUT", "/admin/routes", tokens, { routes: [] }), 409, "routes_in_vars");
  });

  // Here; other isolates follow.
  test("in KV it is checked, versioned and in force at once", async () => {
    const own = await start({ vars: settings({ POSTERN_ROUTES: { kv: "routes", refresh: 30 } }) });
    try {
      const routes = [{ name: "all", path: "/{*rest}", access: "public", service: "ORIGIN" }];
      await own.kv.write("routes", JSON.stringify({ version: 1, routes: [] }));
      const tokens = await signIn(own, { login: ADMIN });
      const put = (body: unknown) =>
        own.fetch("/admin/routes", {
          method: "PUT",
          headers: { ...bearer(tokens.access_token), "content-type": "application/json" },
          body: JSON.stringify(body),
        });
      const problem = await expectProblem(await put({ routes: [{ path: "/x" }, { path: "//", service: "ORIGIN" }] }), 422, "invalid_routes");
      expect(problem.errors?.map(({ field }) => field)).toEqual(expect.arrayContaining(["routes[1].path"]));
      await expectProblem(await put({ routes, replaces: 7 }), 409, "version_conflict");
      await expectProblem(await own.fetch("/echo"), 404, "no_route");
      const { version } = await json<{ version: number }>(await put({ routes, replaces: 1 }));
      expect(version).toBeGreaterThan(1);
      await json(await own.fetch("/echo"));
      const read = await own.fetch("/admin/routes", { headers: bearer(tokens.access_token) });
      expect(await json(read)).toEqual({ source: "kv", count: 1, version, version_in_force_here: version, routes });
    } finally {
      await own.dispose();
    }
  });
});

// At once where the order came in, elsewhere within the stated age.
test("emergency: a revoked key's tokens are refused in time", async () => {
  const softAge = 2;
  const keys = { publish_lead: 60, active_period: 3600, client_cache: 2 };
  const workers = await startWorkers(2, { POSTERN_JWKS: { soft_age: softAge }, POSTERN_KEYS: keys });
  try {
    const [here, there] = workers.urls as [URL, URL];
    const login = async (name: string) => {
      const body = JSON.stringify({ login: name, password: PASSWORD, delivery: "body" });
      return json<Tokens>(await fetch(new URL("/auth/login", here), { method: "POST", headers: { "content-type": "application/json" }, body }));
    };
    const [tokens, alice] = [await login(ADMIN), await login(ALICE)];
    const passes = async (at: URL) => (await fetch(new URL("/api/orders", at), { headers: bearer(alice.access_token) })).status;
    expect([await passes(here), await passes(there)]).toEqual([200, 200]);
    const kid = headerOf(alice.access_token)["kid"] as string;
    const revoked = await fetch(new URL(`/admin/keys/${kid}/revoke`, here), { method: "POST", headers: bearer(tokens.access_token) });
    const answer = await json<Record<string, number | string>>(revoked);
    expect(answer).toMatchObject({ status: "revoked", kid });
    expect(await passes(here)).toBe(401);
    // One request may still be judged by the old set while it is renewed: keep asking, as traffic does.
    await eventually("the other isolate refuses", async () => ((await passes(there)) === 401 ? true : undefined));
    expect(Date.now()).toBeLessThan((Number(answer["refused_at_the_gate_at"]) + 1) * 1000);
    expect(Number(answer["refused_at_the_gate_at"]) * 1000).toBeLessThan(Date.now() + (softAge + 2) * 1000);
    // The session is as alive as before: the next token is signed by the key that took over.
    const refreshed = await json<Tokens>(
      await fetch(new URL("/auth/refresh", here), {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ refresh_token: alice.refresh_token }),
      }),
    );
    expect(headerOf(refreshed.access_token)["kid"]).toBe(answer["active_kid"]);
    const status = await fetch(new URL("/api/orders", there), { headers: bearer(refreshed.access_token) });
    expect(status.status).toBe(200);
  } finally {
    await workers.stop();
  }
});
