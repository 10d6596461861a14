import { defineConfig } from "@playwright/test";

export default defineConfig({
  globalSetup: "./global-setup.js",
  workers: 1,
  use: { launchOptions: { executablePath: process.env.CHROMIUM, args: process.getuid?.() === 0 ? ["--no-sandbox"] : [] } },
});
