// The operator's program against a real Worker: `make proof NAME=cli`, which builds the program first.
import { defineConfig, mergeConfig } from "vitest/config";
import base from "../../vitest.config.ts";

const { include: _, ...test } = base.test ?? {};
export default mergeConfig({ ...base, test }, defineConfig({ test: { include: ["tests/cli/**/*.test.ts"] } }));
