import { connectPostern } from "@postern/testing/connect";
import { expect, test } from "@playwright/test";

const postern = connectPostern(JSON.parse(process.env.POSTERN));

test("Alice sees her orders", async ({ page, context }) => {
  const alice = await postern.signIn({ scopes: ["read:orders"], delivery: "cookie" });
  await context.addCookies(alice.cookies);
  await page.goto(postern.url);
  await expect(page.getByText("portcullis")).toBeVisible();
});

test("a stranger does not", async ({ page }) => {
  await page.goto(postern.url);
  await expect(page.getByText("status 401")).toBeVisible();
});
