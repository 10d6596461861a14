// A person in Chromium: opens the address of an authorization request, signs in, allows, and waits for the client's page.
// As a program it is the browser of the machine (BROWSER), which clients open.
import { writeFileSync } from "node:fs";
import { chromium, type Page } from "playwright-core";
import { chromiumPath } from "../../../browser/chromium.ts";
import { ALICE, PASSWORD } from "../../../worker/support/config.ts";

export const launch = () => chromium.launch({ executablePath: chromiumPath(), args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] });

/** Signs in where it is asked, and allows. Returns when the page is no longer Postern's. */
export async function signInAndAllow(page: Page, home: string): Promise<void> {
  for (let step = 0; page.url().startsWith(home); step += 1) {
    if (step === 5) throw new Error(`still at ${page.url()}`);
    const login = page.locator("input[name=login]");
    if (await login.isVisible()) {
      await login.fill(ALICE);
      await page.locator("input[name=password]").fill(PASSWORD);
    }
    const button = page.locator("button[name=answer][value=allow], form[action='/auth/sign-in'] button[type=submit]").first();
    if (!(await button.isVisible())) throw new Error(`no way on: ${await page.locator("main").innerText()}`);
    await Promise.all([page.waitForNavigation(), button.click()]);
  }
}

if (import.meta.main) {
  const [url = "", note = process.env["BROWSER_NOTE"] ?? ""] = process.argv.slice(2);
  const browser = await launch();
  try {
    const page = await browser.newPage();
    await page.goto(url);
    await signInAndAllow(page, new URL(url).origin);
    await page.waitForLoadState();
    writeFileSync(note, `${new URL(page.url()).origin}\n`, { flag: "a" });
  } catch (error) {
    writeFileSync(note, `failed: ${String(error)}\n`, { flag: "a" });
  } finally {
    await browser.close();
  }
}
