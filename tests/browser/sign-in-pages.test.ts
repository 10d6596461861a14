// The pages of the authorization server in a real browser: with scripts and without, on a phone, from right to left, in
// high contrast, and judged by axe-core and html-validate.
import { AxeBuilder } from "@axe-core/playwright";
import { HtmlValidate } from "html-validate";
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ALICE, PASSWORD } from "../worker/support/config.ts";
import { AUTH, EVIL, PARTNER, scene, SIBLING, webSettings } from "./scene.ts";

const PAGES = { name: "Acme Books", links: { privacy: "/privacy", terms: "/terms", help: "mailto:help@acme.test" } };
const CLIENTS = [
  { client_id: "first-party" },
  { client_id: "partner", name: "Notes for Teams", redirect_uris: [`${PARTNER}/callback`], scopes: ["read:orders", "write:orders"] },
  { client_id: "tool", name: "A tool", redirect_uris: ["http://127.0.0.1/callback"], scopes: ["read:orders"] },
];
const on = scene(() => ({ vars: webSettings({ POSTERN_PAGES: PAGES, POSTERN_CLIENTS: CLIENTS, POSTERN_REGISTRATION: "open", POSTERN_LIMITS: "off" }) }));

const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/** An authorization request, with a challenge of RFC 7636 appendix B. */
function request(clientId: string, redirectUri: string, more: Record<string, string> = {}): string {
  const challenge = { code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", code_challenge_method: "S256" };
  return `${AUTH}/oauth/authorize?${new URLSearchParams({ client_id: clientId, redirect_uri: redirectUri, response_type: "code", state: "s1", scope: "read:orders write:orders", ...challenge, ...more })}`;
}
const PARTNERS = (more: Record<string, string> = {}) => request("partner", `${PARTNER}/callback`, more);

const PATHS = ["sign-in", "sign-up", "forgotten-password", "new-password", "verify-address", "sign-out"] as const;

async function opened(options: BrowserContextOptions = {}): Promise<{ context: BrowserContext; page: Page }> {
  const context = await on().browser.newContext(options);
  return { context, page: await context.newPage() };
}

async function signIn(page: Page, login = ALICE, password = PASSWORD): Promise<void> {
  await page.goto(`${AUTH}/auth/sign-in`);
  await page.fill("#login", login);
  await page.fill("#password", password);
  await page.click("button[type=submit]");
}

/** The status of the token endpoint for the page that is open. Playwright runs this also where scripts of pages do not run. */
const redeemed = (page: Page, form: string) =>
  page.evaluate(async ([address, body]) => (await fetch(address, { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, body })).status, [`${AUTH}/oauth/token`, form] as const);

/** Lets the partner in, as far as its tokens. */
async function allowPartner(page: Page): Promise<void> {
  await page.goto(PARTNERS({ prompt: "login consent" }));
  await page.fill("#login", ALICE);
  await page.fill("#password", PASSWORD);
  await page.click("button[type=submit]");
  await page.click("button[value=allow]");
  await page.waitForURL(`${PARTNER}/callback?**`);
  const code = new URL(page.url()).searchParams.get("code") ?? "";
  const form = { grant_type: "authorization_code", client_id: "partner", code, redirect_uri: `${PARTNER}/callback`, code_verifier: VERIFIER };
  // As a page of a public client does.
  expect(await redeemed(page, new URLSearchParams(form).toString())).toBe(200);
}

/** Each page as it is at first, and after a mistake. */
async function eachPage(page: Page, language: string, look: (name: string) => Promise<void>): Promise<void> {
  for (const path of PATHS) {
    await page.goto(`${AUTH}/auth/${path}?ui_locales=${language}`);
    await look(path);
    if (path === "sign-out") continue;
    await page.click("button[type=submit]");
    expect(await page.getAttribute("[role=alert] ~ form input:not([type=hidden])", "aria-invalid")).toBe("true");
    await look(`${path}, refused`);
  }
  await page.goto(`${AUTH}/oauth/authorize?client_id=unknown`);
  await look("an error");
  await allowPartner(page);
  await page.goto(`${AUTH}/auth/sign-in?ui_locales=${language}`);
  await look("signed in");
  await page.goto(PARTNERS({ ui_locales: language, prompt: "consent" }));
  await look("consent");
  await page.goto(request("tool", "http://127.0.0.1:4567/callback", { ui_locales: language }));
  await look("consent for a program on the device");
  await page.goto(`${AUTH}/auth/applications?ui_locales=${language}`);
  await look("applications");
  const summary = page.locator("summary").first();
  if (await summary.count()) {
    await summary.click();
    await look("applications, one about to end");
  }
}

// Whatever the browser has: nothing is a script's doing.
describe.for([true, false])("with scripts: %s", (javaScriptEnabled) => {
  test("a user registers, signs out, and signs in again", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    // Not an address: no message is printed for it.
    const login = crypto.randomUUID();
    await page.goto(`${AUTH}/auth/sign-in`);
    await page.click("a[href^='/auth/sign-up']");
    await page.fill("#login", login);
    await page.fill("#password", "short");
    await page.click("button[type=submit]");
    expect(await page.title()).toMatch(/^Error: /);
    expect(await page.inputValue("#login")).toBe(login);
    await page.fill("#password", PASSWORD);
    await page.click("button[type=submit]");
    expect(await page.textContent("h1")).toBe("You are signed in");
    expect(await page.textContent("main")).toContain(login);
    await page.click("button[type=submit]");
    expect(new URL(page.url()).pathname).toBe("/auth/sign-out");
    await page.click("button[type=submit]");
    expect(await page.textContent("h1")).toBe("You are signed out");
    await signIn(page, login);
    expect(await page.textContent("h1")).toBe("You are signed in");
    await context.close();
  });

  test("the session cookie is out of the reach of scripts", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    await signIn(page);
    const cookie = (await context.cookies()).find(({ name }) => name === "__Host-postern_sso");
    expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: "Lax", path: "/" });
    await context.close();
  });

  // Chromium applies form-action to the redirects that follow a form: sign-in, consent and the client's address.
  test("a client's user signs in, consents, and is sent back", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    await page.goto(PARTNERS({ prompt: "login consent" }));
    expect(await page.textContent("main")).toContain("Notes for Teams");
    await page.fill("#login", ALICE);
    await page.fill("#password", PASSWORD);
    await page.click("button[type=submit]");
    expect(await page.textContent("main")).toContain("partner.test");
    await page.uncheck("input[value='write:orders']");
    await page.click("button[value=allow]");
    await page.waitForURL(`${PARTNER}/callback?**`);
    const answer = new URL(page.url()).searchParams;
    expect(answer.get("code")).toMatch(/^pac_/);
    expect([answer.get("state"), answer.get("iss")]).toEqual(["s1", AUTH]);
    await page.goto(PARTNERS({ prompt: "consent" }));
    await page.click("button[value=deny]");
    await page.waitForURL(`${PARTNER}/callback?error=access_denied**`);
    await context.close();
  });

  test("a user ends the access of an application", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    await allowPartner(page);
    await page.goto(`${AUTH}/auth/sign-out`);
    await page.click("text=Applications with access");
    const row = page.locator("li", { has: page.locator("h2", { hasText: "Notes for Teams" }) }).first();
    expect(await row.textContent()).toContain("partner.test");
    expect(await row.locator("button").isVisible()).toBe(false);
    await row.locator("summary").click();
    const rows = await page.locator(".rows > li").count();
    await row.locator("button").click();
    expect(await page.textContent("[role=status]")).toBe("Notes for Teams no longer has access.");
    expect(await page.locator(".rows > li").count()).toBe(rows - 1);
    await page.goto(PARTNERS());
    expect(await page.textContent("h1")).toContain("Allow");
    await context.close();
  });

  test("the applications are for a user who is signed in", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    await page.goto(`${AUTH}/auth/applications`);
    expect(new URL(page.url()).pathname).toBe("/auth/sign-in");
    await page.fill("#login", ALICE);
    await page.fill("#password", PASSWORD);
    await page.click("button[type=submit]");
    expect(await page.textContent("h1")).toBe("Applications with access");
    await context.close();
  });

  // With scripts the fragment fills the field in, and is gone from the address.
  test("a code from a message is taken or pasted", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    const token = `pot_${"A".repeat(90)}`;
    await page.goto(`${AUTH}/auth/new-password#token=${token}`);
    expect(await page.inputValue("#token")).toBe(javaScriptEnabled ? token : "");
    if (javaScriptEnabled) expect(page.url()).toBe(`${AUTH}/auth/new-password`);
    await page.fill("#token", token);
    await page.fill("#password", PASSWORD);
    await page.click("button[type=submit]");
    expect(await page.textContent("#token-error")).toContain("no longer valid");
    expect(on().wire.seen.some(({ path }) => path.includes("pot_"))).toBe(false);
    await context.close();
  });
});

describe("for everybody", () => {
  // Both directions and both colour schemes, each page also after a mistake.
  test.for([
    ["en", "light"],
    ["en", "dark"],
    ["ar", "light"],
    ["ar", "dark"],
    // Two dozen looks of axe-core, of two seconds each on a busy machine.
  ] as const)("axe-core finds nothing: %s, %s", { timeout: 180_000 }, async ([language, colorScheme]) => {
    const { context, page } = await opened({ colorScheme });
    await eachPage(page, language, async (name) => {
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
      expect(violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]?.html}`)).toEqual([]);
    });
    await context.close();
  });

  test("html-validate finds nothing, in no language", async () => {
    const validate = new HtmlValidate({ extends: ["html-validate:recommended", "html-validate:standard"], rules: { "form-dup-name": ["error", { shared: ["button", "checkbox", "radio", "reset", "submit"] }] } });
    const { context, page } = await opened({ javaScriptEnabled: false });
    await allowPartner(page);
    for (const language of ["en", "de", "fr", "es", "ja", "ar"]) {
      const pages = [...PATHS.map((path) => `${AUTH}/auth/${path}?another=1&ui_locales=${language}`), PARTNERS({ ui_locales: language, prompt: "consent" }), `${AUTH}/auth/applications?ui_locales=${language}`];
      for (const path of pages) {
        const answer = await page.goto(path);
        const html = await answer!.text();
        const report = await validate.validateString(html);
        expect(report.results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${path} ${language}: ${ruleId}: ${message}`))).toEqual([]);
        expect(gzipSync(html, { level: 9 }).length).toBeLessThan(14_000);
        expect(html).toContain(`<html lang="${language}" dir="${language === "ar" ? "rtl" : "ltr"}">`);
      }
    }
    await context.close();
  });

  test.for([
    ["en", {}],
    ["ar", {}],
    ["de", { forcedColors: "active" }],
    ["ja", { reducedMotion: "reduce" }],
  ] as const)("320 px are enough: %s", async ([language, options]) => {
    const { context, page } = await opened({ viewport: { width: 320, height: 640 }, ...options });
    await eachPage(page, language, async (name) => {
      const [wide, small] = await page.evaluate(() => {
        const controls = [...document.querySelectorAll("a, button, input:not([type=hidden])")];
        // WCAG 2.2, 2.5.8: targets of at least 24 px, but for links within a sentence.
        const targets = controls.map((one) => one.closest("label") ?? one);
        const small = targets.filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML);
        return [document.documentElement.scrollWidth, small] as const;
      });
      expect(wide, name).toBeLessThanOrEqual(320);
      expect(small, name).toEqual([]);
    });
    await context.close();
  });

  test("the keyboard's focus is seen in forced colours too", async () => {
    for (const forcedColors of ["none", "active"] as const) {
      const { context, page } = await opened({ forcedColors });
      await page.goto(`${AUTH}/auth/sign-in`);
      const focus = () => page.evaluate(() => [document.activeElement?.id, getComputedStyle(document.activeElement!).outlineStyle, getComputedStyle(document.activeElement!).outlineWidth]);
      expect(await focus()).toEqual(["login", "solid", "3px"]);
      await page.keyboard.press("Tab");
      expect(await focus()).toEqual(["password", "solid", "3px"]);
      await page.keyboard.press("Enter");
      await page.waitForSelector("[role=alert]");
      expect(await page.evaluate(() => document.activeElement?.getAttribute("role"))).toBe("alert");
      await context.close();
    }
  });

  test("nothing moves for those who asked for that", async () => {
    const { context, page } = await opened({ reducedMotion: "reduce" });
    await page.goto(`${AUTH}/auth/sign-in`);
    expect(await page.evaluate(() => getComputedStyle(document.querySelector("button")!).transitionDuration)).toBe("0s");
    await context.close();
  });

  test("a chosen language stays", async () => {
    const { context, page } = await opened();
    await page.goto(`${AUTH}/auth/sign-in`);
    await page.click("a[hreflang=de]");
    expect(await page.textContent("h1")).toBe("Anmelden");
    await page.goto(`${AUTH}/auth/forgotten-password`);
    expect(await page.textContent("h1")).toBe("Passwort vergessen?");
    await context.close();
  });

  test("no page reports an error of its policy or loads anything", async () => {
    const { context, page } = await opened();
    const wrong: string[] = [];
    page.on("console", (message) => wrong.push(message.text()));
    page.on("pageerror", (error) => wrong.push(String(error)));
    await page.goto(`${AUTH}/auth/new-password#token=pot_x`);
    await signIn(page);
    expect(wrong).toEqual([]);
    const hosts = new Set(on().wire.seen.map(({ host }) => host));
    expect([...hosts]).toEqual([new URL(AUTH).host]);
    await context.close();
  });
});

describe("from other sites", () => {
  // The attack: login CSRF. A form of the attacker's signs the visitor in as the attacker.
  test.for([EVIL, SIBLING])("a form on %s signs nobody in", async (origin) => {
    const { context, page } = await opened();
    await page.goto(`${AUTH}/auth/sign-in`);
    const token = await page.inputValue("[name=form_token]");
    await page.goto(`${origin}/`);
    await page.evaluate(
      ([auth, login, password, token]) => {
        document.body.innerHTML = `<form method=post action="${auth}/auth/sign-in"><input name=login value="${login}"><input name=password value="${password}"><input name=form_token value="${token}"></form>`;
        document.querySelector("form")!.submit();
      },
      [AUTH, ALICE, PASSWORD, token] as const,
    );
    await page.waitForURL(`${AUTH}/auth/sign-in`);
    expect(await page.textContent("main")).toContain("another website");
    expect((await context.cookies()).some(({ name }) => name === "__Host-postern_sso")).toBe(false);
    await context.close();
  });

  test("a frame on another site stays empty", async () => {
    const { context, page } = await opened();
    await page.goto(`${EVIL}/`);
    await page.evaluate((auth) => void (document.body.innerHTML = `<iframe src="${auth}/auth/sign-in"></iframe>`), AUTH);
    await expect.poll(() => page.frames()[1]?.url()).toBe("chrome-error://chromewebdata/");
    await context.close();
  });

  // OpenID Connect Core section 3.1.2.1. The cookie of the session does not come with the form, but with the redirect.
  test("an authorization request in a form finds the session", async () => {
    const { context, page } = await opened();
    await signIn(page);
    await page.goto(`${PARTNER}/`);
    await page.evaluate((address) => {
      const { origin, pathname, searchParams } = new URL(address);
      document.body.innerHTML = `<form method=post action="${origin}${pathname}"></form>`;
      const form = document.querySelector("form")!;
      for (const [name, value] of searchParams) form.append(Object.assign(document.createElement("input"), { name, value }));
      form.submit();
    }, PARTNERS({ prompt: "consent" }));
    await page.waitForURL(`${AUTH}/oauth/authorize?**`);
    expect(await page.textContent("main")).toContain("You are signed in as");
    expect(on().wire.seen.find(({ method, path }) => method === "POST" && path === "/oauth/authorize")?.headers["cookie"] ?? "").not.toContain("postern_sso");
    await context.close();
  });

  // As from a client's link: the cookie is Lax.
  test("a link from another site finds the session", async () => {
    const { context, page } = await opened();
    await signIn(page);
    await page.goto(`${EVIL}/`);
    await page.evaluate((auth) => {
      document.body.innerHTML = `<a href="${auth}/auth/sign-in">sign in</a>`;
      document.querySelector("a")!.click();
    }, AUTH);
    await page.waitForURL(`${AUTH}/auth/sign-in`);
    expect(await page.textContent("h1")).toBe("You are signed in");
    await context.close();
  });
});
