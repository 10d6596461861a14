// Parts that fail: what does not need them goes on, what does says 503, and nothing is lost.
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { bearer, expectProblem, json, post, refresh, refreshed, signIn, wordsOf } from "./support/client.ts";
import { ALICE, PASSWORD, settings } from "./support/config.ts";
import { eventually } from "./support/poll.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

let persist: string;
const running: Running[] = [];
beforeEach(async () => {
  persist = await mkdtemp(join(tmpdir(), "postern-faults-"));
});
afterEach(async () => {
  for (const postern of running.splice(0)) {
    await postern.dispose();
    expectNoSecrets(postern);
  }
  await rm(persist, { recursive: true, force: true });
});

async function boot(vars: Record<string, unknown> = {}): Promise<Running> {
  const postern = await start({ persist, vars: settings({ POSTERN_REGISTRATION: "open", ...vars }) });
  running.push(postern);
  return postern;
}

async function expectUnavailable(response: Response): Promise<void> {
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  await expectProblem(response, 503, "unavailable");
}

// When it returns, all is well.
test("without the database no one signs in, sessions go on", async () => {
  const postern = await boot();
  const tokens = await signIn(postern);
  await postern.sql("ALTER TABLE users RENAME TO users_elsewhere");

  await expectUnavailable(await post(postern, "/auth/login", { login: ALICE, password: PASSWORD }));
  await expectUnavailable(await post(postern, "/auth/register", { login: "new@example.com", password: PASSWORD }));
  const ready = await postern.fetch("/readyz");
  const { parts } = (await ready.json()) as { parts: { part: string; ok: boolean }[] };
  expect(ready.status).toBe(503);
  expect(parts.filter((part) => !part.ok).map((part) => part.part)).toEqual(["database"]);
  await json(await postern.fetch("/healthz"));

  const next = await refreshed(postern, tokens.refresh_token);
  await json(await postern.fetch("/api/orders", { headers: bearer(next.access_token) }));

  await postern.sql("ALTER TABLE users_elsewhere RENAME TO users");
  // What was found is told for 5 s.
  await eventually("it is ready again", async () => ((await postern.fetch("/readyz")).status === 200 ? true : undefined));
  await signIn(postern);
  await refreshed(postern, next.refresh_token);
});

test("a disabled user is refused in the words of a wrong password", async () => {
  const postern = await boot();
  await signIn(postern);
  await postern.sql("UPDATE users SET disabled = 1 WHERE login = ?", ALICE);
  const disabled = await post(postern, "/auth/login", { login: ALICE, password: PASSWORD });
  const unknown = await post(postern, "/auth/login", { login: "nobody@example.com", password: PASSWORD });
  expect(await wordsOf(disabled.clone())).toBe(await wordsOf(unknown));
  await expectProblem(disabled, 401, "invalid_credentials");
});

// It gives no caller anything.
test("a row that no program of ours wrote is a fault", async () => {
  const postern = await boot();
  await signIn(postern);
  for (const hash of ["", "plain text", "$argon2id$v=19$m=4294967295,t=2,p=1$c2FsdHNhbHQ$aGFzaA", "$2y$99$x"]) {
    await postern.sql("UPDATE users SET password_hash = ? WHERE login = ?", hash, ALICE);
    const response = await post(postern, "/auth/login", { login: ALICE, password: PASSWORD });
    expect([401, 503], hash).toContain(response.status);
    await response.text();
  }
});

test.for([
  ["is emptied", async (postern: Running, key: string) => postern.kv.remove(key)],
  ["holds garbage", async (postern: Running, key: string) => postern.kv.write(key, "<html>")],
  ["holds an empty key set", async (postern: Running, key: string) => postern.kv.write(key, '{"keys":[]}')],
] as [string, (postern: Running, key: string) => Promise<void>][])("when KV %s, the key ring's own object has the keys", async ([, spoil]) => {
  const before = await boot();
  const tokens = await signIn(before);
  await json(await before.fetch("/api/orders", { headers: bearer(tokens.access_token) }));
  const keys = await before.kv.keys();
  expect(keys.length, "nothing was published to KV").toBeGreaterThan(0);
  for (const key of keys) await spoil(before, key);
  await before.killHard();

  // A fresh isolate remembers nothing and has to ask.
  const after = await boot();
  await json(await after.fetch("/api/orders", { headers: bearer(tokens.access_token) }));
  const set = await json<{ keys: unknown[] }>(await after.fetch("/.well-known/jwks.json"));
  expect(set.keys.length).toBeGreaterThanOrEqual(2);
  await refreshed(after, tokens.refresh_token);
});

// The stored keys stay closed.
test("another master key: 503 and no new signing keys", async () => {
  const before = await boot();
  const tokens = await signIn(before);
  await before.killHard();

  const wrong = await boot({ POSTERN_MASTER_KEY: randomBytes(32).toString("base64url") });
  const response = await post(wrong, "/auth/login", { login: ALICE, password: PASSWORD });
  expect([401, 503]).toContain(response.status);
  await response.text();
  await wrong.killHard();

  // With the right one back, nothing was lost.
  const after = await boot();
  await json(await after.fetch("/api/orders", { headers: bearer(tokens.access_token) }));
  await refreshed(after, tokens.refresh_token);
});

describe("while Throttle objects fail", () => {
  async function failing(open?: string[]): Promise<{ postern: Running; refresh_token: string; access_token: string }> {
    const vars = settings({
      POSTERN_REGISTRATION: "open",
      POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
      POSTERN_LIMITS: open === undefined ? {} : { open_without_throttle: open },
    });
    const postern = await start({ vars, breakable: true });
    running.push(postern);
    const { refresh_token, access_token } = await signIn(postern);
    await postern.break({ THROTTLE: "throws" });
    return { postern, refresh_token, access_token };
  }
  const register = (postern: Running) => post(postern, "/auth/register", { login: `${crypto.randomUUID()}@example.com`, password: PASSWORD });

  // Every fault is in the log.
  test("by default refreshes go on, guessable calls are 503", async () => {
    const { postern, refresh_token, access_token } = await failing();
    const next = await refreshed(postern, refresh_token);
    await expectUnavailable(await post(postern, "/auth/login", { login: ALICE, password: PASSWORD }));
    await expectUnavailable(await register(postern));
    await expectUnavailable(await post(postern, "/auth/password/reset-request", { login: ALICE }));
    const change = { current_password: PASSWORD, new_password: `${PASSWORD} again` };
    await expectUnavailable(await post(postern, "/auth/password", change, bearer(access_token)));
    await json(await postern.fetch("/api/orders", { headers: bearer(next.access_token) }));
    await postern.logged(/"event":"fault".*"part":"throttle".*broken for a test/);
    const faults = () => postern.logs.filter((line) => line.includes('"part":"throttle"')).length;
    await eventually("a fault for each of five calls", () => (faults() === 5 ? true : undefined));

    // The objects are back: nothing is left of it, and nobody was charged.
    await postern.break();
    await signIn(postern);
    await json(await register(postern), 201);
  });

  // Registrations as sign-ins.
  test("by rule sign-ins go on too, or not even refreshes", async () => {
    const open = await failing(["login", "register"]);
    await signIn(open.postern);
    await json(await register(open.postern), 201);
    await expectUnavailable(await refresh(open.postern, open.refresh_token));
    await expectUnavailable(await post(open.postern, "/auth/password/reset-request", { login: ALICE }));
    // A wrong password stays wrong.
    await expectProblem(await post(open.postern, "/auth/login", { login: ALICE, password: "wrong" }), 401, "invalid_credentials");

    const closed = await failing([]);
    await expectUnavailable(await refresh(closed.postern, closed.refresh_token));
    await closed.postern.break();
    await refreshed(closed.postern, closed.refresh_token);
  });
});
