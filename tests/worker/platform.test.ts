// What the simulation takes for granted of the platform, and workerd shows within seconds. Each row of
// docs/reference/simulation-assumptions.md names its tests here. No code of Postern runs.
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { eventually } from "./support/poll.ts";
import { disk, startProbe, type Probe } from "./support/probe.ts";

let probe: Probe;
let path: string;
let remove: () => Promise<void>;

beforeAll(async () => {
  [path, remove] = await disk();
  probe = await startProbe(path);
});
afterAll(async () => {
  await probe.dispose();
  await remove();
});

/** The object has noted this word so often. */
const noted = (name: string, word: string, times = 1) =>
  eventually(`${times} times ${word} at ${name}`, async () => {
    const words = await probe.words(name);
    return words.filter((other) => other.startsWith(word)).length >= times ? words : undefined;
  });

test.each(["sql", "storage", "block"])("no message comes in while an object uses %s", async (on) => {
  await probe.ask(on, "hold", { on });
  expect(await probe.words(on)).toEqual(["enter", "leave", "mark"]);
});

test.each(["timer", "fetch", "kv", "d1"])("messages come in while an object awaits %s", async (on) => {
  await probe.ask(on, "hold", { on });
  expect(await probe.words(on)).toEqual(["enter", "mark", "leave"]);
});

interface Seen {
  message: string;
  retryable: boolean;
  remote: boolean;
  overloaded: boolean;
}

interface Reset {
  /** What the caller got whose message reset the object. */
  caller: Seen;
  /** And the one whose message waited there. */
  waiting?: Seen;
  isOldStubBroken: boolean;
  isSameInstance: boolean;
}

// A caller needs a new stub then. `retryable` is what Cloudflare adds when it resets an object itself: workerd never does.
test("a reset breaks all calls, and the stub", async () => {
  const reset = await probe.ask<Reset>("-", "reset", { how: "abort", name: "reset" });
  const broken = { message: "the reset", retryable: false, remote: true, overloaded: false };
  expect(reset).toMatchObject({ caller: broken, waiting: broken, isOldStubBroken: true, isSameInstance: false });
});

test("a reset undoes only the writes since the last await", async () => {
  await probe.ask("-", "reset", { how: "abort", name: "undone" });
  expect(await probe.words("undone")).toEqual(["enter"]);
  await probe.ask("-", "reset", { how: "abortLater", name: "kept" });
  expect(await probe.words("kept")).toEqual(["before the reset"]);
});

test("an uncaught error leaves the object and its writes", async () => {
  const reset = await probe.ask<Reset>("-", "reset", { how: "fail", name: "error" });
  const caller = { message: "uncaught", retryable: false, remote: true, overloaded: false };
  expect(reset).toMatchObject({ caller, isOldStubBroken: false, isSameInstance: true });
  expect(await probe.words("error")).toEqual(["before the error"]);
});

test("an alarm rings once, and is not set while it rings", async () => {
  await probe.ask("once", "ring", { after: "0" });
  await noted("once", "done");
  await delay(300);
  expect(await probe.words("once")).toEqual(["ring 0 false", "done"]);
  expect(await probe.ask("once", "alarmAt")).toBeNull();
});

test("an alarm that is due while one rings waits for its end", async () => {
  await probe.ask("again", "ring", { after: "0", how: "again" });
  expect(await noted("again", "done", 2)).toEqual(["ring 0 false", "done", "ring 0 false", "done"]);
});

test("deleteAll removes the alarm", async () => {
  await probe.ask("cleared", "ring", { after: "60000" });
  expect(await probe.ask("cleared", "alarmAt")).not.toBeNull();
  expect(await probe.ask("cleared", "clear")).toBeNull();
});

test("KV: a missing key, and the least cacheTtl", async () => {
  expect(await probe.ask("-", "kv")).toMatchObject({
    missing: null,
    newest: "two",
    ttl29: expect.stringContaining("at least 30"),
    ttl30: "accepted",
    expires59: expect.stringContaining("at least 60"),
    expires60: "accepted",
  });
});

test("work of waitUntil goes on after the answer", async () => {
  await probe.ask("-", "later", { key: "later", ms: "300" });
  expect(await probe.ask("-", "read", { key: "later" })).toBeNull();
  await eventually("the late write", async () => ((await probe.ask("-", "read", { key: "later" })) === null ? undefined : true));
});

// Everything below was under way when workerd was killed, at the answer to the last of them.
describe("after a kill", () => {
  beforeAll(async () => {
    await probe.ask("pending", "ring", { after: "1500" });
    void probe.ask("hanging", "ring", { after: "0", how: "hang" }).catch(() => {});
    void probe.ask("waited", "part", { waits: "1" }).catch(() => {});
    await Promise.all([probe.printed("the alarm hangs"), probe.printed("between: waits")]);
    await probe.ask("-", "database");
    await probe.ask("answered", "write");
    await probe.killHard();
    probe = await startProbe(path);
  });

  test("what an object answered is stored", async () => {
    expect(await probe.words("answered")).toEqual(["one", "two"]);
  });

  test("what D1 answered is stored", async () => {
    expect(await probe.ask("-", "rows")).toEqual([{ word: "answered" }]);
  });

  test("writes are stored at an await", async () => {
    expect(await probe.words("waited")).toEqual(["one"]);
  });

  test("an alarm that was set rings", async () => {
    expect(await noted("pending", "done")).toEqual(["ring 0 false", "done"]);
  });

  test("an alarm whose handler was cut off rings again", async () => {
    expect(await noted("hanging", "done")).toEqual(["ring 0 false", "ring 0 false", "done"]);
  });
});

// The object is in the middle of its writes, with the processor to itself.
test("of writes without an await all are stored or none", async () => {
  void probe.ask("cut off", "part").catch(() => {});
  await probe.printed("between: works");
  await probe.killHard();
  probe = await startProbe(path);
  expect(await probe.words("cut off")).toEqual([]);
});
