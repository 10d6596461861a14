// Signing in, refreshing, leaving: the first-party API as an app uses it.
import { createRemoteJWKSet, jwtVerify } from "jose";
import { describe, expect, test } from "vitest";
import { bearer, expectEmpty, expectProblem, json, post, refresh, refreshed, sessions, signIn, wordsOf } from "./support/client.ts";
import { ADMIN, ALICE, AUDIENCE, OWN_ISSUER, PASSWORD, settings } from "./support/config.ts";
import { claimsOf, headerOf } from "./support/jwt.ts";
import { shared } from "./support/postern.ts";

/** Ten minutes, the default. */
const LIFETIME = 600;

const postern = shared(() => ({ vars: settings({ POSTERN_REGISTRATION: "open" }) }));

/** Registers somebody of whom no other test knows. */
async function newcomer(): Promise<string> {
  const login = `${crypto.randomUUID()}@example.com`;
  await json(await post(postern(), "/auth/register", { login, password: PASSWORD }), 201);
  return login;
}

describe("register", () => {
  // Until an administrator grants one.
  test("a registered user signs in without any scope", async () => {
    const login = await newcomer();
    const tokens = await signIn(postern(), { login });
    expect(tokens.scope).toBe("");
  });

  test("the answer has the subject of later access tokens", async () => {
    const login = `${crypto.randomUUID()}@example.com`;
    const answer = await json<{ sub: string }>(await post(postern(), "/auth/register", { login, password: PASSWORD }), 201);
    expect(Object.keys(answer)).toEqual(["sub"]);
    const tokens = await signIn(postern(), { login });
    expect(claimsOf(tokens.access_token)["sub"]).toBe(answer.sub);
  });

  test.for([
    ["another case", (login: string) => login.toUpperCase()],
    ["full-width letters", (login: string) => login.replace("user", "ｕｓｅｒ")],
    ["a decomposed accent", (login: string) => login.normalize("NFD")],
  ] as const)("one login written in two ways is one login: %s", async ([, respell]) => {
    const login = `user-é-${crypto.randomUUID()}@example.com`.normalize("NFC");
    await json(await post(postern(), "/auth/register", { login, password: PASSWORD }), 201);
    await expectProblem(await post(postern(), "/auth/register", { login: respell(login), password: PASSWORD }), 409, "login_taken");
    const [first, second] = [await signIn(postern(), { login }), await signIn(postern(), { login: respell(login) })];
    expect(claimsOf(second.access_token)["sub"]).toBe(claimsOf(first.access_token)["sub"]);
  });

  test("20 registrations of one login at once make one user", async () => {
    const login = `${crypto.randomUUID()}@example.com`;
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(postern(), "/auth/register", { login, password: PASSWORD })));
    const statuses = answers.map((answer) => answer.status).sort();
    expect(statuses).toEqual([201, ...Array.from({ length: 19 }, () => 409)]);
  });

  test("a taken login is refused whatever the password", async () => {
    await expectProblem(await post(postern(), "/auth/register", { login: ALICE, password: "another password" }), 409, "login_taken");
  });
});

describe("login", () => {
  test("an app gets both tokens in the body, and no cookie", async () => {
    const response = await post(postern(), "/auth/login", { login: ALICE, password: PASSWORD, delivery: "body" });
    expect(response.headers.getSetCookie()).toEqual([]);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    const tokens = await json<Record<string, unknown>>(response);
    expect(Object.keys(tokens).sort()).toEqual(
      ["access_token", "device_token", "expires_in", "refresh_token", "scope", "session_id", "token_type"],
    );
    expect(tokens).toMatchObject({ token_type: "Bearer", scope: "read:orders write:orders" });
    expect(tokens["refresh_token"]).toMatch(/^prt_[\w-]{60,}$/);
  });

  // Byte for byte.
  test("an unknown login and a wrong password look the same", async () => {
    const wrong = await post(postern(), "/auth/login", { login: ALICE, password: "wrong horse battery staple" });
    const unknown = await post(postern(), "/auth/login", { login: "nobody@example.com", password: PASSWORD });
    const [a, b] = [await wordsOf(wrong.clone()), await wordsOf(unknown.clone())];
    expect(a).toBe(b);
    const headers = (response: Response) => [...response.headers].filter(([name]) => !["date", "cf-ray", "x-postern-request-id"].includes(name));
    expect(headers(wrong)).toEqual(headers(unknown));
    await expectProblem(wrong, 401, "invalid_credentials");
    await expectProblem(unknown, 401, "invalid_credentials");
  });

  test("a password is compared byte for byte", async () => {
    for (const password of [`${PASSWORD} `, PASSWORD.toUpperCase(), PASSWORD.slice(0, -1), "x"]) {
      await expectProblem(await post(postern(), "/auth/login", { login: ALICE, password }), 401, "invalid_credentials");
    }
  });

  test("every sign-in is a session of its own", async () => {
    const [first, second] = [await signIn(postern()), await signIn(postern())];
    expect(second.session_id).not.toBe(first.session_id);
    expect(second.refresh_token).not.toBe(first.refresh_token);
  });
});

describe("access tokens", () => {
  // Tests RFC 9068 section 4: another library validates our access tokens by the published keys
  test("an independent library verifies them by the key set", async () => {
    const { access_token, session_id, scope } = await signIn(postern());
    const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", postern().url));
    const { payload } = await jwtVerify(access_token, keys, { issuer: OWN_ISSUER, audience: AUDIENCE, typ: "at+jwt" });
    expect(payload).toMatchObject({ sid: session_id, scope });
  });

  // Tests RFC 9068 section 2.1: the header has typ at+jwt and an asymmetric alg
  test("the header is alg, kid and typ, and nothing else", async () => {
    const { access_token } = await signIn(postern());
    const header = headerOf(access_token);
    expect(Object.keys(header).sort()).toEqual(["alg", "kid", "typ"]);
    expect(header).toMatchObject({ alg: "ES256", typ: "at+jwt", kid: expect.any(String) });
  });

  // With session and rotation count.
  // Tests RFC 9068 section 2.2: iss, exp, aud, sub, client_id, iat and jti are there
  test("the claims are those of RFC 9068", async () => {
    const before = Math.floor(Date.now() / 1000);
    const claims = claimsOf((await signIn(postern())).access_token);
    expect(Object.keys(claims).filter((name) => !["roles", "tenant_id", "auth_time", "amr"].includes(name)).sort()).toEqual(
      ["aud", "client_id", "exp", "iat", "iss", "jti", "rot", "scope", "sid", "sub"],
    );
    expect(claims).toMatchObject({
      iss: OWN_ISSUER,
      client_id: "first-party",
      scope: "read:orders write:orders",
      tenant_id: "acme",
      rot: expect.any(Number),
    });
    expect([claims["aud"]].flat()).toEqual([AUDIENCE]);
    expect(claims["iat"]).toBeGreaterThanOrEqual(before);
    expect(claims["iat"]).toBeLessThanOrEqual(Math.ceil(Date.now() / 1000));
  });

  // Tests RFC 7519 section 4.1.7: no two access tokens have one jti
  test("no two have the same jti", async () => {
    const tokens = await Promise.all(Array.from({ length: 5 }, () => signIn(postern())));
    expect(new Set(tokens.map((one) => claimsOf(one.access_token)["jti"])).size).toBe(5);
  });

  // Not all equally long; the answer says how long.
  // Tests RFC 6750 section 5.3: access tokens live an hour or less
  test("they live ten minutes less up to 5 %", async () => {
    // Chance makes all of eight equal once in 30^7 times.
    const tokens = await Promise.all(Array.from({ length: 8 }, () => signIn(postern())));
    for (const { access_token, expires_in } of tokens) {
      const { iat, exp } = claimsOf(access_token) as { iat: number; exp: number };
      expect(exp - iat).toBe(expires_in);
      expect(expires_in).toBeLessThanOrEqual(LIFETIME);
      expect(expires_in).toBeGreaterThanOrEqual(LIFETIME * 0.95);
    }
    expect(new Set(tokens.map((one) => one.expires_in)).size).toBeGreaterThan(1);
  });

  test("an ordinary user's is shorter than 1 KB", async () => {
    expect((await signIn(postern())).access_token.length).toBeLessThan(1024);
  });
});

describe("refresh in the body", () => {
  // Tests RFC 9700 section 4.14.2: a refresh gives out a new refresh token
  test("a new pair comes for the same session, one rotation further", async () => {
    const first = await signIn(postern());
    const second = await refreshed(postern(), first.refresh_token);
    expect(second).toMatchObject({ session_id: first.session_id, scope: first.scope, token_type: "Bearer" });
    expect(second.refresh_token).not.toBe(first.refresh_token);
    expect(second.csrf_token).toBeUndefined();
    const rotation = (token: string) => claimsOf(token)["rot"] as number;
    expect(rotation(second.access_token)).toBe(rotation(first.access_token) + 1);
    expect(claimsOf(second.access_token)["sub"]).toBe(claimsOf(first.access_token)["sub"]);
  });

  test("it sets no cookie", async () => {
    const { refresh_token } = await signIn(postern());
    expect((await refresh(postern(), refresh_token)).headers.getSetCookie()).toEqual([]);
  });

  test("without any refresh token it asks to sign in again", async () => {
    await expectProblem(await post(postern(), "/auth/refresh"), 401, "invalid_grant");
  });
});

describe("me", () => {
  test("it tells who the access token speaks for", async () => {
    const { access_token, session_id } = await signIn(postern());
    const me = await json<Record<string, unknown>>(await postern().fetch("/auth/me", { headers: bearer(access_token) }));
    expect(me).toEqual({
      sub: claimsOf(access_token)["sub"],
      client_id: "first-party",
      scope: "read:orders write:orders",
      roles: [],
      tenant_id: "acme",
      session_id,
      login: "alice@example.com",
      email: "alice@example.com",
      email_verified: false,
    });
  });

  test("it tells an administrator's roles", async () => {
    const { access_token } = await signIn(postern(), { login: ADMIN });
    const me = await json(await postern().fetch("/auth/me", { headers: bearer(access_token) }));
    expect(me).toMatchObject({ roles: ["admin"] });
    expect(me).not.toHaveProperty("tenant_id");
  });

  // RFC 6750, section 3.1.
  // Tests RFC 6750 section 3.1: our own calls send a bare challenge without a token
  test("without an access token the challenge is bare", async () => {
    const response = await postern().fetch("/auth/me");
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer(?: realm="[^"]*")?$/);
    await expectProblem(response, 401, "credentials_required");
  });

  // Tests RFC 6750 section 3.1: our own calls answer an unsound token with invalid_token
  test("an unsound access token is answered with invalid_token", async () => {
    const response = await postern().fetch("/auth/me", { headers: bearer("a.b.c") });
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer .*error="invalid_token"/);
    await expectProblem(response, 401, "invalid_token");
  });

  // Tests RFC 6749 section 1.5: a refresh token opens no resource
  test("a refresh token is no access token", async () => {
    const { refresh_token } = await signIn(postern());
    await expectProblem(await postern().fetch("/auth/me", { headers: bearer(refresh_token) }), 401, "invalid_token");
  });
});

describe("sessions", () => {
  // Most recently refreshed first.
  test("the list shows each device and marks the caller's", async () => {
    const login = await newcomer();
    const laptop = await signIn(postern(), { login, device_name: "Laptop", headers: { "user-agent": "Laptop/1.0" } });
    const phone = await signIn(postern(), { login, device_name: "Phone" });
    const list = await sessions(postern(), phone.access_token);
    expect(list.map(({ device_name, current }) => ({ device_name, current }))).toEqual(
      expect.arrayContaining([
        { device_name: "Laptop", current: false },
        { device_name: "Phone", current: true },
      ]),
    );
    expect(list).toHaveLength(2);
    expect(list.find((one) => one.session_id === laptop.session_id)).toMatchObject({
      client_id: "first-party",
      user_agent: "Laptop/1.0",
      rotation_count: claimsOf(laptop.access_token)["rot"],
    });
    for (const { created_at, refreshed_at, expires_at } of list) {
      expect(Math.abs(created_at - Date.now() / 1000)).toBeLessThan(60);
      expect(refreshed_at).toBeGreaterThanOrEqual(created_at);
      expect(expires_at).toBeGreaterThan(refreshed_at);
    }
    const times = list.map((one) => one.refreshed_at);
    expect(times).toEqual(times.toSorted((a, b) => b - a));
  });

  test("another user's sessions are not in it", async () => {
    const [mine, theirs] = [await newcomer(), await newcomer()];
    const { access_token, session_id } = await signIn(postern(), { login: mine });
    await signIn(postern(), { login: theirs });
    expect((await sessions(postern(), access_token)).map((one) => one.session_id)).toEqual([session_id]);
  });

  // Neither its refresh token nor its access token serves any more.
  test("a deleted session is over at once", async () => {
    const login = await newcomer();
    const [keep, lost] = [await signIn(postern(), { login }), await signIn(postern(), { login })];
    await expectEmpty(await postern().fetch(`/auth/sessions/${lost.session_id}`, { method: "DELETE", headers: bearer(keep.access_token) }));
    await expectProblem(await refresh(postern(), lost.refresh_token), 401, "invalid_grant");
    await expectProblem(await postern().fetch("/auth/me", { headers: bearer(lost.access_token) }), 401, "invalid_token");
    expect((await sessions(postern(), keep.access_token)).map((one) => one.session_id)).toEqual([keep.session_id]);
    await refreshed(postern(), keep.refresh_token);
  });

  test("one call ends all other sessions", async () => {
    const login = await newcomer();
    const [keep, one, two] = [await signIn(postern(), { login }), await signIn(postern(), { login }), await signIn(postern(), { login })];
    await expectEmpty(await postern().fetch("/auth/sessions", { method: "DELETE", headers: bearer(keep.access_token) }));
    for (const ended of [one, two]) {
      await expectProblem(await refresh(postern(), ended.refresh_token), 401, "invalid_grant");
      await expectProblem(await postern().fetch("/auth/me", { headers: bearer(ended.access_token) }), 401, "invalid_token");
    }
    expect((await sessions(postern(), keep.access_token)).map((session) => session.session_id)).toEqual([keep.session_id]);
    await refreshed(postern(), keep.refresh_token);
  });

  // Nor learn that it exists.
  test("a stranger cannot end a session by its id", async () => {
    const [victim, attacker] = [await signIn(postern()), await signIn(postern(), { login: await newcomer() })];
    for (const id of [victim.session_id, "AAAAAAAAAAAAAAAAAAAAAA", "no-such-id", "%00"]) {
      const response = await postern().fetch(`/auth/sessions/${id}`, { method: "DELETE", headers: bearer(attacker.access_token) });
      await expectProblem(response, 404, "session_not_found");
    }
    await refreshed(postern(), victim.refresh_token);
  });
});

describe("logout", () => {
  test.for([
    ["an access token", (tokens: { access_token: string; refresh_token: string }) => post(postern(), "/auth/logout", undefined, bearer(tokens.access_token))],
    ["the refresh token", (tokens: { access_token: string; refresh_token: string }) => post(postern(), "/auth/logout", { refresh_token: tokens.refresh_token })],
  ] as const)("by %s it ends this session and no other", async ([, logout]) => {
    const [leaving, staying] = [await signIn(postern()), await signIn(postern())];
    await expectEmpty(await logout(leaving));
    await expectProblem(await refresh(postern(), leaving.refresh_token), 401, "invalid_grant");
    await expectProblem(await postern().fetch("/auth/me", { headers: bearer(leaving.access_token) }), 401, "invalid_token");
    await refreshed(postern(), staying.refresh_token);
  });

  test("without credentials they are asked for", async () => {
    await expectProblem(await post(postern(), "/auth/logout"), 401, "credentials_required");
    await expectProblem(await post(postern(), "/auth/logout-all"), 401, "credentials_required");
  });

  // No other user's.
  test("logout-all ends every session of the user alone", async () => {
    const login = await newcomer();
    const mine = [await signIn(postern(), { login }), await signIn(postern(), { login }), await signIn(postern(), { login })] as const;
    const other = await signIn(postern());
    await expectEmpty(await post(postern(), "/auth/logout-all", undefined, bearer(mine[0].access_token)));
    for (const { access_token, refresh_token } of mine) {
      await expectProblem(await refresh(postern(), refresh_token), 401, "invalid_grant");
      await expectProblem(await postern().fetch("/auth/me", { headers: bearer(access_token) }), 401, "invalid_token");
    }
    await refreshed(postern(), other.refresh_token);
    const again = await signIn(postern(), { login });
    expect(await sessions(postern(), again.access_token)).toHaveLength(1);
  });

  test("logout-all takes a refresh token as well", async () => {
    const login = await newcomer();
    const [first, second] = [await signIn(postern(), { login }), await signIn(postern(), { login })];
    await expectEmpty(await post(postern(), "/auth/logout-all", { refresh_token: second.refresh_token }));
    await expectProblem(await refresh(postern(), first.refresh_token), 401, "invalid_grant");
  });

  test("an old refresh token cannot end the other sessions", async () => {
    const login = await newcomer();
    const [ended, alive] = [await signIn(postern(), { login }), await signIn(postern(), { login })];
    await expectEmpty(await post(postern(), "/auth/logout", { refresh_token: ended.refresh_token }));
    const response = await post(postern(), "/auth/logout-all", { refresh_token: ended.refresh_token });
    await response.text();
    await refreshed(postern(), alive.refresh_token);
  });
});

describe("the key set", () => {
  // Tests RFC 7517 section 9.2: the published key set has public members alone
  test("it holds public members only", async () => {
    const { keys } = await json<{ keys: Record<string, unknown>[] }>(await postern().fetch("/.well-known/jwks.json"));
    expect(keys.length).toBeGreaterThanOrEqual(2);
    for (const key of keys) {
      for (const secret of ["d", "p", "q", "dp", "dq", "qi", "k", "oth"]) expect(key).not.toHaveProperty(secret);
      expect(key).toMatchObject({ kid: expect.any(String), use: "sig", alg: expect.any(String) });
    }
    expect(new Set(keys.map((key) => key["kid"])).size).toBe(keys.length);
  });

  test("it names the key that signs", async () => {
    const { access_token } = await signIn(postern());
    const { keys } = await json<{ keys: { kid: string }[] }>(await postern().fetch("/.well-known/jwks.json"));
    expect(keys.map((key) => key.kid)).toContain(headerOf(access_token)["kid"]);
  });

  // Tests RFC 9111 section 4.3.2: the key set answers If-None-Match with 304
  // Tests RFC 9110 section 13.1.2: If-None-Match is compared weakly
  test("it may be cached, and is not sent again to who has it", async () => {
    const response = await postern().fetch("/.well-known/jwks.json");
    expect(response.headers.get("cache-control")).toBe("public, max-age=600");
    expect(response.headers.get("content-type")).toMatch(/^application\/(?:jwk-set\+)?json/);
    const etag = response.headers.get("etag") ?? "";
    expect(etag).toMatch(/^(?:W\/)?"[^"]+"$/);
    await response.text();
    for (const condition of [etag, `"other", ${etag}`, "*"]) {
      const again = await postern().fetch("/.well-known/jwks.json", { headers: { "if-none-match": condition } });
      expect(again.headers.get("etag")).toBe(etag);
      await expectEmpty(again, 304);
    }
    const changed = await postern().fetch("/.well-known/jwks.json", { headers: { "if-none-match": '"other"' } });
    await json(changed);
  });
});

describe("health", () => {
  test("a sound Worker is healthy and ready", async () => {
    await json(await postern().fetch("/healthz"));
    await json(await postern().fetch("/readyz"));
  });
});

test("every answer of ours carries the security headers", async () => {
  const { access_token } = await signIn(postern());
  const answers = [
    await postern().fetch("/auth/me", { headers: bearer(access_token) }),
    await postern().fetch("/auth/nothing-here"),
    await postern().fetch("/.well-known/jwks.json"),
    await postern().fetch("/healthz"),
    await postern().fetch("/api/orders"),
  ];
  for (const answer of answers) {
    await answer.text();
    expect(answer.headers.get("x-content-type-options"), answer.url).toBe("nosniff");
    expect(answer.headers.get("content-security-policy"), answer.url).toContain("default-src 'none'");
    expect(answer.headers.get("referrer-policy"), answer.url).toBe("no-referrer");
  }
});
