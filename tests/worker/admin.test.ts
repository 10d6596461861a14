// The administrators' API: who may call it, and what it does.
import { describe, expect, test } from "vitest";
import { bearer, expectEmpty, expectProblem, json, post, refresh, sessions, signIn, type Session, type Tokens } from "./support/client.ts";
import { ADMIN, ALICE, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { shared } from "./support/postern.ts";

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
    ["POST", "/admin/keys/revoke"],
    ["GET", "/admin/users/x/sessions"],
    ["DELETE", "/admin/users/x/sessions"],
  ];

  test.for(CALLS)("nobody without an access token: %s %s", async ([method, path]) => {
    await expectProblem(await postern().fetch(path, { method }), 401, "credentials_required");
  });

  test.for(CALLS)("no ordinary user: %s %s", async ([method, path]) => {
    const response = await call(method, path, await signIn(postern(), { login: ALICE }));
    expect(response.headers.get("www-authenticate")).toContain('scope="postern:admin"');
    await expectProblem(response, 403, "insufficient_scope");
  });

  test("an administrator whose session was ended a moment ago is nobody", async () => {
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

  test("no page of another origin, listed or not: no answer of it can be read there", async () => {
    const origin = { origin: "https://app.example.com" };
    const response = await postern().fetch("/admin/keys", { headers: { ...bearer((await admin()).access_token), ...origin } });
    await json(response);
    const preflight = await postern().fetch("/admin/keys", { method: "OPTIONS", headers: { ...origin, "access-control-request-method": "GET" } });
    for (const headers of [response.headers, preflight.headers]) {
      expect([...headers.keys()].filter((name) => name.startsWith("access-control-"))).toEqual([]);
    }
  });

  test("a path that is none is 404, a method that it does not take 405 with those that it does", async () => {
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

  test("an administrator ends all of a user's sessions, and tokens of them fail where the session is asked about", async () => {
    const [tokens, alice] = [await admin(), await signIn(postern())];
    await expectEmpty(await call("DELETE", `/admin/users/${subjectOf(alice)}/sessions`, tokens));
    await expectProblem(await refresh(postern(), alice.refresh_token), 401, "invalid_grant");
    await expectProblem(await postern().fetch("/auth/me", { headers: bearer(alice.access_token) }), 401, "invalid_token");
  });

  test("a user id that can be none is 404", async () => {
    await expectProblem(await call("GET", "/admin/users/nobody/sessions", await admin()), 404, "user_not_found");
  });
});

describe("keys", () => {
  const list = async (tokens: Tokens) => (await json<{ keys: Key[] }>(await call("GET", "/admin/keys", tokens))).keys;

  test("an administrator sees every key and its state", async () => {
    const keys = await list(await admin());
    expect(keys.map(({ state }) => state).sort()).toEqual(["active", "published"]);
    expect(keys.every(({ alg, since }) => alg === "ES256" && typeof since === "number")).toBe(true);
  });

  test("a rotation before the clients can know the next key is refused, and forced if need be", async () => {
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
    await expectProblem(await call("POST", "/admin/keys/revoke", await admin(), { kid: "A".repeat(43) }), 404, "unknown_key");
    await expectProblem(await call("POST", "/admin/keys/revoke", await admin(), { kid: "short" }), 400, "invalid_member");
  });
});

test("every administrator's action is a line of the log that names who, what and to whom", async () => {
  const tokens = await admin();
  const alice = await signIn(postern());
  await expectEmpty(await call("DELETE", `/admin/users/${subjectOf(alice)}/sessions/${alice.session_id}`, tokens));
  const line = await postern().logged(new RegExp(`admin_action.*${alice.session_id}`));
  const event = JSON.parse(line.slice(line.indexOf("{"))) as Record<string, unknown>;
  expect(event).toMatchObject({
    event: "admin_action",
    action: "session_revoked",
    target: `${subjectOf(alice)}/${alice.session_id}`,
    account: subjectOf(tokens),
    session_id: tokens.session_id,
  });
});
