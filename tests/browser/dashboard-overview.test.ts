// The dashboard's overview and cost in a real browser: complete without scripts, kept up to date by one module, and judged
// by axe-core and html-validate.
import { AxeBuilder } from "@axe-core/playwright";
import { HtmlValidate } from "html-validate";
import type { BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { ALICE } from "../worker/support/config.ts";
import { enter, UI } from "./administrator.ts";
import { scene, webSettings } from "./scene.ts";

const on = scene(() => ({ vars: webSettings({ POSTERN_PAGES: { name: "Acme" }, POSTERN_ADMIN: { dashboard: true }, POSTERN_LIMITS: "off" }) }));

const OVERVIEW = `${UI}/overview`;
const COST = `${UI}/cost`;

async function administrator(options: BrowserContextOptions = {}): Promise<{ context: BrowserContext; page: Page }> {
  const context = await on().browser.newContext(options);
  const page = await context.newPage();
  await enter(page, "/overview");
  return { context, page };
}

/** A sign-in elsewhere, which fails. */
const failedSignIn = async (page: Page) => {
  const body = JSON.stringify({ login: ALICE, password: "not the right one" });
  const options = { method: "POST", headers: { "content-type": "application/json" }, credentials: "omit", body } as const;
  expect(await page.evaluate(async (options) => (await fetch("/auth/login", options)).status, options)).toBe(401);
};

const failures = async (page: Page) => Number(/(\d+) refused or failed/.exec((await page.textContent("figure")) ?? "")?.[1] ?? 0);

describe.for([true, false])("with scripts: %s", (javaScriptEnabled) => {
  test("health, keys, counts, and cost are on the pages", async () => {
    const { context, page } = await administrator({ javaScriptEnabled });
    await failedSignIn(page);
    await page.click("text=Last 30 days");
    expect(new URL(page.url()).search).toBe("?span=month");
    const text = await page.textContent("main");
    for (const part of ["All components answer.", "Signing key signs since", "wrong_password", "Time that Durable Objects took"]) expect(text).toContain(part);
    // The numbers of a chart are there for those who see no drawing.
    const details = page.locator("figure details").first();
    expect(await details.locator("table").isVisible()).toBe(false);
    await details.locator("summary").click();
    expect(await details.locator("table").isVisible()).toBe(true);
    expect(await page.locator("[data-live-switch]").isVisible()).toBe(javaScriptEnabled);
    await page.click("header >> text=Cost");
    expect(await page.textContent("main")).toContain("$5.00");
    expect(await page.textContent("main")).toMatch(/Free plan: the first limit is .*Less than a day was counted/);
    await context.close();
  });
});

describe("while it is looked at", () => {
  test("new counts appear, and nothing that is open closes", async () => {
    const { context, page } = await administrator();
    await failedSignIn(page);
    await page.reload();
    const before = await failures(page);
    await page.evaluate(() => document.querySelectorAll("figure details").forEach((one) => one.setAttribute("open", "")));
    await failedSignIn(page);
    await page.waitForFunction((before) => Number(/(\d+) refused or failed/.exec(document.querySelector("figure")!.textContent!)![1]) > before, before, { timeout: 20_000 });
    expect(await page.locator("figure details").first().getAttribute("open")).toBe("");
    await context.close();
  });

  test("it rests while it is hidden or paused", async () => {
    const { context, page } = await administrator();
    const asked: string[] = [];
    page.on("request", (request) => asked.push(request.url()));
    // The page's own clock, which the test moves.
    await page.clock.install();
    await page.reload();
    await page.clock.runFor(11_000);
    await expect.poll(() => asked.length, { message: "the page itself, and once for itself" }).toBe(2);
    // As if another window were in front.
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
    });
    await page.clock.runFor(60_000);
    expect(asked.length).toBe(2);
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => false });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await expect.poll(() => asked.length).toBe(3);
    await page.click("[data-live-switch] button");
    expect(await page.getAttribute("[data-live-switch] button", "aria-pressed")).toBe("false");
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.clock.runFor(60_000);
    expect(asked.length).toBe(3);
    await context.close();
  });

  test("it says that the session has ended", async () => {
    const { context, page } = await administrator();
    await context.clearCookies();
    await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
    await page.waitForFunction(() => document.querySelector("[data-live-switch]")!.textContent!.includes("sign in again"));
    await context.close();
  });
});

describe("for everybody", () => {
  test.for([["light"], ["dark"]] as const)("axe-core finds nothing: %s", { timeout: 120_000 }, async ([colorScheme]) => {
    const { context, page } = await administrator({ colorScheme });
    await failedSignIn(page);
    for (const address of [OVERVIEW, COST]) {
      await page.goto(address);
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => one.setAttribute("open", "")));
      const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]).analyze();
      expect(violations.map(({ id, nodes }) => `${address}: ${id}: ${nodes[0]?.html}`)).toEqual([]);
    }
    await context.close();
  });

  test("html-validate finds nothing, and the pages are small", async () => {
    const validate = new HtmlValidate({ extends: ["html-validate:recommended", "html-validate:standard"] });
    const { context, page } = await administrator({ javaScriptEnabled: false });
    for (const address of [OVERVIEW, `${OVERVIEW}?span=month`, COST]) {
      const html = await (await page.goto(address))!.text();
      const report = await validate.validateString(html);
      expect(report.results.flatMap(({ messages }) => messages.map(({ ruleId, message }) => `${address}: ${ruleId}: ${message}`))).toEqual([]);
      expect(gzipSync(html, { level: 9 }).length).toBeLessThan(14_000);
    }
    await context.close();
  });

  test("320 px are enough", async () => {
    const { context, page } = await administrator({ viewport: { width: 320, height: 640 } });
    for (const address of [OVERVIEW, COST]) {
      await page.goto(address);
      await page.evaluate(() => document.querySelectorAll("details").forEach((one) => one.setAttribute("open", "")));
      const [over, small] = await page.evaluate(() => {
        const controls = [...document.querySelectorAll("main a, main button, main summary")];
        const over = [...document.querySelectorAll("main *")].filter((one) => one.getBoundingClientRect().right > 320).map((one) => one.outerHTML.slice(0, 200));
        return [over, controls.filter((one) => one.getBoundingClientRect().height < 24).map((one) => one.outerHTML)] as const;
      });
      expect(over, address).toEqual([]);
      expect(small, address).toEqual([]);
    }
    await context.close();
  });
});
