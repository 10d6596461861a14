// examples/server-app: a user signs in at Postern's pages, and works with pages that have no script.
import { expect, test } from "vitest";
import type { BrowserContextOptions, Page } from "playwright-core";
import { ALICE, PASSWORD } from "../worker/support/config.ts";
import { appScene, expectSound, picture, SURROUNDINGS } from "./app-scene.ts";

const on = appScene("server-app", ["node", "dev.ts"]);

async function open(options: BrowserContextOptions = {}): Promise<Page> {
  const context = await on().browser.newContext({ javaScriptEnabled: true, ...options });
  return context.newPage();
}

/** From the app's own page to its list of orders. The user consents each time, because the app is a program on this machine. */
async function signIn(page: Page): Promise<void> {
  await page.goto(on().url);
  await page.getByRole("link", { name: "Sign in to your orders" }).click();
  await page.fill("[name=login]", ALICE);
  await page.fill("[name=password]", PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Allow" }).click();
  await page.getByRole("heading", { name: "Your orders" }).waitFor();
}

test("a user signs in, orders, cancels, and signs out", async () => {
  const page = await open({ javaScriptEnabled: false });
  await signIn(page);
  expect(new URL(page.url()).pathname).toBe("/orders");
  await page.getByLabel("Item").fill("Murder hole <cover>");
  await page.getByLabel("Quantity").fill("3");
  await page.getByRole("button", { name: "Order", exact: true }).click();
  const row = page.getByRole("row", { name: "Murder hole <cover>" });
  await row.waitFor();
  await page.reload();
  expect(await row.count(), "a reload orders nothing").toBe(1);
  await row.getByRole("button", { name: /Cancel/ }).click();
  await expect.poll(() => row.count()).toBe(0);
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("status").waitFor();
  await page.goto(`${on().url}/orders`);
  expect(new URL(page.url()).origin).toBe(on().postern);
});

test("the browser has one cookie that no script can read", async () => {
  const page = await open();
  await signIn(page);
  const cookies = (await page.context().cookies(on().url)).filter(({ name }) => !name.includes("postern"));
  expect(cookies).toMatchObject([{ name: "__Host-session", httpOnly: true, secure: true, sameSite: "Lax" }]);
  expect(await page.evaluate(() => document.cookie)).not.toContain("session");
  expect(await page.content()).not.toMatch(/eyJ|prt_/);
});

test("a mistake is said beside the form, and nothing is lost", async () => {
  const page = await open();
  await signIn(page);
  await page.evaluate(() => document.querySelectorAll("input").forEach((input) => (input.required = false)));
  await page.getByLabel("Quantity").fill("7");
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await page.getByRole("alert").waitFor();
  expect(await page.getByLabel("Quantity").inputValue()).toBe("7");
  await expectSound(page);
});

test.each(Object.entries(SURROUNDINGS))("axe-core finds nothing wrong: %s", async (name, surroundings) => {
  const page = await open(surroundings);
  await page.goto(on().url);
  await expectSound(page);
  await signIn(page);
  await expectSound(page);
  await picture(page, `server-app-orders-${name}`);
  await page.goto(`${on().url}/account`);
  await expectSound(page);
  await page.goto(`${on().url}/nothing`);
  await expectSound(page);
});
