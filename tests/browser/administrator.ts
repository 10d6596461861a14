// An administrator in the dashboard.
import type { Page } from "playwright-core";
import { ADMIN, PASSWORD } from "../worker/support/config.ts";
import { AUTH } from "./scene.ts";

export const UI = `${AUTH}/admin/ui`;

/** Signs in on the way to this page of the dashboard. */
export async function enter(page: Page, path: string): Promise<void> {
  await page.goto(`${UI}${path}`);
  await page.fill("#login", ADMIN);
  await page.fill("#password", PASSWORD);
  await page.click("button[type=submit]");
  await page.waitForURL(`${UI}${path}`);
}
