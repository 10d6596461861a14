// The Session of @postern/client by itself: requests that outlive their session, locks that hang, clocks that are set, tabs that
// no message reaches. Each page here has a Session of its own, as an app would.
import type { BrowserContext, Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { ADMIN, ALICE, PASSWORD } from "../worker/support/config.ts";
import type { Session } from "../../packages/client/src/index.ts";
import { AUTH, fetchFrom, refreshFrom, scene, signInFrom, webSettings } from "./scene.ts";

const LIFETIME = 8;
const on = scene(() => ({ vars: webSettings({ POSTERN_ACCESS_TOKEN_LIFETIME: LIFETIME }, [{ name: "anybody", path: "/slow", service: "ORIGIN" }]) }));
const refreshes = () => on().wire.to("/auth/refresh", "POST").length;

declare const session: Session;

let context: BrowserContext;
beforeEach(async () => {
  context = await on().profile();
});

/** A page with nothing but a Session on it. */
async function tab(before: () => void = () => {}): Promise<Page> {
  const page = await context.newPage();
  await page.addInitScript(before);
  await page.goto(`${AUTH}/public/ping`);
  await load(page);
  return page;
}

/** As text: what compiles these tests puts a function of its own in the place of `import()`. */
const load = (page: Page) => page.evaluate('import("/app/client.js").then(({ Session }) => void (globalThis.session = new Session()))');

/** A tab that nobody looks at, which refreshes only when it is asked for something. */
const hidden = () => void Object.defineProperty(document, "hidden", { value: true });

const signIn = (page: Page, login = ALICE) => page.evaluate(([login, password]) => session.signIn({ login: login!, password: password! }), [login, PASSWORD]);
const idOf = (page: Page) => page.evaluate(() => session.state.sessionId);

/** What a call of the page's Session came to: a status, or the error's class. */
const call = (page: Page, path: string, method = "GET") =>
  page.evaluate(([path, method]) => session.fetch(path!, { method: method!, ...(method === "POST" ? { body: "mine" } : {}) }).then(({ status }) => status, (error: Error) => error.name), [path, method] as const);
const leave = (page: Page) => page.evaluate(() => session.signOut().then(() => "out", (error: Error) => error.name));

describe("a request belongs to the session it was made in", () => {
  // It would be sent as the other user.
  test("a call refused during a user change is not sent again", async () => {
    const [alice, bob] = [await tab(), await tab()];
    await signIn(alice);
    let asked = 0;
    await alice.route(`${AUTH}/echo`, async (route) => {
      if (asked++ > 0) return route.continue();
      await signIn(bob, ADMIN);
      await expect.poll(() => idOf(alice)).toBe(await idOf(bob));
      await route.fulfill({ status: 401, headers: { "www-authenticate": 'Bearer error="invalid_token"' } });
    });
    expect(await call(alice, "/echo", "POST")).toBe("SessionChanged");
    expect([asked, on().wire.to("/echo", "POST").length]).toEqual([1, 0]);
    // The next one is the second user's own.
    expect(await call(alice, "/echo", "POST")).toBe(200);
  });

  // It belongs to the user before.
  test("an answer after a user change is dropped", async () => {
    const [alice, bob] = [await tab(), await tab()];
    await signIn(alice);
    let release = () => {};
    on().wire.held = ({ path }) => (path === "/api/orders" ? new Promise((resolve) => (release = resolve)) : undefined);
    const answer = call(alice, "/api/orders");
    await expect.poll(() => on().wire.to("/api/orders").length).toBe(1);
    await signIn(bob, ADMIN);
    await expect.poll(() => idOf(alice)).toBe(await idOf(bob));
    release();
    expect(await answer).toBe("SessionChanged");
  });

  // Its own token has to be refreshed first, and the refresh would give the other user's.
  test("a call is not sent once the cookie is another user's", async () => {
    const alice = await tab(hidden);
    await signIn(alice);
    // No message tells of this one.
    const elsewhere = await context.newPage();
    await elsewhere.goto(`${AUTH}/public/ping`);
    const bob = await signInFrom(elsewhere, AUTH, ADMIN);
    await alice.waitForTimeout(LIFETIME * 1000);
    on().wire.seen.length = 0;
    expect(await call(alice, "/echo", "POST")).toBe("SessionChanged");
    expect(on().wire.to("/echo")).toEqual([]);
    expect(await idOf(alice)).toBe(bob.session_id);
  });

  test("a sign-out too: nobody signs out somebody else", async () => {
    const alice = await tab();
    await signIn(alice);
    const elsewhere = await context.newPage();
    await elsewhere.goto(`${AUTH}/public/ping`);
    const bob = await signInFrom(elsewhere, AUTH, ADMIN);
    expect(await leave(alice)).toBe("SessionChanged");
    expect(await idOf(alice)).toBe(bob.session_id);
    expect(await refreshFrom(elsewhere, bob.csrf_token)).toMatchObject({ status: 200 });
    // Asked again, it is the present user who signs out.
    expect(await leave(alice)).toBe("out");
    expect(await refreshFrom(elsewhere, bob.csrf_token)).toMatchObject({ status: 401 });
  });
});

describe("nothing waits for ever", () => {
  test("for a Web Lock that another tab never gives back", async () => {
    const hung = await tab();
    await signIn(hung);
    await hung.evaluate(() => new Promise<void>((granted) => void navigator.locks.request(`postern ${location.origin}`, () => (granted(), new Promise(() => {})))));
    const page = await tab();
    const began = Date.now();
    expect((await page.evaluate(() => session.start())).status).toBe("signed-in");
    expect(Date.now() - began).toBeLessThan(15_000);
    expect(await call(page, "/api/orders")).toBe(200);
    expect(await leave(page)).toBe("out");
    expect(on().postern.logs.join("\n")).not.toContain("reuse_detected");
  });

  // There is no BroadcastChannel either.
  test("without Web Locks calls at once still refresh once", async () => {
    const page = await tab(() => {
      Object.defineProperty(navigator, "locks", { value: undefined });
      Object.defineProperty(globalThis, "BroadcastChannel", { value: class { constructor() { throw new DOMException("blocked", "SecurityError"); } } });
    });
    await signIn(page);
    await page.reload();
    await load(page);
    on().wire.seen.length = 0;
    expect(await page.evaluate(async () => Promise.all([1, 2, 3].map(async () => (await session.fetch("/api/orders")).status)))).toEqual([200, 200, 200]);
    expect(refreshes()).toBe(1);
  });

  // The token in hand serves meanwhile.
  test("a refresh refused for a while is not repeated early", async () => {
    const page = await tab();
    await signIn(page);
    await page.waitForTimeout(LIFETIME * 250);
    await page.route(`${AUTH}/auth/refresh`, (route) => route.fulfill({ status: 503, headers: { "retry-after": "60" }, contentType: "application/problem+json", body: '{"code":"unavailable"}' }));
    let asked = 0;
    page.on("request", (request) => request.url().endsWith("/auth/refresh") && (asked += 1));
    await expect.poll(() => asked, { timeout: LIFETIME * 1000 }).toBe(1);
    expect(await call(page, "/api/orders")).toBe(200);
    await page.waitForTimeout(LIFETIME * 250);
    // The token has expired: now there is nothing to send.
    expect(await call(page, "/api/orders")).toBe("Refused");
    expect(asked).toBe(1);
  });
});

describe.for([
  ["a moment", -50],
  ["an hour", -3_600_000],
  ["an hour ahead", 3_600_000],
] as const)("a clock that is set by %s", ([, shift]) => {
  test("does not end refreshing ahead of need", async () => {
    const page = await tab(() => {
      const real = Date.now;
      Object.assign(globalThis, { shift: 0 });
      Date.now = () => real() + (globalThis as unknown as { shift: number }).shift;
    });
    await signIn(page);
    const refused: string[] = [];
    page.on("response", (response) => response.status() === 401 && refused.push(response.url()));
    on().wire.seen.length = 0;
    await page.evaluate((by) => Object.assign(globalThis, { shift: by }), shift);
    await expect.poll(refreshes, { timeout: LIFETIME * 2000 }).toBeGreaterThanOrEqual(2);
    expect(await call(page, "/api/orders")).toBe(200);
    expect(refused).toEqual([]);
  });
});

test("a late refusal takes nothing from a newer sign-in", async () => {
  const [late, page] = [await context.newPage(), await context.newPage()];
  for (const one of [late, page]) await one.goto(`${AUTH}/public/ping`);
  const { csrf_token, access_token } = await signInFrom(late);
  // Ended from another device.
  expect(await fetchFrom(page, `${AUTH}/auth/logout`, { method: "POST", credentials: "omit", headers: { authorization: `Bearer ${access_token}` } })).toMatchObject({ status: 204 });
  let release = () => {};
  on().wire.held = ({ path }) => (path === "/auth/refresh" ? new Promise((resolve) => (release = resolve)) : undefined);
  const refused = refreshFrom(late, csrf_token);
  await expect.poll(refreshes).toBe(1);
  const next = await signInFrom(page, AUTH, ADMIN);
  on().wire.held = () => undefined;
  release();
  expect(await refused).toMatchObject({ status: 401 });
  const got = await refreshFrom(page, next.csrf_token);
  expect(got).toMatchObject({ status: 200 });
  expect(JSON.parse(got.text ?? "")).toMatchObject({ session_id: next.session_id });
});

// Another tab has signed in meanwhile.
test("a late refusal without the lock signs no one out", async () => {
  const [late, page] = [await tab(hidden), await tab(hidden)];
  await signIn(late);
  const ended = await idOf(late);
  await expect.poll(() => idOf(page)).toBe(ended);
  // Ends the session behind the tabs' backs, and hangs a lock.
  await page.evaluate(async () => {
    await session.fetch(`/auth/sessions/${session.state.sessionId}`, { method: "DELETE" });
    void navigator.locks.request(`postern ${location.origin}`, () => new Promise(() => {}));
  });
  let release = () => {};
  on().wire.held = ({ path, method }) => (path === "/auth/refresh" && method === "POST" ? new Promise((resolve) => (release = resolve)) : undefined);
  on().wire.seen.length = 0;
  await late.waitForTimeout(LIFETIME * 1000);
  const answer = call(late, "/api/orders");
  await expect.poll(refreshes, { timeout: 10_000 }).toBe(1);
  on().wire.held = () => undefined;
  await signIn(page, ADMIN);
  await expect.poll(() => idOf(late)).not.toBe(ended);
  release();
  expect(await answer).toBe("SessionChanged");
  expect(await idOf(late)).toBe(await idOf(page));
  expect(await call(late, "/reports/stats")).toBe(200);
});

// One is left after a sign-in, none after a sign-out.
test("refresh cookies of a former scope are removed", async () => {
  const page = await tab();
  await signIn(page);
  const own = (await context.cookies(`${AUTH}/auth/refresh`)).find(({ name }) => name === "__Secure-postern_refresh")!;
  const left = async () => (await context.cookies()).filter(({ name }) => name === own.name).map(({ domain, path }) => `${domain}${path}`);
  const plant = () => context.addCookies([
    { name: own.name, value: own.value, domain: ".acme.test", path: "/auth", secure: true, httpOnly: true, sameSite: "Strict" },
    { name: own.name, value: own.value, domain: "auth.acme.test", path: "/", secure: true, httpOnly: true, sameSite: "Strict" },
  ]);
  await plant();
  await signIn(page, ADMIN);
  expect(await left()).toEqual(["auth.acme.test/auth"]);
  await plant();
  expect(await left()).toHaveLength(3);
  expect(await page.evaluate(async () => (await session.fetch("/reports/stats")).status)).toBe(200);
  expect(await leave(page)).toBe("out");
  expect(await left()).toEqual([]);
});
