// What users of other clients report most, played against ours: a test has the number and the words of a report, and shows
// that it does not happen here. docs/reference/client.md has the table.
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type * as Client from "../src/index.ts";
import { FakePage, FakePostern, json, ORIGIN, PASSWORD, putBack, takeClocks } from "./support.ts";

let page: FakePage;
let postern: FakePostern;
let client: typeof Client;
const open: Client.BaseSession[] = [];
const alice = { login: "alice@example.com", password: PASSWORD };

beforeEach(async () => {
  takeClocks();
  page = FakePage.install();
  postern = new FakePostern();
  client = await import("../src/index.ts");
});
afterEach(() => putBack(open));

const tab = (options: object = {}): Client.Session => track(new client.Session({ fetch: postern.fetch, ...options }));
function track<S extends Client.BaseSession>(session: S): S {
  open.push(session);
  return session;
}
async function pass(seconds: number): Promise<void> {
  for (let step = 0; step <= seconds * 2; step += 1) {
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    vi.advanceTimersByTime(500);
  }
}
const refreshes = (): number => postern.to("/auth/refresh").length;
/** A lock that a tab never gives back. */
const hang = (): void => void navigator.locks.request(`postern ${ORIGIN}`, {}, () => new Promise(() => {}));

describe("auth0-spa-js", () => {
  test("706, 589, 810: many calls at once time out", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    const session = tab();
    const answers = await Promise.all(Array.from({ length: 50 }, () => session.fetch("/orders")));
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    expect(refreshes()).toBe(1);
  });

  test("706: a server that hangs is a typed error after 15 s", async () => {
    const began = Date.now();
    // An answer that never comes, given up as `fetch` does.
    const slow = track(new client.Session({ fetch: (_, init) => new Promise((_, reject) => init!.signal!.addEventListener("abort", () => reject(init!.signal!.reason))) }));
    const asked = slow.start().then(() => undefined, (error: unknown) => error);
    await pass(16);
    expect(await asked).toBeInstanceOf(client.Unreachable);
    expect(Date.now() - began).toBeLessThan(17_000);
    expect(slow.state).toMatchObject({ status: "unknown", offline: true });
  });

  test("343: an expired token is sent after a sleep", async () => {
    const session = tab();
    await session.signIn(alice);
    postern.expire();
    // No timer fires in a sleep, and the wall clock alone goes on.
    const now = Date.now() + 3_600_000;
    vi.spyOn(Date, "now").mockImplementation(() => now);
    expect((await session.fetch("/orders")).status).toBe(200);
    expect(postern.to("/orders")).toHaveLength(1);
  });

  test("292: a start without network loses the session", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    postern.fate = () => new TypeError("Failed to fetch");
    const session = tab();
    await expect(session.start()).rejects.toBeInstanceOf(client.Unreachable);
    expect(session.state.status).toBe("unknown");
    postern.fate = () => undefined;
    page.dispatchEvent(new Event("online"));
    await pass(1);
    expect(session.state.status).toBe("signed-in");
  });

  test("655: no way to read the token without a call", async () => {
    const session = tab();
    expect(session.peek()).toBeUndefined();
    await session.signIn(alice);
    const calls = postern.calls.length;
    expect(session.peek()).toMatch(/^at-/);
    expect(postern.calls).toHaveLength(calls);
  });
});

describe("supabase", () => {
  test("auth-js 762, 2013: a call inside the listener deadlocks", async () => {
    const session = tab();
    const seen: number[] = [];
    session.subscribe(async () => {
      if (session.state.status === "signed-in") seen.push((await session.fetch("/orders")).status);
      await new Promise(() => {});
    });
    await session.signIn(alice);
    await pass(1);
    expect(seen).toEqual([200]);
    await session.signOut();
    expect(session.state.status).toBe("signed-out");
  });

  test("2344: a listener added near expiry deadlocks", async () => {
    const session = tab();
    await session.signIn(alice);
    page.hidden = true;
    await pass(560);
    const asked: Promise<unknown>[] = [];
    session.subscribe(() => asked.push(session.get()));
    asked.push(session.get(), session.fetch("/orders"));
    await pass(1);
    expect((await Promise.all(asked)).length).toBe(2);
    expect(refreshes()).toBe(1);
  });

  test("2111, 2426: a lock that is never given back blocks all", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    hang();
    const [one, other] = [tab(), tab()];
    const asked = Promise.all([one.start(), other.start()]);
    await pass(6);
    expect((await asked).map(({ status }) => status)).toEqual(["signed-in", "signed-in"]);
  });

  test("762: a listener that throws breaks the sign-in", async () => {
    const thrown: unknown[] = [];
    const catchAll = (error: unknown): void => void thrown.push(error);
    process.prependListener("uncaughtException", catchAll);
    const others = process.listeners("uncaughtException").filter((one) => one !== catchAll);
    for (const one of others) process.removeListener("uncaughtException", one);
    const session = tab();
    session.subscribe(() => {
      throw new Error("of the app");
    });
    await session.signIn(alice);
    await pass(0);
    for (const one of others) process.addListener("uncaughtException", one);
    process.removeListener("uncaughtException", catchAll);
    expect(session.state.status).toBe("signed-in");
    expect(thrown).toHaveLength(1);
  });
});

describe("oidc-client-ts", () => {
  const metadata = { issuer: ORIGIN, authorization_endpoint: `${ORIGIN}/oauth/authorize`, token_endpoint: `${ORIGIN}/oauth/token` };
  /** A server that ends the grant when a refresh token comes twice. */
  function strict(): { current: number; ended: boolean } {
    const grant = { current: 0, ended: false };
    postern.fate = ({ path, body }) => {
      if (path !== "/oauth/token") return undefined;
      const given = new URLSearchParams(body as string);
      if (given.get("grant_type") === "refresh_token" && given.get("refresh_token") !== `rt-${grant.current}`) grant.ended = true;
      if (grant.ended) return json({ error: "invalid_grant" }, 400);
      grant.current += 1;
      return new Promise((resolve) => setTimeout(() => resolve(json({ access_token: `at-${grant.current}`, token_type: "Bearer", expires_in: 600, refresh_token: `rt-${grant.current}` })), 20));
    };
    return grant;
  }
  const oauth = (storage: Client.TokenStorage): Client.OAuthSession => track(new client.OAuthSession({ issuer: ORIGIN, clientId: "app", redirectUri: `${ORIGIN}/callback`, storage, metadata, fetch: postern.fetch }));
  async function signIn(session: Client.OAuthSession): Promise<void> {
    const state = new URL(await session.authorizationUrl()).searchParams.get("state");
    const done = session.callback(`${ORIGIN}/callback?code=c&state=${state}&iss=${ORIGIN}`);
    await pass(1);
    await done;
  }

  test("430: two tabs spend one refresh token", async () => {
    const grant = strict();
    const shared = client.memory();
    const tabs = [oauth(shared), oauth(shared), oauth(shared)];
    await signIn(tabs[0]!);
    await pass(3 * 600);
    expect(grant).toEqual({ current: 4, ended: false });
    expect(new Set(tabs.map((one) => one.peek())).size).toBe(1);
  });

  test("251: a sleep ends the session", async () => {
    const grant = strict();
    const session = oauth(client.memory());
    await signIn(session);
    page.show(true);
    await pass(2 * 600);
    page.show(false);
    await pass(1);
    expect(session.state.status).toBe("signed-in");
    expect(grant).toEqual({ current: 2, ended: false });
  });

  test("oidc-react 966: a renewal that fails is silent", async () => {
    strict();
    const session = oauth(client.memory());
    await signIn(session);
    const seen: Client.SessionState[] = [];
    session.subscribe(() => seen.push(session.state));
    postern.fate = () => new TypeError("Failed to fetch");
    await pass(700);
    expect(seen.at(-1)).toMatchObject({ status: "signed-in", offline: true });
    await expect(session.get()).rejects.toBeInstanceOf(client.Unreachable);
    postern.fate = () => json({ error: "invalid_grant" }, 400);
    await session.get();
    expect(seen.at(-1)).toMatchObject({ status: "signed-out" });
  });
});

describe("better-auth", () => {
  // Those about rendering are in packages/react/tests.
  test("9613: each look at the tab asks again", async () => {
    const session = tab();
    await session.signIn(alice);
    const calls = postern.calls.length;
    for (let n = 0; n < 20; n += 1) {
      page.show(true);
      page.show(false);
      await pass(1);
    }
    expect(postern.calls).toHaveLength(calls);
  });

  test("openchat 481: listeners that ask cause a loop", async () => {
    const session = tab();
    session.subscribe(() => void session.get());
    session.subscribe(() => void session.start());
    await session.signIn(alice);
    await pass(60);
    expect(postern.calls).toHaveLength(1);
  });
});
