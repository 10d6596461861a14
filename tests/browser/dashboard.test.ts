// The administrators' dashboard in a real browser: with scripts and without, by keyboard, on a phone, and judged by axe-core
// and html-validate. The tests of its decisions are native (crates/app/tests/service/dashboard.rs).
import { AxeBuilder } from "@axe-core/playwright";
import { HtmlValidate } from "html-validate";
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ADMIN, ALICE, PASSWORD } from "../worker/support/config.ts";
import { enter, UI } from "./administrator.ts";
import { picture, SURROUNDINGS } from "./app-scene.ts";
import { AUTH, EVIL, scene, webSettings } from "./scene.ts";

const plenty = { burst: 1000, per_minute: 1000 };
const LIMITS = { login_account: plenty, login_ip: plenty, login_network: plenty, login_device: plenty };
const on = scene(() => ({
  vars: webSettings({ POSTERN_PAGES: { name: "Acme Books" }, POSTERN_ADMIN: { dashboard: true }, POSTERN_OAUTH: { stored_clients: true }, POSTERN_LIMITS: LIMITS }),
}));

async function opened(options: BrowserContextOptions = {}): Promise<{ context: BrowserContext; page: Page }> {
  const context = await on().browser.newContext(options);
  return { context, page: await context.newPage() };
}

/** The id of a user, who is in the database since the first sign-in. */
async function idOf(login: string): Promise<string> {
  const [user] = await on().postern.sql<{ account_id: string }>("SELECT account_id FROM users WHERE login = ?1", login);
  return user?.account_id ?? "";
}

/** A client in the database, with a secret. */
async function client(): Promise<string> {
  const id = "pcl_AAECAwQFBgcICQoLDA0ODw";
  const members = { name: "Notes for Teams", redirect_uris: ["https://notes.example/callback"] };
  const secrets = [{ secret_id: "AAAAAAAA", sha256: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", created_at: 1_790_000_000 }];
  await on().postern.sql("INSERT INTO clients (client_id, record, created_at) VALUES (?1, ?2, 1790000000000) ON CONFLICT DO NOTHING", id, JSON.stringify({ v: 1, members, secrets }));
  return id;
}

/** Every kind of page: the areas that the page itself names, the details, and a page that asks. */
async function eachPage(page: Page, look: (name: string, html: string) => Promise<void>): Promise<void> {
  const [user, clientId] = [await idOf(ALICE), await client()];
  const areas = await page.locator("header nav a").evaluateAll((links) => links.map((link) => link.getAttribute("href") ?? ""));
  expect(areas.length).toBeGreaterThanOrEqual(8);
  const paths = [
    ...areas,
    `/admin/ui/users/${user}`,
    "/admin/ui/users?contains=nobody",
    `/admin/ui/clients/${clientId}`,
    `/admin/ui/limits?login=${ALICE}`,
    `/admin/ui/routes?method=GET&url=${encodeURIComponent(`${AUTH}/api/orders`)}`,
    `/admin/ui/confirm/user_disable?sub=${user}`,
    "/admin/ui/confirm/nothing",
  ];
  for (const path of paths) {
    const answer = await page.goto(`${AUTH}${path}`);
    expect(await page.locator("h1").count(), path).toBe(1);
    await look(path, await answer!.text());
  }
}

describe.for([true, false])("with scripts: %s", (javaScriptEnabled) => {
  test("an administrator signs in, and disables and enables a user", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    const wrong: string[] = [];
    page.on("console", (message) => wrong.push(message.text()));
    page.on("pageerror", (error) => wrong.push(String(error)));
    await enter(page, "/users?contains=lice%40");
    await page.getByRole("link", { name: ALICE }).click();
    await page.getByRole("link", { name: "Disable" }).click();
    expect(await page.textContent("h1")).toBe("Disable this user?");
    expect(await page.textContent("form.ask")).toContain("Enable the user again");
    await page.click("button[type=submit]");
    expect(await page.textContent("[role=status]")).toBe("The user is disabled.");
    await page.getByRole("link", { name: "Enable" }).click();
    await page.getByRole("link", { name: "Cancel" }).click();
    await page.getByRole("link", { name: "Enable" }).click();
    await page.click("button[type=submit]");
    expect(await page.textContent("[role=status]")).toBe("The user is enabled.");
    await page.getByRole("link", { name: "Audit log" }).click();
    expect(await page.textContent("tbody")).toContain("user_enable");
    expect(wrong).toEqual([]);
    await context.close();
  });

  test("every page opens, and its policy forbids nothing that it has", async () => {
    const { context, page } = await opened({ javaScriptEnabled });
    const wrong: string[] = [];
    page.on("console", (message) => wrong.push(message.text()));
    await enter(page, "/audit");
    await eachPage(page, async (name) => {
      expect(await page.locator("main").textContent(), name).not.toContain("undefined");
    });
    // The page for an unknown change is a 404, which Chromium reports.
    expect(wrong.filter((text) => !text.includes("404"))).toEqual([]);
    await context.close();
  });
});

describe("for everybody", () => {
  test.for(["light", "dark"] as const)("axe-core finds nothing: %s", { timeout: 180_000 }, async (colorScheme) => {
    const { context, page } = await opened({ colorScheme });
    await enter(page, "/audit");
    await eachPage(page, async (name) => {
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
      expect(violations.map(({ id, nodes }) => `${name}: ${id}: ${nodes[0]?.html}`)).toEqual([]);
    });
    await context.close();
  });

  test.for([{}, { forcedColors: "active" }] as const)("320 px are enough: %o", async (options) => {
    const { context, page } = await opened({ viewport: { width: 320, height: 640 }, ...options });
    await enter(page, "/audit");
    await eachPage(page, async (name) => {
      const [wide, small] = await page.evaluate(() => {
        const targets = [...document.querySelectorAll("a:not(.skip), button, input:not([type=hidden]), select")];
        const small = targets.filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML);
        return [document.documentElement.scrollWidth, small] as const;
      });
      expect(wide, name).toBeLessThanOrEqual(320);
      expect(small, name).toEqual([]);
    });
    await context.close();
  });

  test("html-validate finds nothing, and a page is small", async () => {
    const validate = new HtmlValidate({ extends: ["html-validate:recommended", "html-validate:standard"] });
    const { context, page } = await opened({ javaScriptEnabled: false });
    await enter(page, "/audit");
    await eachPage(page, async (name, html) => {
      const { results } = await validate.validateString(html);
      expect(results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${name}: ${ruleId}: ${message}`))).toEqual([]);
      expect(gzipSync(html, { level: 9 }).length, name).toBeLessThan(14_000);
    });
    await context.close();
  });

  test("the keyboard is enough, and its focus is seen", async () => {
    const { context, page } = await opened();
    await page.goto(`${UI}/users`);
    // The fields of the sign-in page, in their order. The first has the focus, once the browser has given it.
    await page.waitForFunction(() => document.activeElement?.tagName === "INPUT");
    await page.keyboard.type(ADMIN);
    await page.keyboard.press("Tab");
    await page.keyboard.type(PASSWORD);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${UI}/users`);
    const focused = () =>
      page.evaluate(() => {
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement!);
        return { text: document.activeElement!.textContent?.trim() ?? "", outline: `${outlineStyle} ${outlineWidth}`, seen: document.activeElement!.getBoundingClientRect().top >= 0 };
      });
    await page.keyboard.press("Tab");
    expect(await focused()).toEqual({ text: "Skip to the page", outline: "solid 3px", seen: true });
    await page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
    // The search field is the first of the page.
    await page.keyboard.type("alice");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${UI}/users?contains=alice`);
    const until = async (text: string) => {
      for (let tabs = 0; tabs < 60; tabs += 1) {
        await page.keyboard.press("Tab");
        const { text: now, outline, seen } = await focused();
        expect([outline, seen], now).toEqual(["solid 3px", true]);
        if (now.startsWith(text)) return;
      }
      throw new Error(`no focus on ${text}`);
    };
    await until(ALICE);
    await page.keyboard.press("Enter");
    await page.waitForURL(`${UI}/users/*`);
    await until("End all sessions");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${UI}/confirm/sessions_revoke?**`);
    await until("End all sessions");
    await page.keyboard.press("Enter");
    await page.waitForSelector("[role=status]");
    expect(await page.textContent("[role=status]")).toBe("The sessions have ended.");
    await context.close();
  });

  test("pictures for the documentation", async () => {
    for (const [name, options] of Object.entries(SURROUNDINGS)) {
      const { context, page } = await opened(options);
      await enter(page, "/users");
      await picture(page, `dashboard-users-${name}`);
      await page.goto(`${UI}/confirm/user_disable?sub=${await idOf(ALICE)}`);
      await picture(page, `dashboard-ask-${name}`);
      await context.close();
    }
  });
});

// The attacks of other sites on an administrator's browser.
describe("from other sites", () => {
  test("a form changes nothing", async () => {
    const { context, page } = await opened();
    await enter(page, "/confirm/key_rotate");
    const token = await page.inputValue("[name=form_token]");
    await page.goto(`${EVIL}/`);
    await page.evaluate(
      ([action, token]) => {
        document.body.innerHTML = `<form method=post action="${action}"><input name=form_token value="${token}"></form>`;
        document.querySelector("form")!.submit();
      },
      [`${UI}/confirm/key_rotate`, token] as const,
    );
    await page.waitForURL(`${UI}/confirm/key_rotate`);
    expect(await page.textContent("main")).toContain("cross_origin");
    await context.close();
  });

  test("a frame stays empty", async () => {
    const { context, page } = await opened();
    await enter(page, "/audit");
    await page.goto(`${EVIL}/`);
    await page.evaluate((address) => void (document.body.innerHTML = `<iframe src="${address}"></iframe>`), `${UI}/audit`);
    await expect.poll(() => page.frames()[1]?.url()).toBe("chrome-error://chromewebdata/");
    await context.close();
  });
});
