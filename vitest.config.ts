import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["tests/worker/**/*.test.ts"],
    globalSetup: ["tests/worker/global-setup.ts"],
    // Every file starts workerd processes of its own, and those want a core each; more files at once only time out.
    maxWorkers: 2,
    // Argon2id and the start of workerd take their time on a loaded machine. A test that hangs still ends.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Fresh modules for each file are what makes the instances of one file invisible to another.
    pool: "forks",
  },
});
