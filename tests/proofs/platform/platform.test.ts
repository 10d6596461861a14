// What the simulation takes for granted of the platform, and workerd shows only in minutes or after kills. Each row of
// docs/reference/simulation-assumptions.md names its tests here. No code of Postern runs.
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { eventually } from "../../worker/support/poll.ts";
import { disk, startProbe, type Probe } from "../../worker/support/probe.ts";

let probe: Probe;
let path: string;
let remove: () => Promise<void>;

beforeEach(async () => {
  [path, remove] = await disk();
  probe = await startProbe(path);
});
afterEach(async () => {
  await probe.dispose();
  await remove();
});

const ringsOf = async (name: string) => (await probe.notes(name)).filter(({ word }) => word.startsWith("ring"));

const rung = (name: string, times: number, deadlineMs: number) =>
  eventually(`${times} rings of ${name}`, async () => ((await ringsOf(name)).length >= times ? ringsOf(name) : undefined), deadlineMs);

async function killAndStart(): Promise<void> {
  await probe.killHard();
  probe = await startProbe(path);
}

/** In seconds. workerd may add a little to each pause. */
const pauses = (rings: { at: number }[]) => rings.slice(1).map(({ at }, index) => (at - (rings[index]?.at ?? 0)) / 1000);

test("an alarm that fails rings again after 2 s, 4 s, ...", async () => {
  await probe.ask("failing", "ring", { after: "0", how: "fail always" });
  const rings = await rung("failing", 7, 200_000);
  pauses(rings).forEach((pause, retry) => {
    expect(pause).toBeGreaterThanOrEqual(2 ** (retry + 1) * 0.9);
    expect(pause).toBeLessThan(2 ** (retry + 1) * 1.5 + 2);
  });
  // The seventh was the last.
  await delay(10_000);
  expect(await probe.ask("failing", "alarmAt")).toBeNull();
});

test("an alarm set by a handler that fails replaces its retry", async () => {
  await probe.ask("replaced", "ring", { after: "0", how: "set and fail" });
  const [ring] = await rung("replaced", 1, 15_000);
  await delay(8000);
  expect(await ringsOf("replaced")).toHaveLength(1);
  expect(await probe.ask("replaced", "alarmAt")).toBeGreaterThan((ring?.at ?? 0) + 50_000);
});

test("an alarm rings again after a reset of its handler", async () => {
  await probe.ask("reset", "ring", { after: "0", how: "abort" });
  await probe.ask("set and reset", "ring", { after: "0", how: "set and abort" });
  await rung("reset", 2, 15_000);
  expect(await probe.words("reset")).toEqual(["ring 0 false", "ring 1 true", "done"]);
  // Unless it has set the alarm before.
  await delay(5000);
  expect(await ringsOf("set and reset")).toHaveLength(1);
  expect(await probe.ask("set and reset", "alarmAt")).not.toBeNull();
});

test("an object without requests leaves memory", async () => {
  const born = await probe.ask("idle", "born");
  await delay(5000);
  expect(await probe.ask("idle", "born")).toBe(born);
  await delay(20_000);
  expect(await probe.ask("idle", "born")).not.toBe(born);
});

test("20 kills at an answer lose nothing", async () => {
  for (let kill = 1; kill <= 20; kill += 1) {
    await probe.ask("answered", "write");
    await killAndStart();
    expect(await probe.words("answered")).toHaveLength(2 * kill);
  }
});
