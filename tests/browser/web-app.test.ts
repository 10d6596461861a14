// examples/web-app, built and behind the gate: a user signs in on a page of the app, works, loses the network, has two devices.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { BrowserContextOptions, Page } from "playwright-core";
import { ADMIN, ALICE, PASSWORD } from "../worker/support/config.ts";
import { appScene, expectSound, picture, SURROUNDINGS } from "./app-scene.ts";

execFileSync("npm", ["run", "build", "--silent"], { cwd: fileURLToPath(new URL("../../examples/web-app", import.meta.url)), stdio: "ignore" });
const on = appScene("web-app", ["node", "preview.ts"]);

async function open(options: BrowserContextOptions = {}): Promise<Page> {
  return (await on().browser.newContext(options)).newPage();
}

async function signIn(page: Page, login = ALICE, password = PASSWORD): Promise<void> {
  await page.goto(on().url);
  await page.getByLabel("E-mail").fill(login);
  await page.getByLabel("Password").fill(password);
  await page.keyboard.press("Enter");
}

const ordersOf = (page: Page) => page.getByRole("listitem").filter({ hasText: "No." });

test("a user signs in, orders, cancels, and signs out", async () => {
  const page = await open();
  const mistakes: string[] = [];
  page.on("console", (message) => message.type() === "error" && mistakes.push(message.text()));
  page.on("pageerror", (error) => mistakes.push(String(error)));
  await signIn(page);
  await page.getByRole("heading", { name: "Your orders" }).waitFor();
  await page.getByLabel("Item").fill("Murder hole <cover>");
  await page.keyboard.press("Enter");
  const order = ordersOf(page).filter({ hasText: "Murder hole <cover>" });
  await order.waitFor();
  await page.reload();
  await order.waitFor();
  await order.getByRole("button", { name: /Cancel/ }).click();
  await page.getByText("Murder hole <cover>, is cancelled").waitFor();
  await expect.poll(() => order.count()).toBe(0);
  await page.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("heading", { name: /^Sign in/ }).waitFor();
  expect(await ordersOf(page).count()).toBe(0);
  expect(mistakes.filter((text) => !text.includes("401"))).toEqual([]);
});

test("a wrong password is said, and what was entered stays", async () => {
  const page = await open();
  await signIn(page, ALICE, "not the password");
  await page.getByText("The login or password is incorrect").waitFor();
  expect(await page.getByLabel("E-mail").inputValue()).toBe(ALICE);
  await expectSound(page);
});

test("without a network nothing ends", async () => {
  const page = await open();
  await signIn(page);
  await ordersOf(page).first().waitFor();
  await page.context().setOffline(true);
  await page.getByLabel("Item").fill("Chain");
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await page.getByText("There is no connection").waitFor();
  expect(await ordersOf(page).count()).toBeGreaterThan(0);
  await page.context().setOffline(false);
  await page.getByLabel("Item").fill("Chain");
  await page.getByRole("button", { name: "Order", exact: true }).click();
  await page.getByText(/Chain, is in the forge/).waitFor();
});

test("another device is signed out from the list", async () => {
  const [here, there] = [await open(), await open()];
  await signIn(there);
  await ordersOf(there).first().waitFor();
  await signIn(here);
  await ordersOf(here).first().waitFor();
  await here.getByRole("button", { name: "Sign out all other devices" }).click();
  await expect.poll(() => here.getByText("this device").count()).toBe(1);
  await there.reload();
  await there.getByRole("heading", { name: /^Sign in/ }).waitFor();
});

// In another tab of the same browser.
test("another user's tab shows nothing of the first user", async () => {
  const page = await open();
  await signIn(page);
  await ordersOf(page).first().waitFor();
  const other = await page.context().newPage();
  await other.goto(on().url);
  await other.getByRole("button", { name: "Sign out", exact: true }).click();
  await page.getByRole("heading", { name: /^Sign in/ }).waitFor();
  await signIn(other, ADMIN);
  // An administrator may read no orders.
  await page.getByText(ADMIN).waitFor();
  await page.getByRole("alert").filter({ hasText: /\w/ }).first().waitFor();
  expect(await ordersOf(page).count()).toBe(0);
});

test.each(Object.entries(SURROUNDINGS))("axe-core finds nothing wrong: %s", async (name, surroundings) => {
  const page = await open(surroundings);
  await page.goto(on().url);
  await page.getByRole("heading", { name: /^Sign in/ }).waitFor();
  await expectSound(page);
  await signIn(page);
  await ordersOf(page).first().waitFor();
  await page.getByText("this device").waitFor();
  await expectSound(page);
  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await picture(page, `web-app-orders-${name}`);
});
