// Postern in a real browser: `make proof NAME=browser`, which installs what drives it and looks for Chromium first.
import { defineConfig, mergeConfig } from "vitest/config";
import base from "../../vitest.config.ts";

const { include: _, ...test } = base.test ?? {};
export default mergeConfig({ ...base, test }, defineConfig({ test: { include: ["tests/browser/**/*.test.ts"] } }));
