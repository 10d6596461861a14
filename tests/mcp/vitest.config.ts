// Postern between MCP clients and servers: `make proof NAME=mcp`, which installs these first.
import { defineConfig, mergeConfig } from "vitest/config";
import base from "../../vitest.config.ts";

const { include: _, ...test } = base.test ?? {};
export default mergeConfig({ ...base, test }, defineConfig({ test: { include: ["tests/mcp/**/*.test.ts"] } }));
