// `POST /admin/revocations`: each kind, its refusal at the gate, and its line in the audit log.
import { Agent } from "node:http";
import { afterAll, describe, expect, test } from "vitest";
import { startWorkers, statusOf } from "../proofs/issuers/workers.ts";
import { bearer, expectProblem, json, post, refresh, signIn, type Tokens } from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import { claimsOf, headerOf } from "./support/jwt.ts";
import { eventually } from "./support/poll.ts";
import { shared } from "./support/postern.ts";

const LEVELS = ["none", "feed", "strong"] as const;
const ROUTES = LEVELS.map((revocation) => ({ name: revocation, path: `/${revocation}`, service: "ORIGIN", revocation, scopes_all: ["nobody:has"] }));
/** Read once in a long while: what is refused without being read again is refused because the order came here. */
const REVOCATION = { reread: 60, max_age: 300 };

/** Of the other issuer, in seconds. */
const LEEWAY = 30;

let issuer: Issuer;
const postern = shared(async () => {
  issuer = await Issuer.start([await issuerKey("ES256")]);
  return { vars: settings({ POSTERN_REVOCATION: REVOCATION, POSTERN_ISSUERS: [issuer.setting({ client_claim: "azp", leeway: LEEWAY })] }, ROUTES) };
});
afterAll(() => issuer.stop());

/** 403 is a token that is good, and lacks the scope. */
async function statuses(token: string): Promise<number[]> {
  const answers = [];
  for (const level of LEVELS) {
    const response = await postern().fetch(`/${level}`, { headers: bearer(token) });
    await response.text();
    answers.push(response.status);
  }
  return answers;
}

const GOOD = [403, 403, 403];
let signedIn: Tokens | undefined;
const admin = async () => (signedIn ??= await signIn(postern(), { login: ADMIN }));

async function order(body: Record<string, unknown>): Promise<Response> {
  return post(postern(), "/admin/revocations", body, bearer((await admin()).access_token));
}

interface Revoked {
  status: string;
  kind: string;
  sessions_ended?: number;
  refused_by_the_feed_at: number;
}

/** An order that must succeed. */
async function revoked(body: Record<string, unknown>): Promise<Revoked> {
  const answer = await json<Revoked>(await order(body));
  expect(answer).toMatchObject({ status: "revoked", kind: body["kind"], refused_by_the_feed_at: expect.any(Number) });
  return answer;
}

interface Act {
  action: string;
  target: string;
  result: string;
}

async function lastAct(): Promise<Act> {
  const { access_token } = await admin();
  const { entries } = await json<{ entries: { entry: Act }[] }>(await postern().fetch("/admin/audit?limit=200", { headers: bearer(access_token) }));
  return entries.at(-1)!.entry;
}

describe("ours", () => {
  // Its refresh token is refused too.
  test("a session: refused at once where the level is `strong`", async () => {
    const [one, other] = [await signIn(postern()), await signIn(postern())];
    expect(await statuses(one.access_token)).toEqual(GOOD);
    const subject = String(claimsOf(one.access_token)["sub"]);
    const body = { kind: "session", sub: subject, session_id: one.session_id };
    expect((await revoked(body)).sessions_ended).toBe(1);
    expect((await statuses(one.access_token))[2]).toBe(401);
    expect(await statuses(other.access_token)).toEqual(GOOD);
    await expectProblem(await refresh(postern(), one.refresh_token), 401, "invalid_grant");
    expect((await revoked(body)).sessions_ended, "again").toBe(0);
    expect(await lastAct()).toMatchObject({ action: "revoke", target: `session ${subject} ${one.session_id}`, result: "done" });
  });

  test("a subject: all its sessions, and a new sign-in is good", async () => {
    const [one, other] = [await signIn(postern()), await signIn(postern())];
    const subject = String(claimsOf(one.access_token)["sub"]);
    expect((await revoked({ kind: "subject", sub: subject })).sessions_ended).toBeGreaterThanOrEqual(2);
    for (const { access_token } of [one, other]) expect((await statuses(access_token))[2]).toBe(401);
    expect(await statuses((await signIn(postern())).access_token)).toEqual(GOOD);
  });

  // Where the order came in.
  test("one access token: refused at once, the session goes on", async () => {
    const { access_token, refresh_token } = await signIn(postern());
    expect(await statuses(access_token)).toEqual(GOOD);
    await revoked({ kind: "access_token", jti: claimsOf(access_token)["jti"] });
    expect(await statuses(access_token)).toEqual([403, 401, 401]);
    const next = await json<Tokens>(await refresh(postern(), refresh_token));
    expect(await statuses(next.access_token)).toEqual(GOOD);
  });

  // What comes after is good.
  test("a client: its tokens until now or until a given time", async () => {
    const before = await signIn(postern());
    const long = Math.floor(Date.now() / 1000) - 3600;
    await revoked({ kind: "client", client_id: "first-party", not_before: long });
    expect(await statuses(before.access_token)).toEqual(GOOD);
    await revoked({ kind: "client", client_id: "first-party" });
    expect(await statuses(before.access_token)).toEqual([403, 401, 401]);
    await expectProblem(await refresh(postern(), before.refresh_token), 401, "invalid_grant");
    // It names all until the end of this second.
    const second = Math.floor(Date.now() / 1000);
    await eventually("another second", () => (Date.now() / 1000 > second + 1.05 ? true : undefined));
    signedIn = undefined;
    expect(await statuses((await signIn(postern())).access_token)).toEqual(GOOD);
    expect(await lastAct()).toMatchObject({ action: "revoke", target: "client first-party", result: "done" });
  });
});

// And nothing else of that issuer.
test("another issuer's subject, session and token", async () => {
  const kid = "ES256-1";
  const [mine, session, token, other] = [{ sub: "mine" }, { sub: "s", sid: "their-session" }, { sub: "t", jti: "their-jti" }, { sub: "other", sid: "another" }];
  const tokens = await Promise.all([mine, session, token, other].map((claims) => issuer.token(kid, { azp: "an-app", ...claims })));
  for (const one of tokens) expect(await statuses(one)).toEqual(GOOD);
  await revoked({ kind: "subject", issuer: issuer.iss, sub: "mine", expires_at: Math.floor(Date.now() / 1000) + 30 * 86_400 });
  await revoked({ kind: "session", issuer: issuer.iss, session_id: "their-session" });
  await revoked({ kind: "access_token", issuer: issuer.iss, jti: "their-jti" });
  for (const one of tokens.slice(0, 3)) expect(await statuses(one)).toEqual([403, 401, 401]);
  expect(await statuses(tokens[3]!)).toEqual(GOOD);
  const [theirs, app] = await Promise.all([issuer.token(kid, { azp: "their-app" }), issuer.token(kid, { azp: "another-app", client_id: "their-app" })]);
  for (const one of [theirs, app]) expect(await statuses(one)).toEqual(GOOD);
  await revoked({ kind: "client", issuer: issuer.iss, client_id: "their-app" });
  expect(await statuses(theirs)).toEqual([403, 401, 401]);
  // The client is the claim that is configured, and no other.
  expect(await statuses(app)).toEqual(GOOD);
  await expectProblem(await order({ kind: "subject", issuer: "https://unknown.example", sub: "mine" }), 400, "untrusted_issuer");
  expect(await lastAct()).toMatchObject({ target: "subject mine https://unknown.example", result: "refused" });
});

// Nor does a clock of its that is ahead.
test("another issuer's later refresh gains nothing", async () => {
  const kid = "ES256-1";
  const token = (claims: Record<string, number>) => issuer.token(kid, { sub: "late", azp: "an-app", ...claims });
  const ordered = Math.floor(Date.now() / 1000);
  const ahead = await token({ iat: ordered + 20 });
  expect(await statuses(ahead)).toEqual(GOOD);
  await revoked({ kind: "subject", issuer: issuer.iss, sub: "late" });
  expect(await statuses(ahead)).toEqual([403, 401, 401]);
  await eventually("a second more than the leeway can be written", () => (Date.now() / 1000 > ordered + 3 ? true : undefined));
  // As late as the leeway lets a token be dated: after all that the order names.
  const iat = Math.floor(Date.now() / 1000) + LEEWAY - 1;
  expect(await statuses(await token({ iat, auth_time: ordered - 3600 })), "refreshed there").toEqual([403, 401, 401]);
  expect(await statuses(await token({ iat, auth_time: iat })), "signed in there anew").toEqual(GOOD);
  expect(await statuses(await token({ iat })), "without auth_time").toEqual(GOOD);
});

// It is no act in the audit log.
test("an order that names nothing or too much is refused", async () => {
  const soon = Math.floor(Date.now() / 1000) + 100;
  const before = await lastAct();
  for (const [body, code] of [
    [{}, "missing_member"],
    [{ kind: "tenant" }, "invalid_member"],
    [{ kind: "session", session_id: "VHOWjOHy7oFZ0WYQrn7X1A" }, "missing_member"],
    [{ kind: "session", sub: "not-ours", session_id: "VHOWjOHy7oFZ0WYQrn7X1A" }, "invalid_member"],
    [{ kind: "subject", sub: "alice@example.com" }, "invalid_member"],
    [{ kind: "access_token", jti: "" }, "invalid_member"],
    [{ kind: "access_token", jti: "x".repeat(401) }, "invalid_member"],
    [{ kind: "access_token", jti: "x", client_id: "first-party" }, "invalid_member"],
    [{ kind: "access_token", jti: "x", expires_at: soon }, "invalid_member"],
    [{ kind: "client", client_id: "first-party", not_before: soon }, "invalid_member"],
    [{ kind: "client", client_id: "x", issuer: issuer.iss, not_before: soon }, "invalid_member"],
    [{ kind: "client", client_id: "x", expires_at: soon }, "invalid_member"],
    [{ kind: "key", kid: "x", issuer: issuer.iss }, "invalid_member"],
    [{ kind: "session", issuer: issuer.iss, session_id: "s", expires_at: soon + 400 * 86_400 }, "invalid_member"],
    [{ kind: "session", issuer: issuer.iss, session_id: "s", expires_at: 1 }, "invalid_member"],
    [{ kind: "key", kid: "x", all: true }, "unknown_member"],
  ] as [Record<string, unknown>, string][]) {
    await expectProblem(await order(body), 400, code);
  }
  await expectProblem(await order({ kind: "key", kid: "unknown" }), 404, "unknown_key");
  expect(await lastAct()).toMatchObject({ action: "revoke", target: "key unknown", result: "refused" });
  expect(before.target).not.toBe("key unknown");
});

// A token and a signing key that were revoked in one isolate.
test("another isolate refuses it after reading the feed again", async () => {
  // Two isolates that share KV and objects. The copy of the key set would be trusted for five minutes.
  const workers = await startWorkers(2, { POSTERN_REVOCATION: { reread: 1, max_age: 60 }, POSTERN_ROUTES: ROUTES });
  const agent = new Agent({ keepAlive: true });
  try {
    const [here, there] = workers.urls as [URL, URL];
    const call = async <T>(path: string, body: unknown, token?: string): Promise<T> => {
      const headers = { "content-type": "application/json", ...(token === undefined ? {} : bearer(token)) };
      const response = await fetch(new URL(path, here), { method: "POST", headers, body: JSON.stringify(body) });
      const text = await response.text();
      expect(response.status, text).toBe(200);
      return JSON.parse(text) as T;
    };
    const login = (name: string) => call<Tokens>("/auth/login", { login: name, password: PASSWORD, delivery: "body" });
    const [one, other, operator] = [await login(ALICE), await login(ALICE), await login(ADMIN)];
    for (const { access_token } of [one, other]) for (const level of LEVELS) expect(await statusOf(agent, there, `/${level}`, access_token)).toBe(403);
    const refused = (path: string, { access_token }: Tokens) =>
      eventually(`${path} refuses`, async () => ((await statusOf(agent, there, path, access_token)) === 401 ? true : undefined));

    await call("/admin/revocations", { kind: "access_token", jti: claimsOf(one.access_token)["jti"] }, operator.access_token);
    for (const path of ["/feed", "/strong"]) await refused(path, one);
    expect(await statusOf(agent, there, "/none", one.access_token)).toBe(403);
    expect(await statusOf(agent, there, "/feed", other.access_token)).toBe(403);

    const kid = headerOf(other.access_token)["kid"];
    const answer = await call<Record<string, unknown>>("/admin/revocations", { kind: "key", kid }, operator.access_token);
    expect(answer).toMatchObject({ status: "revoked", kid, refused_by_the_feed_at: expect.any(Number) });
    expect(Number(answer["refused_by_the_feed_at"])).toBeLessThan(Number(answer["refused_at_the_gate_at"]));
    // By its key, and so at every level.
    for (const path of ["/feed", "/strong", "/none"]) await refused(path, other);
    const next = await login(ALICE);
    expect(headerOf(next.access_token)["kid"]).not.toBe(kid);
    for (const level of LEVELS) expect(await statusOf(agent, there, `/${level}`, next.access_token)).toBe(403);
  } finally {
    agent.destroy();
    await workers.stop();
  }
});
