// docs/guides/runbook.md as the person on call follows it: each incident is made to happen, and what the page says to run is run.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import type { PosternOptions } from "../worker/harness.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "../worker/support/config.ts";
import { bearer, expectProblem, json, signIn } from "../worker/support/client.ts";
import { eventually } from "../worker/support/poll.ts";
import { expectNoSecrets, start, type Running } from "../worker/support/postern.ts";
import { postern as program, type Run } from "./program.ts";

const ONE = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHER = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA";

const cleanups: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

function folder(): string {
  const path = mkdtempSync(join(tmpdir(), "postern-runbook-"));
  cleanups.push(() => rmSync(path, { recursive: true }));
  return path;
}

/** A deployment, and the program that speaks with it. Stop it early where its state goes on in another one. */
async function deployed(options: PosternOptions): Promise<{ postern: Running; run: (...args: string[]) => Promise<Run>; stop: () => Promise<void> }> {
  const postern = await start(options);
  let stopped = false;
  const stop = async () => {
    if (stopped) return;
    stopped = true;
    await postern.dispose();
    expectNoSecrets(postern);
  };
  cleanups.push(stop);
  const env = { POSTERN_URL: postern.url, POSTERN_SESSION_FILE: join(folder(), "session.json") };
  return { postern, stop, run: (...args) => program(args, { env, input: `${PASSWORD}\n` }) };
}

const events = (postern: Running, name: string) => postern.logs.filter((line) => line.includes(`"event":"${name}"`));

// With what to look at; the gate goes on.
test("the doctor names a part that is down", async () => {
  const { postern, run } = await deployed({ breakable: true, vars: settings() });
  const { access_token } = await signIn(postern);
  for (const [part, told, look] of [["POSTERN_KV", "kv does not answer", "POSTERN_KV"], ["DB", "database does not answer", "migrations"]] as const) {
    await postern.break({ [part]: "throws" });
    // Who is not signed in is told what was found in the last seconds.
    const { code, out } = await eventually(told, async () => {
      const ended = await run("doctor");
      return ended.out.includes(told) ? ended : undefined;
    }, 60_000);
    expect(code).toBe(1);
    expect(out).toContain(look);
    await json(await postern.fetch("/api/orders", { headers: bearer(access_token) }));
  }
  expect((await run("login", "--login", ADMIN)).code).toBe(3);
});

// The log has each by its name.
test("the doctor reports a configuration with mistakes", async () => {
  const { postern, run } = await deployed({ vars: settings({ POSTERN_LEEWAY: "10m", POSTERN_ISUER: "x" }) });
  await expectProblem(await postern.fetch("/api/orders"), 503, "misconfigured");
  const { code, out } = await run("doctor");
  expect([code, out]).toEqual([1, expect.stringContaining("the configuration has mistakes")]);
  expect(postern.logs.join("\n")).toContain("configuration: POSTERN_LEEWAY: must be a whole number of seconds");
  expect(postern.logs.join("\n")).toContain("did you mean POSTERN_ISSUER?");
});

// The administrator's own access token was signed by it; the commands go on.
test("revoking the key of one's own token goes on", async () => {
  const { postern, run } = await deployed({ vars: settings({ POSTERN_REVOCATION: { reread: 1, max_age: 3 }, POSTERN_JWKS: { soft_age: 1, hard_age: 2 } }) });
  expect((await run("login", "--login", ADMIN)).code).toBe(0);
  const listed = JSON.parse((await run("key", "list", "--json")).out) as { keys: { kid: string; state: string }[] };
  const { kid } = listed.keys.find(({ state }) => state === "active")!;
  expect((await run("key", "revoke", kid)).code).toBe(0);
  const after = await run("key", "list");
  expect([after.code, after.err]).toEqual([0, ""]);
  expect(after.out).toMatch(new RegExp(`${kid}.*retired.*revoked`));
  expect(events(postern, "refreshed")).toHaveLength(1);
});

// No user gets a wrong reason, and both secrets under two ids mend it.
test("another master secret under the same id raises an alert", async () => {
  const persist = join(folder(), "state");
  const before = await deployed({ persist, vars: settings({ POSTERN_MASTER_KEY: ONE }) });
  await signIn(before.postern);
  await before.stop();

  const wrong = await deployed({ persist, vars: settings({ POSTERN_MASTER_KEY: OTHER }) });
  const refused = await wrong.run("login", "--login", ALICE);
  expect([refused.code, refused.err]).toEqual([4, "postern: The login or password is incorrect [invalid_credentials]\n"]);
  expect((await wrong.run("doctor")).code).toBe(0);
  expect(events(wrong.postern, "master_mismatch").length).toBeGreaterThan(0);
  await wrong.stop();

  const mended = await deployed({ persist, vars: settings({ POSTERN_MASTER_KEY: [{ id: 2, key: OTHER }, { id: 1, key: ONE }] }) });
  expect((await mended.run("login", "--login", ALICE)).code).toBe(0);
});

// An export of nothing is nothing.
test("a sign-in that has ended says what to do", async () => {
  const { postern, run } = await deployed({ vars: settings() });
  expect((await run("login", "--login", ADMIN)).code).toBe(0);
  expect(await run("audit", "export")).toMatchObject({ code: 0, out: "" });
  const { access_token } = await signIn(postern, { login: ADMIN });
  await postern.fetch("/auth/logout-all", { method: "POST", headers: bearer(access_token) });
  const ended = await run("user", "list");
  expect([ended.code, ended.err]).toEqual([4, expect.stringContaining("`postern login` again")]);
  expect((await run("session", "revoke", ALICE)).err).toContain("--all");
});
