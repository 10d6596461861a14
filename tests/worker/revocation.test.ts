// The revocation feed on workerd: from a logout to the refusal at the gate, through the objects, their alarms and KV.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bearer, expectEmpty, json, post, refresh, refreshed, signIn } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { eventually } from "./support/poll.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

let persist: string;
const running: Running[] = [];
beforeEach(async () => {
  persist = await mkdtemp(join(tmpdir(), "postern-revocation-"));
});
afterEach(async () => {
  for (const postern of running.splice(0)) {
    await postern.dispose();
    expectNoSecrets(postern);
  }
  await rm(persist, { recursive: true, force: true });
});

async function boot(): Promise<Running> {
  const postern = await start({ persist, vars: settings({ POSTERN_REVOCATION: { reread: 1, max_age: 60 } }) });
  running.push(postern);
  return postern;
}

async function status(postern: Running, token: string): Promise<number> {
  const response = await postern.fetch("/echo", { headers: bearer(token) });
  await response.text();
  return response.status;
}

const refused = (postern: Running, token: string) =>
  eventually("the gate refuses the token", async () => ((await status(postern, token)) === 401 ? true : undefined));

// Other sessions go on.
test("logout, reuse and logout everywhere reach the gate", async () => {
  const postern = await boot();
  const [first, stolen, other] = [await signIn(postern), await signIn(postern), await signIn(postern)];
  for (const { access_token } of [first, stolen, other]) expect(await status(postern, access_token)).toBe(200);

  await expectEmpty(await post(postern, "/auth/logout", { refresh_token: first.refresh_token }));
  await refused(postern, first.access_token);
  const second = await refreshed(postern, stolen.refresh_token);
  await refreshed(postern, second.refresh_token);
  await (await refresh(postern, stolen.refresh_token)).text();
  await refused(postern, stolen.access_token);
  expect(await status(postern, other.access_token)).toBe(200);

  await expectEmpty(await post(postern, "/auth/logout-all", { refresh_token: other.refresh_token }));
  const again = await signIn(postern);
  await refused(postern, other.access_token);
  expect(await status(postern, again.access_token), "signed in right after").toBe(200);
  const { revocation_feed } = await json<{ revocation_feed: { age: number; entries: number } }>(await postern.fetch("/readyz"));
  expect(revocation_feed.entries).toBe(3);
});

test("a power cut right after the answer loses no revocation", async () => {
  const before = await boot();
  const sessions = await Promise.all(Array.from({ length: 5 }, () => signIn(before)));
  for (const { access_token } of sessions) expect(await status(before, access_token)).toBe(200);
  await Promise.all(sessions.map(({ refresh_token }) => post(before, "/auth/logout", { refresh_token }).then((answer) => answer.text())));
  await before.killHard();
  const after = await boot();
  // Somebody's request wakes the account, as alarms of a killed workerd wait for their object.
  await signIn(after);
  for (const { access_token } of sessions) await refused(after, access_token);
});
