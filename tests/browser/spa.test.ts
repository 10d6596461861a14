// examples/spa as users meet it: tabs that race, answers that get lost, pages that come back from a cache, sign-outs. Once
// through the gate (one origin), once on a host of its own (another origin of the same site).
import type { BrowserContext, Page } from "playwright-core";
import { describe, expect, test } from "vitest";
import { ADMIN, ALICE } from "../worker/support/config.ts";
import { APP, AUTH, enter, fetchFrom, scene, signInByForm, signInFrom, webSettings } from "./scene.ts";

/** Short, so that refreshes ahead of expiry can be waited for. */
const LIFETIME = 8;
const on = scene(() => ({ vars: webSettings({ POSTERN_ACCESS_TOKEN_LIFETIME: LIFETIME, POSTERN_COOKIE: { access: false } }) }));

const refreshes = () => on().wire.to("/auth/refresh", "POST").length;
const isSignedIn = (page: Page) => page.isVisible("#signed-in");
const waitForOrders = (page: Page) => page.waitForSelector("#orders li");
const waitForSignIn = (page: Page) => page.waitForSelector("#sign-in:not([hidden])");

/** `count` tabs of one profile, signed in in the first. */
async function tabs(context: BrowserContext, url: string, count: number): Promise<Page[]> {
  const first = await context.newPage();
  await signInByForm(first, url);
  const others = await Promise.all(Array.from({ length: count - 1 }, () => context.newPage()));
  await Promise.all(
    others.map(async (page) => {
      await page.goto(url);
      await waitForOrders(page);
    }),
  );
  return [first, ...others];
}

describe.for([
  ["through the gate: one origin", `${AUTH}/app/`],
  ["on a host of its own: another origin, the same site", `${APP}/app/`],
] as const)("the example %s", ([, url]) => {
  test("a reloaded page asks for a CSRF token and refreshes", async () => {
    const page = await (await on().profile()).newPage();
    await signInByForm(page, url);
    on().wire.seen.length = 0;
    await page.reload();
    await waitForOrders(page);
    expect(on().wire.to("/auth/csrf", "GET")).toHaveLength(1);
    expect(refreshes()).toBe(1);
    expect(on().wire.to("/auth/login", "POST")).toHaveLength(0);
  });

  test("it refreshes ahead of expiry, and no request is ever refused", async () => {
    const page = await (await on().profile()).newPage();
    const refused: string[] = [];
    await signInByForm(page, url);
    page.on("response", (response) => response.status() === 401 && refused.push(response.url()));
    await expect.poll(refreshes, { timeout: 15_000 }).toBeGreaterThanOrEqual(1);
    await page.click("#reload-orders");
    await waitForOrders(page);
    expect(refused).toEqual([]);
  });

  test("tabs opened at once all get in and the session lives", async () => {
    const context = await on().profile();
    const pages = await tabs(context, url, 4);
    for (const page of pages) expect(await isSignedIn(page)).toBe(true);
    await pages[0]!.reload();
    await waitForOrders(pages[0]!);
    expect(on().postern.logs.join("\n")).not.toContain("reuse_detected");
  });

  test("a lost refresh answer: the retry gets the same successor", async () => {
    const page = await (await on().profile()).newPage();
    await signInByForm(page, url);
    let lost = 0;
    on().wire.fate = ({ path, method }) => (path === "/auth/refresh" && method === "POST" && lost++ === 0 ? "lost" : undefined);
    await page.reload();
    await page.waitForFunction(() => document.getElementById("message")?.textContent !== "");
    expect(lost).toBe(1);
    await page.reload();
    await waitForOrders(page);
    expect(on().postern.logs.join("\n")).not.toContain("reuse_detected");
  });

  test("a reload during a refresh loses nothing", async () => {
    const page = await (await on().profile()).newPage();
    await signInByForm(page, url);
    let release = () => {};
    let held = 0;
    on().wire.held = ({ path, method }) => (path === "/auth/refresh" && method === "POST" && held++ === 0 ? new Promise<void>((resolve) => (release = resolve)) : undefined);
    await page.reload();
    await expect.poll(() => held).toBe(1);
    // The lock of a page that goes away is free again: the new one need not wait for the old one's time-out.
    await page.reload();
    await waitForOrders(page);
    release();
    await page.reload();
    await waitForOrders(page);
    expect(on().postern.logs.join("\n")).not.toContain("reuse_detected");
  });

  test("signing out in one tab empties the others", async () => {
    const pages = await tabs(await on().profile(), url, 3);
    await pages[0]!.click("#sign-out");
    for (const page of pages) {
      await waitForSignIn(page);
      expect(await page.locator("#orders li, #sessions li").count()).toBe(0);
    }
    await pages[1]!.reload();
    await waitForSignIn(pages[1]!);
  });

  // At its next request.
  test("signing out everywhere ends another device's session", async () => {
    const [mine, theirs] = [await on().profile(), await on().profile()];
    const [here, there] = [await mine.newPage(), await theirs.newPage()];
    await signInByForm(here, url);
    await signInByForm(there, url);
    await here.click("#sign-out-everywhere");
    await waitForSignIn(here);
    await there.reload();
    await waitForSignIn(there);
  });

  test("another session is ended from the list", async () => {
    const [here, there] = [await (await on().profile()).newPage(), await (await on().profile()).newPage()];
    await signInByForm(there, url);
    await signInByForm(here, url);
    await here.waitForSelector("#sessions button");
    for (let left = await here.locator("#sessions button").count(); left > 0; left -= 1) {
      await here.locator("#sessions button").first().click();
      await expect.poll(() => here.locator("#sessions button").count()).toBe(left - 1);
    }
    await there.reload();
    await waitForSignIn(there);
    expect(await isSignedIn(here)).toBe(true);
  });

  test("the back button after signing out shows no user data", async () => {
    const page = await (await on().profile()).newPage();
    await signInByForm(page, url);
    await page.goto(`${new URL(url).origin}/nothing`);
    const other = await page.context().newPage();
    await other.goto(url);
    await waitForOrders(other);
    await other.click("#sign-out");
    await waitForSignIn(other);
    await page.goBack();
    await waitForSignIn(page);
    expect(await page.locator("#orders li, #sessions li").count()).toBe(0);
  });

  test("no network ends nothing: the next try goes on", async () => {
    const page = await (await on().profile()).newPage();
    await signInByForm(page, url);
    on().wire.fate = ({ path }) => (path.startsWith("/auth/") ? "refused" : undefined);
    await page.reload();
    await page.waitForFunction(() => document.getElementById("message")?.textContent !== "");
    on().wire.fate = () => undefined;
    await page.reload();
    await waitForOrders(page);
  });
});

// They get it by a message and do not ask Postern.
test("one tab refreshes and the others use its token", async () => {
  const pages = await tabs(await on().profile(), `${AUTH}/app/`, 3);
  // The last tab's own refresh at its start set all clocks anew.
  on().wire.seen.length = 0;
  await expect.poll(refreshes, { timeout: 15_000 }).toBe(1);
  // Long enough for the others' timers, short of the next refresh.
  await pages[0]!.waitForTimeout(2000);
  for (const page of pages) {
    await page.click("#reload-orders");
    await waitForOrders(page);
  }
  expect(refreshes()).toBe(1);
});

// Once.
test("a refused access token is refreshed and the call repeated", async () => {
  const page = await (await on().profile()).newPage();
  await signInByForm(page, `${APP}/app/`);
  on().wire.seen.length = 0;
  // Clocks that stand still: to the page its token is always fresh, to Postern it is not.
  await page.clock.setFixedTime(Date.now());
  await page.addInitScript(() => {
    const now = performance.now();
    performance.now = () => now;
  });
  await page.reload();
  await waitForOrders(page);
  const before = refreshes();
  await new Promise((resolve) => setTimeout(resolve, (LIFETIME + 31) * 1000));
  await page.click("#reload-orders");
  await expect.poll(refreshes).toBe(before + 1);
  await waitForOrders(page);
  expect(await page.textContent("#message")).toBe("");
});

// This one forgets the first user's orders and acts as the second.
test("another tab's new user replaces this tab's user", async () => {
  const context = await on().profile();
  const [page, other] = await tabs(context, `${AUTH}/app/`, 2) as [Page, Page];
  await other.click("#sign-out");
  await waitForSignIn(page);
  // The administrator may read no orders.
  await enter(other, ADMIN);
  await page.waitForSelector("#signed-in:not([hidden])");
  await expect.poll(() => page.textContent("#message")).toContain("403");
  expect(await page.locator("#orders li").count()).toBe(0);
  const status = await page.evaluate(async () => {
    const { csrf_token } = await (await fetch("/auth/csrf")).json();
    const { access_token } = await (await fetch("/auth/refresh", { method: "POST", headers: { "x-csrf-token": csrf_token } })).json();
    return (await fetch("/reports/stats", { headers: { authorization: `Bearer ${access_token}` } })).status;
  });
  expect(status, "what only the administrator may").toBe(200);
});

// The tab got no message of the sign-in.
test("a CSRF token of a former session is exchanged", async () => {
  const context = await on().profile();
  const page = await context.newPage();
  await signInByForm(page, `${APP}/app/`);
  // On another origin, so that no message reaches the app.
  const elsewhere = await context.newPage();
  await elsewhere.goto(`${AUTH}/public/ping`);
  await signInFrom(elsewhere, AUTH, ALICE);
  on().wire.seen.length = 0;
  await expect.poll(() => on().wire.to("/auth/csrf", "GET").length, { timeout: 15_000 }).toBe(1);
  await expect.poll(refreshes).toBe(2);
  await waitForOrders(page);
});

// Without any lock, the race that locks prevent.
test("two tabs that refresh at once stay in one session", async () => {
  const context = await on().profile();
  const pages = [await context.newPage(), await context.newPage(), await context.newPage()];
  for (const page of pages) await page.goto(`${AUTH}/public/ping`);
  const { csrf_token } = await signInFrom(pages[0]!);
  const init: RequestInit = { method: "POST", headers: { "x-csrf-token": csrf_token } };
  for (let round = 0; round < 3; round += 1) {
    const got = await Promise.all(pages.map((page) => fetchFrom(page, `${AUTH}/auth/refresh`, init)));
    expect(got.map(({ status }) => status)).toEqual([200, 200, 200]);
  }
  expect(on().postern.logs.join("\n")).not.toContain("reuse_detected");
});
