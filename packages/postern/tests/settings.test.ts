import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "smol-toml";
import { describe, expect, test } from "vitest";

const dir = join(import.meta.dirname, "..");
const root = join(dir, "../..");
const run = (script: string, ...words: string[]) => execFileSync(process.execPath, [join(dir, "scripts", script), ...words], { encoding: "utf8" });

describe("postern", () => {
  // That the schema is that of the Worker's reader: crates/app/src/config/schema_tests.rs.
  test("the types of the settings are those of the schema", () => {
    expect(readFileSync(join(dir, "src/settings.ts"), "utf8")).toBe(run("types.mjs"));
  });

  test("the template has what the repository's wrangler.toml has", () => {
    const { build, main, d1_databases, ...rest } = parse(readFileSync(join(root, "wrangler.toml"), "utf8")) as any;
    expect(build).toBeDefined();
    const made = parse(run("template.mjs", join(root, "wrangler.toml"))) as any;
    expect(made).toEqual({
      ...rest,
      main: "node_modules/postern/dist/worker/index.js",
      d1_databases: [{ ...d1_databases[0], migrations_dir: "node_modules/postern/dist/migrations" }],
    });
  });
});
