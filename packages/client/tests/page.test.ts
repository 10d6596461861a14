// The session in a page: timers, clocks, tabs, the network. The clocks are the test's; locks and messages are Node's own.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Session as SessionClass } from "../src/index.ts";
import { FakeChannel, FakePage, FakePostern, ORIGIN, PASSWORD, problem, putBack, takeClocks } from "./support.ts";

let page: FakePage;
let postern: FakePostern;
let Session: typeof SessionClass;
const open: SessionClass[] = [];
const alice = { login: "alice@example.com", password: PASSWORD };
/** By which the wall clock differs from the steady one. */
let shift = 0;

beforeEach(async () => {
  takeClocks();
  shift = 0;
  const now = Date.now;
  vi.spyOn(Date, "now").mockImplementation(() => now() + shift);
  page = FakePage.install();
  postern = new FakePostern();
  ({ Session } = await import("../src/index.ts"));
});
afterEach(() => putBack(open));

function tab(options: object = {}): SessionClass {
  const session = new Session({ fetch: postern.fetch, ...options });
  open.push(session);
  return session;
}

/** Lets everything happen that needs no timer: messages and locks are real. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
/** In steps, as what a timer begins needs turns of its own. */
async function pass(seconds: number): Promise<void> {
  for (let step = 0; step < seconds * 2; step += 1) {
    vi.advanceTimersByTime(500);
    await settle();
  }
}
const refreshes = (): number => postern.to("/auth/refresh").length;

describe("ahead of expiry", () => {
  test("a visible tab refreshes a minute before", async () => {
    await tab().signIn(alice);
    await pass(535);
    expect(refreshes()).toBe(0);
    await pass(10);
    expect(refreshes()).toBe(1);
  });

  test("a hidden tab refreshes when it is looked at", async () => {
    const session = tab();
    await session.signIn(alice);
    page.show(true);
    await pass(3600);
    expect(refreshes()).toBe(0);
    expect(session.peek()).toBeUndefined();
    page.show(false);
    await pass(1);
    expect(refreshes()).toBe(1);
    expect(session.peek()).toBeDefined();
  });

  test("a call near expiry does not wait for the refresh", async () => {
    const session = tab();
    await session.signIn(alice);
    page.show(true);
    await pass(545);
    postern.fate = ({ path }) => (path === "/auth/refresh" ? new Promise(() => {}) : undefined);
    expect((await session.fetch("/orders")).status).toBe(200);
    expect(refreshes()).toBe(1);
  });

  test("a token that works stays in use while refreshing fails", async () => {
    const session = tab();
    await session.signIn(alice);
    postern.fate = ({ path }) => (path === "/auth/refresh" ? problem(503, "unavailable") : undefined);
    await pass(590);
    expect(refreshes()).toBeGreaterThan(1);
    expect((await session.fetch("/orders")).status).toBe(200);
    expect(session.state.status).toBe("signed-in");
  });
});

describe("clocks", () => {
  test.for([["back by a moment", -50], ["back by an hour", -3_600_000], ["ahead by an hour", 3_600_000]] as const)("one that is set %s does not end refreshing", async ([, by]) => {
    const session = tab();
    await session.signIn(alice);
    shift = by;
    await pass(1200);
    expect(refreshes()).toBeGreaterThanOrEqual(2);
    expect((await session.fetch("/orders")).status).toBe(200);
  });

  // The steady clock stands still meanwhile.
  test("after a sleep the tab refreshes before it calls", async () => {
    const session = tab();
    await session.signIn(alice);
    shift = 7_200_000;
    postern.expire();
    expect((await session.fetch("/orders")).status).toBe(200);
    expect(postern.to("/orders")).toHaveLength(1);
    expect(refreshes()).toBe(1);
  });
});

describe("the network", () => {
  test("a start without it goes on by itself once it is back", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    postern.fate = () => new TypeError("fetch failed");
    const session = tab();
    await session.start().catch(() => {});
    expect(session.state).toMatchObject({ status: "unknown", offline: true });
    postern.fate = () => undefined;
    page.dispatchEvent(new Event("online"));
    await pass(1);
    expect(session.state).toMatchObject({ status: "signed-in", offline: false });
  });

  test("a start while the server is down goes on by itself", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    postern.fate = () => problem(503, "unavailable", { "retry-after": "2" });
    const session = tab();
    await session.start().catch(() => {});
    postern.fate = () => undefined;
    await pass(8);
    expect(session.state.status).toBe("signed-in");
  });

  test("tries become rarer: 5 s at first, a minute at most", async () => {
    const session = tab();
    await session.signIn(alice);
    await pass(530);
    postern.fate = () => new TypeError("fetch failed");
    await pass(70);
    const early = refreshes();
    expect(early).toBeGreaterThanOrEqual(2);
    await pass(600);
    expect(refreshes() - early).toBeLessThanOrEqual(11);
    expect(refreshes() - early).toBeGreaterThanOrEqual(5);
    expect(session.state).toMatchObject({ status: "signed-in", offline: true });
  });

  test("Retry-After is kept to", async () => {
    await tab().signIn(alice);
    postern.fate = ({ path }) => (path === "/auth/refresh" ? problem(429, "rate_limited", { "retry-after": "300" }) : undefined);
    await pass(545 + 290);
    expect(refreshes()).toBe(1);
    await pass(20);
    expect(refreshes()).toBe(2);
  });
});

test("a page that is signed out asks once", async () => {
  await tab().start();
  page.dispatchEvent(new Event("pageshow"));
  page.show(false);
  await pass(600);
  expect(postern.calls.map(({ path }) => path)).toEqual(["/auth/csrf"]);
});

test("a sign-in after that is refreshed ahead of expiry", async () => {
  const session = tab();
  await session.start();
  await session.signIn(alice);
  await pass(550);
  expect(refreshes()).toBe(1);
});

describe("tabs", () => {
  test("share one refresh and its token", async () => {
    const tabs = [tab(), tab(), tab()];
    await tabs[0]!.signIn(alice);
    await settle();
    expect(new Set(tabs.map((one) => one.state.sessionId)).size).toBe(1);
    // As long as a real one takes: the others wait for the lock meanwhile.
    postern.fate = ({ path }) => (path === "/auth/refresh" ? new Promise((resolve) => setTimeout(() => resolve(undefined), 20)) : undefined);
    await pass(700);
    expect(refreshes()).toBe(1);
    expect(new Set(tabs.map((one) => one.peek())).size).toBe(1);
  });

  test("a sign-out reaches all", async () => {
    const [one, other] = [tab(), tab()];
    await one.signIn(alice);
    await settle();
    let heard = 0;
    other.subscribe(() => (heard += 1));
    await one.signOut();
    await settle();
    expect(other.state.status).toBe("signed-out");
    expect(heard).toBe(1);
  });

  test("another user's sign-in replaces the session in all", async () => {
    const [one, other] = [tab(), tab()];
    await one.signIn(alice);
    await settle();
    await other.signIn({ login: "bob@example.com", password: PASSWORD });
    await settle();
    expect(one.state.sessionId).toBe(other.state.sessionId);
    expect(await (await one.fetch("/orders")).json()).toMatchObject({ user: "bob@example.com" });
  });

  test("a duplicated tab follows the refresh token of its copy", async () => {
    const copies = [new Map<string, string>(), new Map<string, string>()];
    const storage = (items: Map<string, string>) => ({ getItem: (key: string) => items.get(key) ?? null, setItem: (key: string, value: string) => items.set(key, value), removeItem: (key: string) => items.delete(key) });
    const one = tab({ storage: storage(copies[0]!) });
    await one.signIn(alice);
    for (const [key, value] of copies[0]!) copies[1]!.set(key, value);
    const other = tab({ storage: storage(copies[1]!) });
    await other.start();
    await pass(700);
    postern.expire();
    expect((await one.fetch("/orders")).status).toBe(200);
    await settle();
    expect((await other.fetch("/orders")).status).toBe(200);
    expect(copies[1]).toEqual(copies[0]);
  });

  // It hears of all refreshes at once when it is thawed; in between another tab reads the storage.
  test("a frozen tab puts no old token into the storage", async () => {
    const { memory } = await import("../src/index.ts");
    const storage = memory();
    const one = tab({ storage });
    const frozen = tab({ storage });
    await one.signIn(alice);
    await settle();
    const release = FakeChannel.freeze();
    page.hidden = true;
    for (let round = 0; round < 3; round += 1) {
      await pass(700);
      await one.get();
    }
    const newest = await storage.getItem(`postern ${ORIGIN}`);
    const written: string[] = [];
    const { setItem } = storage;
    storage.setItem = (key, value) => (written.push(value), setItem(key, value));
    release();
    await settle();
    expect(await storage.getItem(`postern ${ORIGIN}`)).toBe(newest);
    expect(written).toEqual([]);
    expect(frozen.peek()).toBe(one.peek());
  });

  test("a sign-out removes the token of a duplicated tab", async () => {
    const { memory } = await import("../src/index.ts");
    const [mine, copy] = [memory(), memory()];
    const one = tab({ storage: mine });
    await one.signIn(alice);
    copy.setItem(`postern ${ORIGIN}`, (await mine.getItem(`postern ${ORIGIN}`))!);
    const other = tab({ storage: copy });
    await other.start();
    await settle();
    await one.signOut();
    await settle();
    expect(other.state.status).toBe("signed-out");
    expect(await copy.getItem(`postern ${ORIGIN}`)).toBeNull();
  });

  test("with storages of their own have sessions of their own", async () => {
    const { memory } = await import("../src/index.ts");
    const [one, other] = [tab({ storage: memory() }), tab({ storage: memory() })];
    await one.signIn(alice);
    await other.signIn({ login: "bob@example.com", password: PASSWORD });
    await settle();
    expect(await (await one.fetch("/orders")).json()).toMatchObject({ user: "alice@example.com" });
    await other.signOut();
    await settle();
    expect(one.state.status).toBe("signed-in");
  });
});

test("a restored page is reloaded, or what the app says instead", () => {
  let restored = 0;
  tab();
  const event = Object.assign(new Event("pageshow"), { persisted: true });
  page.dispatchEvent(event);
  expect(page.reloads).toBe(1);
  open[0]!.dispose();
  tab({ onRestored: () => (restored += 1) });
  page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted: true }));
  expect([page.reloads, restored]).toEqual([1, 1]);
});

test("a disposed session has no timers and no listeners", async () => {
  const session = tab();
  await session.signIn(alice);
  session.dispose();
  // By then the time-out of the sign-in is over.
  await pass(15);
  expect(vi.getTimerCount()).toBe(0);
  page.dispatchEvent(new Event("online"));
  page.show(false);
  await pass(700);
  expect(refreshes()).toBe(0);
});
