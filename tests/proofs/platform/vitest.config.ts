// The platform alone, so that the Worker need not be built: `make proof NAME=platform`.
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: { include: ["tests/proofs/platform/**/*.test.ts", "tests/worker/platform.test.ts"], testTimeout: 300_000, hookTimeout: 60_000, pool: "forks" },
});
