import { defineConfig } from "vitest/config";

// The packages' own tests, against their source. Those that need a browser are in tests/browser, those of the built
// tarballs in the proof `packages`.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*/tests/**/*.test.ts", "*/tests/**/*.test.tsx"],
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: "forks",
  },
});
