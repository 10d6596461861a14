// Pages of other origins against a visitor who is signed in: everything a browser lets them try without asking.
import type { BrowserContext, Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { ADMIN, PASSWORD } from "../worker/support/config.ts";
import { AUTH, EVIL, fetchFrom, PARTNER, refreshFrom, scene, SIBLING, signInFrom, victim, webSettings, type PageTokens } from "./scene.ts";

const on = scene(() => ({
  vars: webSettings({ POSTERN_COOKIE: { access: true } }, [
    { name: "page", path: "/page/{*rest}", service: "ORIGIN", token_sources: ["header", "cookie"] },
  ]),
}));

let context: BrowserContext;
let own: { page: Page; tokens: PageTokens };
beforeEach(async () => {
  context = await on().profile();
  own = await victim(context);
  on().wire.seen.length = 0;
});

async function attacker(origin: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${origin}/`);
  on().wire.seen.length = 0;
  return page;
}

async function expectAlive(): Promise<void> {
  expect(await refreshFrom(own.page, own.tokens.csrf_token)).toMatchObject({ status: 200 });
}

/** What the browser sent along by itself. */
const cookiesTo = (path: string) => on().wire.to(path).map(({ headers }) => [headers["cookie"] ?? []].flat().join("; "));

/** A form of the attacker's, sent with the browser's navigation. */
async function submit(page: Page, action: string, fields: Record<string, string>, enctype: string, frame = false): Promise<void> {
  // Awaited from before it begins: closing a page in the middle of it can keep Chromium for ever.
  const answered = frame ? page.waitForResponse(action) : page.waitForURL(action);
  const sent = page.evaluate(
    ([action, fields, enctype, frame]) => {
      const form = document.createElement("form");
      Object.assign(form, { action, method: "post", enctype });
      if (frame) {
        const inside = document.createElement("iframe");
        inside.name = "inside";
        document.body.append(inside);
        form.target = "inside";
      }
      for (const [name, value] of Object.entries(fields)) {
        const input = document.createElement("input");
        Object.assign(input, { name, value, type: "hidden" });
        form.append(input);
      }
      document.body.append(form);
      // After this has returned: what a navigation destroys answers nobody.
      setTimeout(() => form.submit());
    },
    [action, fields, enctype, frame] as const,
  );
  await Promise.all([answered, sent]);
  await expect.poll(() => on().wire.to(new URL(action).pathname, "POST").length).toBeGreaterThan(0);
  await page.waitForLoadState();
}

describe.for([
  ["another site", EVIL],
  ["a sibling of the same site that is not listed", SIBLING],
] as const)("attacks from %s", ([, origin]) => {
  const crossSite = origin === EVIL;

  test.for(["/auth/refresh", "/auth/logout", "/auth/logout-all"])("CSRF: forms of every kind do nothing at %s", async (path) => {
    for (const enctype of ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"]) {
      for (const frame of [false, true]) {
        const page = await attacker(origin);
        await submit(page, AUTH + path, { '{"refresh_token":"': '"}' }, enctype, frame);
        if (crossSite) expect(cookiesTo(path).join()).not.toContain("postern");
        await page.close();
      }
    }
    await expectAlive();
  });

  // With no body, or with one that needs no preflight.
  test("CSRF: a fetch without CORS does nothing", async () => {
    const page = await attacker(origin);
    for (const path of ["/auth/refresh", "/auth/logout", "/auth/logout-all"]) {
      // And without a body, where there is no type that could be the wrong one.
      for (const sent of [{ headers: { "content-type": "text/plain" }, body: "{}" }, { body: new URLSearchParams("a=b").toString() }, {}] as RequestInit[]) {
        const init: RequestInit = { method: "POST", mode: "no-cors", credentials: "include", ...sent };
        const got = await fetchFrom(page, AUTH + path, init);
        // Opaque, or not even that.
        expect(got.status ?? 0).toBe(0);
      }
      await page.evaluate((url) => navigator.sendBeacon(url, "{}"), AUTH + path);
      if (crossSite) expect(cookiesTo(path).join()).not.toContain("postern");
    }
    await expectAlive();
  });

  // A fetch with credentials gets no readable answer, and one that needs a preflight is not even sent.
  test("CORS: no page of another site reads an answer", async () => {
    const page = await attacker(origin);
    for (const path of ["/auth/csrf", "/auth/sessions", "/auth/me"]) {
      expect(await fetchFrom(page, AUTH + path, { credentials: "include" })).toEqual({ error: expect.any(String) });
    }
    for (const headers of [{ "x-csrf-token": own.tokens.csrf_token }, { "content-type": "application/json" }, { authorization: "Bearer x" }] as Record<string, string>[]) {
      expect(await fetchFrom(page, `${AUTH}/auth/refresh`, { method: "POST", credentials: "include", headers })).toEqual({ error: expect.any(String) });
    }
    expect(on().wire.to("/auth/refresh", "OPTIONS").length).toBeGreaterThan(0);
    expect(on().wire.to("/auth/refresh", "POST")).toEqual([]);
    await expectAlive();
  });

  // Not as a script, image, style, frame, object, worker or window.
  test("no other page can embed the call for the CSRF token", async () => {
    const page = await attacker(origin);
    const found = await page.evaluate(async (url) => {
      const seen: string[] = [];
      const load = (tag: string, attribute: string, more: Record<string, string> = {}) =>
        new Promise<void>((resolve) => {
          const element = Object.assign(document.createElement(tag), more);
          element.onload = () => (seen.push(`${tag} loaded`), resolve());
          element.onerror = () => resolve();
          element.setAttribute(attribute, url);
          document.body.append(element);
          setTimeout(resolve, 2000);
        });
      await Promise.all([load("script", "src"), load("img", "src"), load("link", "href", { rel: "stylesheet" }), load("video", "src"), load("object", "data")]);
      const frame = document.createElement("iframe");
      frame.src = url;
      document.body.append(frame);
      await new Promise((resolve) => (frame.onload = resolve));
      try {
        seen.push(`frame: ${frame.contentDocument?.body.textContent ?? ""}`);
      } catch {}
      try {
        new Worker(url);
        seen.push("worker");
      } catch {}
      return seen.filter((line) => line !== "frame: ");
    }, `${AUTH}/auth/csrf`);
    expect(found.filter((line) => line !== "object loaded")).toEqual([]);
    if (crossSite) expect(cookiesTo("/auth/csrf").join()).not.toContain("postern");
  });

  test("answers are in no frame of theirs", async () => {
    const page = await attacker(origin);
    for (const path of ["/auth/me", "/healthz", "/app/"]) {
      await page.evaluate((url) => {
        document.body.innerHTML = `<iframe src="${url}"></iframe>`;
      }, AUTH + path);
      await expect.poll(() => on().wire.to(path, "GET").length).toBeGreaterThan(0);
      await page.waitForTimeout(300);
      const shown = await page.frames()[1]?.locator("body").textContent({ timeout: 2000 }).catch(() => "");
      expect(shown ?? "", path).not.toMatch(/postern|ok|Orders/);
    }
  });

  // The visitor would act in the attacker's account.
  test("login CSRF by form or fetch signs no visitor in", async () => {
    const before = await context.cookies();
    for (const body of [`{"login":"${ADMIN}","password":"${PASSWORD}","x":"`, `{"login":"${ADMIN}","password":"${PASSWORD}"}`]) {
      const page = await attacker(origin);
      await submit(page, `${AUTH}/auth/login`, { [body]: '"}' }, "text/plain");
      await page.goto(`${origin}/`);
      for (const type of ["text/plain", "application/json"]) {
        await fetchFrom(page, `${AUTH}/auth/login`, { method: "POST", mode: "no-cors", credentials: "include", headers: { "content-type": type }, body });
        await fetchFrom(page, `${AUTH}/auth/login`, { method: "POST", credentials: "include", headers: { "content-type": type }, body });
      }
      await page.close();
    }
    // The visitor's own page may refresh meanwhile: the other cookies change with that, and these do not.
    const whose = (all: typeof before) => all.filter(({ name }) => /_(session|device)$/.test(name)).map(({ name, value }) => `${name}=${value}`).sort();
    expect(whose(before)).toHaveLength(2);
    expect(whose(await context.cookies())).toEqual(whose(before));
    await expectAlive();
  });

  test("CSRF by the access cookie: changes do not pass the gate", async () => {
    for (const enctype of ["application/x-www-form-urlencoded", "text/plain"]) {
      const page = await attacker(origin);
      await submit(page, `${AUTH}/page/thing`, { a: "b" }, enctype);
      expect(await page.textContent("body")).toMatch(crossSite ? /cross_origin|credentials_required/ : /cross_origin/);
      await page.close();
    }
  });

  // The visitor's cookie would open it.
  test("cross-site WebSocket hijacking: no socket opens", async () => {
    const page = await attacker(origin);
    const opened = await page.evaluate(
      (url) =>
        new Promise<boolean>((resolve) => {
          const socket = new WebSocket(url);
          socket.onopen = () => resolve(true);
          socket.onerror = () => resolve(false);
        }),
      `${AUTH.replace("https", "wss")}/page/ws`,
    );
    expect(opened).toBe(false);
    expect(on().wire.to("/page/ws")).toHaveLength(1);
  });
});

// The reload of that page has them.
test("a link from another site arrives without the cookies", async () => {
  const page = await attacker(EVIL);
  await page.evaluate((url) => {
    document.body.innerHTML = `<a href="${url}">go</a>`;
  }, `${AUTH}/page/thing`);
  await page.click("a");
  await page.waitForURL(`${AUTH}/page/thing`);
  expect(await page.textContent("body")).toContain("credentials_required");
  expect(cookiesTo("/page/thing").join()).not.toContain("postern");
  await page.goto(`${AUTH}/page/thing`);
  expect(cookiesTo("/page/thing").at(-1)).toContain("__Host-postern_access");
});

// It may read the answers, but its browser sends no cookie.
test("a listed origin of another site needs delivery by body", async () => {
  const page = await attacker(PARTNER);
  expect(await fetchFrom(page, `${AUTH}/auth/csrf`, { credentials: "include" })).toMatchObject({ status: 401, text: expect.stringContaining("invalid_grant") });
  expect(cookiesTo("/auth/csrf").join()).not.toContain("postern");
  const body = JSON.stringify({ login: ADMIN, password: PASSWORD, delivery: "body" });
  const got = await fetchFrom(page, `${AUTH}/auth/login`, { method: "POST", headers: { "content-type": "application/json" }, body });
  expect(got).toMatchObject({ status: 200, text: expect.stringContaining("prt_") });
  await expectAlive();
});

// Its origin is null.
test("a sandboxed frame of our own page has no access", async () => {
  const page = await context.newPage();
  await page.goto(`${AUTH}/public/ping`);
  const got = await page.evaluate(
    (url) =>
      new Promise<string>((resolve) => {
        addEventListener("message", ({ data }) => resolve(String(data)));
        const frame = document.createElement("iframe");
        frame.setAttribute("sandbox", "allow-scripts");
        frame.srcdoc = `<script>fetch(${JSON.stringify(url)}, { credentials: "include" }).then((r) => r.text()).then((t) => parent.postMessage(t, "*"), (e) => parent.postMessage("error " + e, "*"))</` + `script>`;
        document.body.append(frame);
      }),
    `${AUTH}/auth/csrf`,
  );
  expect(got).toMatch(/^error/);
});

// The cookie is for the whole domain. The app asks Postern for its token and does not read the cookie.
test("a CSRF cookie that a sibling planted is not used", async () => {
  const page = await attacker(SIBLING);
  await page.evaluate(() => {
    document.cookie = "__Secure-postern_csrf=planted; Domain=acme.test; Path=/; Secure";
    document.cookie = "__Secure-postern_csrf=planted; Domain=acme.test; Path=/auth; Secure";
  });
  await own.page.reload();
  await own.page.waitForSelector("#orders li");
  expect(await own.page.evaluate(() => document.cookie)).toContain("planted");
});

// The sibling plants it in every path; the visitor's own session goes on.
test("a sibling's refresh cookie does not replace the session", async () => {
  const other = await (await on().profile()).newPage();
  await other.goto(`${AUTH}/public/ping`);
  await signInFrom(other, AUTH, ADMIN);
  const planted = (await other.context().cookies(`${AUTH}/auth/csrf`)).find(({ name }) => name === "__Secure-postern_refresh")!.value;
  const page = await attacker(SIBLING);
  await page.evaluate((value) => {
    for (const path of ["/", "/auth", "/auth/csrf", "/auth/refresh"]) {
      document.cookie = `__Secure-postern_refresh=${value}; Domain=acme.test; Path=${path}; Secure`;
    }
    document.cookie = "__Host-postern_session=planted; Domain=acme.test; Path=/; Secure";
  }, planted);
  const got = await refreshFrom(own.page, own.tokens.csrf_token);
  expect(JSON.parse(got.text ?? "")).toMatchObject({ session_id: own.tokens.session_id });
  expect(cookiesTo("/auth/refresh").at(-1)?.match(/__Secure-postern_refresh=/g)?.length).toBeGreaterThan(2);
  expect(cookiesTo("/auth/refresh").join()).not.toContain("planted");
  await own.page.reload();
  await own.page.waitForSelector("#orders li");
  await expect.poll(() => own.page.textContent("#sessions")).toContain("(this one)");
});
