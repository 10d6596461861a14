// What a browser does by itself: navigations, images, downloads, sockets, caches, redirects, HSTS. With its back/forward
// cache on, which what drives it switches off otherwise.
import type { BrowserContext, Page } from "playwright-core";
import { Response as OriginAnswer } from "miniflare";
import { beforeEach, describe, expect, test } from "vitest";
import { APP, AUTH, EVIL, fetchFrom, scene, SIBLING, signInByForm, signInFrom, webSettings } from "./scene.ts";

const PIXEL = `<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>`;
const cookie = { token_sources: ["header", "cookie"], service: "SITE" };

const on = scene(
  () => ({
    services: {
      SITE(request) {
        const { pathname } = new URL(request.url);
        const html = (text: string, more: Record<string, string> = {}) => new OriginAnswer(text, { headers: { "content-type": "text/html", ...more } }) as never;
        switch (pathname) {
          case "/site/picture":
            return new OriginAnswer(PIXEL, { headers: { "content-type": "image/svg+xml" } }) as never;
          case "/site/own-picture":
            return new OriginAnswer(PIXEL, { headers: { "content-type": "image/svg+xml", "cross-origin-resource-policy": "same-origin" } }) as never;
          case "/site/download":
            return new OriginAnswer("secret", { headers: { "content-type": "text/plain", "content-disposition": "attachment; filename=report.txt" } }) as never;
          case "/site/private":
            return html("<p>private</p>", { "cache-control": "no-store" });
          case "/site/go": {
            const headers = new Headers({ location: "/site/private" });
            for (const name of ["__Host-postern_access", "__Secure-postern_refresh", "__Secure-postern_csrf"]) headers.append("set-cookie", `${name}=planted; Path=/; Secure`);
            headers.append("set-cookie", "theme=dark; Path=/; Secure");
            return new OriginAnswer(null, { status: 302, headers: headers as never }) as never;
          }
          default:
            return html("<p>somewhere</p>");
        }
      },
    },
    vars: webSettings({ POSTERN_COOKIE: { access: true } }, [
      { name: "site", path: "/site/{*rest}", ...cookie },
      { name: "socket", path: "/socket/{*rest}", token_sources: ["cookie"], upstream: "http://127.0.0.1:1", cors: { origins: [APP], credentials: true } },
      { name: "live", path: "/ws", token_sources: ["cookie"], service: "ORIGIN", cors: { origins: [APP], credentials: true } },
    ]),
  }),
  [[], { ignoreDefaultArgs: ["--disable-back-forward-cache"] }],
);

let context: BrowserContext;
let page: Page;
let csrf: string;
beforeEach(async () => {
  context = await on().profile();
  page = await context.newPage();
  await page.goto(`${AUTH}/public/ping`);
  csrf = (await signInFrom(page)).csrf_token;
});

const signOut = () => fetchFrom(page, `${AUTH}/auth/logout`, { method: "POST", headers: { "x-csrf-token": csrf } });

/** Whether an image of this address shows up in a page. */
function showsImage(where: Page, url: string): Promise<boolean> {
  return where.evaluate(
    (url) =>
      new Promise<boolean>((resolve) => {
        const image = new Image();
        image.onload = () => resolve(true);
        image.onerror = () => resolve(false);
        image.src = url;
      }),
    url,
  );
}

function opensSocket(where: Page, url: string): Promise<string | undefined> {
  return where.evaluate(
    (url) =>
      new Promise<string | undefined>((resolve) => {
        const socket = new WebSocket(url);
        socket.onmessage = ({ data }) => (resolve(String(data)), socket.close());
        socket.onerror = () => resolve(undefined);
      }),
    url.replace("https:", "wss:"),
  );
}

/** The back button. Not within the evaluation, which the navigation would destroy. */
const back = (where: Page) => where.evaluate(() => void setTimeout(() => history.back()));

async function at(origin: string): Promise<Page> {
  const other = await context.newPage();
  await other.goto(`${origin}/`);
  return other;
}

describe("by the access cookie", () => {
  test("images and downloads pass, and do not after signing out", async () => {
    expect(await showsImage(page, `${AUTH}/site/picture?1`)).toBe(true);
    const download = page.waitForEvent("download");
    await page.evaluate(() => {
      document.body.innerHTML = `<a href="/site/download" download>get</a>`;
      document.querySelector("a")!.click();
    });
    expect((await download).suggestedFilename()).toBe("report.txt");
    await signOut();
    expect(await showsImage(page, `${AUTH}/site/picture?2`)).toBe(false);
  });

  // A sibling's page may show what the origin does not forbid.
  test("an image in a page of another site has no cookie", async () => {
    expect(await showsImage(await at(EVIL), `${AUTH}/site/picture?3`)).toBe(false);
    const sibling = await at(SIBLING);
    expect(await showsImage(sibling, `${AUTH}/site/picture?4`)).toBe(true);
    expect(await showsImage(sibling, `${AUTH}/site/own-picture`)).toBe(false);
    // Shown is not read.
    expect(await fetchFrom(sibling, `${AUTH}/site/picture?5`, { credentials: "include" })).toEqual({ error: expect.any(String) });
  });

  // The origin gets the caller's identity.
  test("a WebSocket opens for our own and for a listed page", async () => {
    for (const where of [page, await at(APP)]) expect(await opensSocket(where, `${AUTH}/ws`)).toContain("x-auth-subject");
    for (const where of [await at(SIBLING), await at(EVIL)]) expect(await opensSocket(where, `${AUTH}/ws`)).toBeUndefined();
  });

  // By the browser's back button.
  test("a no-store page does not come back after signing out", async () => {
    const reader = await context.newPage();
    await reader.goto(`${AUTH}/site/private`);
    expect(await reader.textContent("body")).toBe("private");
    await reader.goto(`${APP}/`);
    await signOut();
    await back(reader);
    await expect.poll(() => reader.textContent("body").catch(() => "")).toContain("credentials_required");
  });

  test("an origin's redirect sets its own cookies and none of ours", async () => {
    await page.goto(`${AUTH}/site/go`);
    expect(await page.textContent("body")).toBe("private");
    const cookies = await context.cookies();
    expect(cookies.find(({ name }) => name === "theme")?.value).toBe("dark");
    expect(cookies.filter(({ value }) => value === "planted")).toEqual([]);
  });
});

describe("back by the button", () => {
  /** How the page came to be, and why not from the back/forward cache. */
  const origin = (app: Page) =>
    app.evaluate(() => {
      const [entry] = performance.getEntriesByType("navigation") as (PerformanceNavigationTiming & { notRestoredReasons?: { reasons: { reason: string }[] } })[];
      return { type: entry?.type, reasons: entry?.notRestoredReasons?.reasons.map(({ reason }) => reason) ?? [] };
    });

  test("from the back/forward cache the example reloads", async () => {
    const app = await (await on().profile()).newPage();
    await signInByForm(app, `${AUTH}/app/`);
    await app.goto(`${EVIL}/`);
    await back(app);
    await app.waitForSelector("#orders li");
    // `reload` and not `back_forward`: it did come from that cache.
    await expect.poll(() => origin(app).catch(() => undefined)).toEqual({ type: "reload", reasons: [] });
    await app.waitForSelector("#orders li");
  });

  // A page that gets a message while it is in the back/forward cache is thrown out of it.
  test("a sign-out removes the example from that cache", async () => {
    const app = await (await on().profile()).newPage();
    await signInByForm(app, `${AUTH}/app/`);
    await app.goto(`${EVIL}/`);
    const other = await app.context().newPage();
    await other.goto(`${AUTH}/app/`);
    await other.waitForSelector("#orders li");
    await other.click("#sign-out");
    await other.waitForSelector("#sign-in:not([hidden])");
    await back(app);
    await app.waitForSelector("#sign-in:not([hidden])");
    expect(await app.locator("#orders li, #sessions li").count()).toBe(0);
    expect((await origin(app)).type).toBe("back_forward");
  });
});

// Whatever text the address has.
test("a refusal opened as a page is no HTML", async () => {
  for (const path of ["/auth/%3Cscript%3Edocument.title=1%3C/script%3E", "/nothing/%3Cscript%3Edocument.title=1%3C/script%3E", "/api/orders?%3Cscript%3Edocument.title=1%3C/script%3E", "/socket/x", "/auth/login"]) {
    const answer = await page.goto(AUTH + path);
    expect(answer?.status(), path).toBeGreaterThanOrEqual(400);
    expect(await answer?.headerValue("x-content-type-options")).toBe("nosniff");
    const seen = await page.evaluate(() => [document.contentType, document.scripts.length, document.title]);
    expect(seen, path).toEqual(["application/problem+json", 0, ""]);
  }
});

test("HSTS: the browser never asks by plain HTTP again", async () => {
  await page.goto(`${AUTH}/healthz`);
  const answer = await page.goto(`${AUTH.replace("https", "http")}/healthz`);
  expect(answer?.url()).toBe(`${AUTH}/healthz`);
  expect(answer?.status()).toBe(200);
  // A host that never said so is not reached that way here: nothing listens.
  await expect(page.goto(`${APP.replace("https", "http")}/`)).rejects.toThrow();
});
