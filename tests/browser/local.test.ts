// As `make dev` runs: plain HTTP on loopback, page and API through the gate.
import type { Browser, BrowserContext, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { settings } from "../worker/support/config.ts";
import { shared } from "../worker/support/postern.ts";
import { fetchFrom, launch, signInByForm, signInFrom } from "./scene.ts";

const postern = shared(() => ({ vars: settings({ POSTERN_COOKIE: { access: true } }) }));
let browser: Browser;
let context: BrowserContext;
beforeAll(async () => {
  browser = await launch();
  console.log(`Chromium ${browser.version()}`);
});
afterAll(() => browser.close());
afterEach(() => context.close());

async function page(): Promise<Page> {
  context = await browser.newContext();
  return context.newPage();
}

describe.for(["localhost", "127.0.0.1"])("on http://%s", (host) => {
  const base = () => `http://${host}:${new URL(postern().url).port}`;

  // It signs in and shows the API's answer first.
  test("the example stays signed in over a reload", async () => {
    const app = await page();
    const wrong: string[] = [];
    app.on("pageerror", (error) => wrong.push(String(error)));
    app.on("console", (message) => message.text().includes("Content Security Policy") && wrong.push(message.text()));
    await signInByForm(app, `${base()}/app/`);
    expect(await app.textContent("#orders")).toContain("portcullis");
    await app.reload();
    await app.waitForSelector("#orders li");
    await expect.poll(() => app.textContent("#sessions")).toContain("(this one)");
    expect(wrong).toEqual([]);
  });

  test("the bare address has a page that leads to the example", async () => {
    const app = await page();
    await app.goto(`${base()}/`);
    expect(await app.textContent("h1")).toBe("Postern runs here");
    await app.click('a[href="/app/"]');
    await app.waitForSelector("#sign-in:not([hidden])");
  });

  // Scripts see the CSRF token alone.
  test("Secure cookies with prefixes are kept on localhost", async () => {
    const app = await page();
    await app.goto(`${base()}/app/`);
    await signInFrom(app, base());
    const cookies = Object.fromEntries((await context.cookies()).map(({ name, path, httpOnly, secure, sameSite }) => [name, { path, httpOnly, secure, sameSite }]));
    const kept = { httpOnly: true, secure: true, sameSite: "Strict" };
    expect(cookies).toEqual({
      "__Secure-postern_refresh": { ...kept, path: "/auth" },
      "__Secure-postern_device": { ...kept, path: "/auth" },
      "__Secure-postern_csrf": { ...kept, path: "/", httpOnly: false },
      "__Host-postern_access": { ...kept, path: "/" },
      "__Host-postern_session": { ...kept, path: "/" },
    });
    expect((await app.evaluate(() => document.cookie)).split("; ").map((pair) => pair.split("=")[0])).toEqual(["__Secure-postern_csrf"]);
  });

  test("the refresh cookie goes to /auth alone", async () => {
    const app = await page();
    await app.goto(`${base()}/app/`);
    const { access_token } = await signInFrom(app, base());
    const seen = await fetchFrom(app, `${base()}/echo`, { headers: { authorization: `Bearer ${access_token}` }, credentials: "include" });
    expect(seen).toMatchObject({ status: 200 });
    expect(seen.text).not.toContain("prt_");
  });
});

// 127.0.0.1 and localhost: it gets nothing.
test("a page on the machine's other name is another site", async () => {
  const port = new URL(postern().url).port;
  const app = await page();
  await app.goto(`http://localhost:${port}/app/`);
  await signInFrom(app, `http://localhost:${port}`);
  const other = await context.newPage();
  // No page of the example: its policy would keep it from trying.
  await other.goto(`http://127.0.0.1:${port}/public/ping`);
  for (const path of ["/auth/csrf", "/auth/sessions"]) {
    expect(await fetchFrom(other, `http://localhost:${port}${path}`, { credentials: "include" })).toEqual({ error: expect.stringContaining("Failed to fetch") });
  }
});
