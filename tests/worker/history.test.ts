// What the platform bills, as Postern's own counters have it: the rows and calls of each kind of call, on workerd, against
// the figures of docs/reference/scaling.md.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bearer, browserSignIn, DEVICE_COOKIE, expectEmpty, post, refreshed, signIn } from "./support/client.ts";
import { ADMIN, ALICE, settings } from "./support/config.ts";
import { eventually } from "./support/poll.ts";
import { shared } from "./support/postern.ts";

type Lines = Record<string, number[]>;
interface History {
  counts: Record<string, Lines>;
  latency: Record<string, { calls: number[]; p50_ms: (number | null)[]; p95_ms: (number | null)[] }>;
}

const postern = shared(() => ({ vars: settings({ POSTERN_METRICS: { flush_interval: 10 } }) }));
let admin = "";

const sum = (line: number[] = []) => line.reduce((all, value) => all + value, 0);

async function history(): Promise<History> {
  if (admin === "") admin = (await signIn(postern(), { login: ADMIN })).access_token;
  const response = await postern().fetch("/admin/history?span=day", { headers: bearer(admin) });
  expect(response.status).toBe(200);
  return (await response.json()) as History;
}

/** The sums of a history after the counts of the reading call itself are settled. */
async function sums(): Promise<Record<string, number>> {
  const { counts } = await history();
  const all = Object.entries(counts).flatMap(([family, lines]) => Object.entries(lines).map(([label, line]) => [`${family}:${label}`, sum(line)]));
  return Object.fromEntries(all);
}

/** What a piece of work adds, apart from what reading the history adds by itself. */
async function added(work: () => Promise<void>): Promise<Record<string, number>> {
  const difference = (one: Record<string, number>, other: Record<string, number>) =>
    Object.fromEntries(Object.entries(other).map(([key, value]) => [key, value - (one[key] ?? 0)]));
  await sums();
  const start = await sums();
  const idle = await sums();
  await work();
  return difference(difference(start, idle), difference(idle, await sums()));
}

const TIMES = 10;

/** Calls of objects and rows written of a kind of call, as the page on scaling has them. */
function onPaper(call: string): { objects: number; rows: number } {
  const page = readFileSync(new URL("../../docs/reference/scaling.md", import.meta.url), "utf8");
  const cells = page.split("\n").find((line) => line.startsWith(`| ${call}`))!.split("|");
  return { objects: Number(cells[2]), rows: Number(cells[3]) };
}

/** The same as counted. What parts write by themselves meanwhile is fewer than half a row a call. */
function counted(grown: Record<string, number>): { objects: number; rows: number } {
  const each = (unit: string) => Math.round((grown[`usage:${unit}`] ?? 0) / TIMES);
  return { objects: each("object_requests"), rows: each("object_rows_written") };
}

test("a request at the gate calls no object", async () => {
  const { access_token } = await signIn(postern(), { login: ALICE });
  const grown = await added(async () => {
    for (let time = 0; time < TIMES; time += 1) await (await postern().fetch("/echo", { headers: bearer(access_token) })).text();
  });
  expect(counted(grown)).toEqual(onPaper("gate, level `none`"));
  expect(grown["gate_requests:forwarded"]).toBe(TIMES);
  expect(grown["usage:own_requests"]).toBe(0);
});

test("a refresh is billed as on paper", async () => {
  let { refresh_token, access_token } = await signIn(postern(), { login: ALICE });
  const grown = await added(async () => {
    for (let time = 0; time < TIMES; time += 1) {
      ({ refresh_token, access_token } = await refreshed(postern(), refresh_token));
      await (await postern().fetch("/echo", { headers: bearer(access_token) })).text();
    }
  });
  expect(counted(grown)).toEqual(onPaper("refresh, with its receipt"));
  expect(grown["usage:own_requests"]).toBe(TIMES);
});

test("a sign-in is billed as on paper", async () => {
  const { cookies } = await browserSignIn(postern());
  const cookie = `${DEVICE_COOKIE}=${cookies.get(DEVICE_COOKIE)}`;
  const grown = await added(async () => {
    for (let time = 0; time < TIMES; time += 1) await browserSignIn(postern(), { headers: { cookie } });
  });
  expect(counted(grown)).toEqual(onPaper("sign-in on a known device"));
  expect(grown["usage:d1_rows_read"]).toBe(TIMES);
  expect(grown["password_hashes:admitted"]).toBe(TIMES);
});

// The alarms of a logout ring after its answer: the account's, which tells the feed, and the feed's, which writes to KV.
test("rows of an object's alarm are counted", async () => {
  const { refresh_token } = await signIn(postern(), { login: ALICE });
  // What objects did before is handed over with their next answers.
  for (let time = 0; time < 2; time += 1) await sums();
  const before = await sums();
  await expectEmpty(await post(postern(), "/auth/logout", { refresh_token }));
  await eventually("the feed's write to KV is counted", async () => {
    const now = await sums();
    return (now["usage:kv_writes"] ?? 0) > (before["usage:kv_writes"] ?? 0) || undefined;
  });
});

test("a latency is a bound of the histogram", async () => {
  const { calls, p50_ms, p95_ms } = (await history()).latency["account"]!;
  expect(sum(calls)).toBeGreaterThan(20);
  for (const [index, count] of calls.entries()) {
    if (count === 0) expect([p50_ms[index], p95_ms[index]]).toEqual([null, null]);
    else expect(p50_ms[index]!).toBeLessThanOrEqual(p95_ms[index] ?? Infinity);
  }
});
