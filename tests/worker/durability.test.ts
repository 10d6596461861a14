// A power cut: workerd is killed, not stopped, and started again on the same disk. What was answered must still hold.
import { readdir, readFile, rm, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bearer, browserSignIn, expectEmpty, expectProblem, json, post, refresh, refreshed, signIn } from "./support/client.ts";
import { AUDIENCE, OWN_ISSUER, settings } from "./support/config.ts";
import { headerOf } from "./support/jwt.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

let persist: string;
let postern: Running | undefined;
beforeEach(async () => {
  persist = await mkdtemp(join(tmpdir(), "postern-durability-"));
});
afterEach(async () => {
  await postern?.dispose();
  postern = undefined;
  await rm(persist, { recursive: true, force: true });
});

async function boot(): Promise<Running> {
  postern = await start({ persist, vars: settings({ POSTERN_REGISTRATION: "open" }) });
  return postern;
}

/** Kills it and starts it again on what is on the disk. */
async function powerCut(running: Running): Promise<Running> {
  await running.killHard();
  expectNoSecrets(running);
  return boot();
}

// Rotated tokens stay rotated, old access tokens still verify.
test("three power cuts lose no session and no rotation", async () => {
  let running = await boot();
  const first = await signIn(running);
  const { kid } = headerOf(first.access_token);
  let current = await refreshed(running, first.refresh_token);

  for (let round = 0; round < 3; round += 1) {
    // The last answer before the cut is the one to be kept.
    current = await refreshed(running, current.refresh_token);
    running = await powerCut(running);

    const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", running.url));
    await jwtVerify(first.access_token, keys, { issuer: OWN_ISSUER, audience: AUDIENCE, typ: "at+jwt" });
    await json(await running.fetch("/api/orders", { headers: bearer(current.access_token) }));
    const next = await refreshed(running, current.refresh_token);
    expect(next.session_id).toBe(first.session_id);
    expect(headerOf(next.access_token)["kid"]).toBe(kid);
    current = next;
  }

  await expectProblem(await refresh(running, first.refresh_token), 401, "invalid_grant");
  await expectProblem(await refresh(running, current.refresh_token), 401, "invalid_grant");
});

test("a session ended before the cut stays ended", async () => {
  let running = await boot();
  const [ended, stolen, alive] = [await signIn(running), await signIn(running), await signIn(running)];
  await expectEmpty(await post(running, "/auth/logout", { refresh_token: ended.refresh_token }));
  const second = await refreshed(running, stolen.refresh_token);
  const third = await refreshed(running, second.refresh_token);
  await expectProblem(await refresh(running, stolen.refresh_token), 401, "invalid_grant");
  running = await powerCut(running);
  await expectProblem(await refresh(running, ended.refresh_token), 401, "invalid_grant");
  await expectProblem(await refresh(running, third.refresh_token), 401, "invalid_grant");
  await refreshed(running, alive.refresh_token);
});

// It got no answer.
test("after a cut in a refresh the client retries", async () => {
  let running = await boot();
  const tokens = await Promise.all(Array.from({ length: 6 }, () => signIn(running)));
  const inFlight = tokens.map((one) => refresh(running, one.refresh_token).then((answer) => answer.text(), () => undefined));
  await Promise.race(inFlight);
  running = await powerCut(running);
  await Promise.all(inFlight);
  // Whether a rotation was written or not, its presented token is the current one or the one before.
  for (const { refresh_token } of tokens) {
    const next = await refreshed(running, refresh_token);
    await refreshed(running, next.refresh_token);
  }
});

test("a registered user and the taken login are still there", async () => {
  const login = "durable@example.com";
  const password = "a password of his own";
  let running = await boot();
  await json(await post(running, "/auth/register", { login, password }), 201);
  running = await powerCut(running);
  await signIn(running, { login, password });
  await expectProblem(await post(running, "/auth/register", { login, password }), 409, "login_taken");
});

test("a stolen disk has no token, password or private key", async () => {
  const running = await boot();
  const { refresh_token } = await signIn(running);
  await refreshed(running, refresh_token);
  await browserSignIn(running);
  const password = "a password of nobody else";
  await json(await post(running, "/auth/register", { login: "disk@example.com", password }), 201);
  await signIn(running, { login: "disk@example.com", password });
  await running.killHard();

  const files = (await readdir(persist, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile());
  expect(files.length).toBeGreaterThan(3);
  // Five tokens and a password at least, or there was nothing to find.
  expect(running.secrets.size).toBeGreaterThan(8);
  for (const file of files) {
    const content = await readFile(join(file.parentPath, file.name), "latin1");
    expect(running.secrets.foundIn(content), file.name).toEqual([]);
  }
});
