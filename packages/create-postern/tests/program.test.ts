// The built program, as npm runs it.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";

const dir = join(import.meta.dirname, "..");
let here = "";

beforeAll(() => {
  execFileSync("bash", ["scripts/build.sh"], { cwd: dir });
});
beforeEach(() => {
  here = mkdtempSync(join(tmpdir(), "create-postern-"));
});
afterEach(() => rmSync(here, { recursive: true }));

function create(words: string[], { node = [], env = {}, cwd = here }: { node?: string[]; env?: Record<string, string>; cwd?: string } = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, join(dir, "dist/create-postern.cjs"), ...words], { cwd, encoding: "utf8", env: { ...process.env, ...env } });
  return { status, stdout, stderr };
}

/** Refused in one line, and nothing is there that was not before. */
function expectRefused(run: ReturnType<typeof create>, line: RegExp, left: string[] = []) {
  expect(run.stderr).toMatch(line);
  expect(run.stderr.trim().split("\n")).toHaveLength(1);
  expect(run.status).toBeGreaterThan(0);
  expect(readdirSync(here).sort()).toEqual(left);
}

describe("create-postern", () => {
  test("makes a folder, with secrets for its owner alone", () => {
    const { status, stdout } = create(["my-auth", "--yes", "--no-install"]);
    expect(status).toBe(0);
    expect(stdout).toContain("cd my-auth && npm install && npm run dev");
    expect(readdirSync(here)).toEqual(["my-auth"]);
    const secrets = join(here, "my-auth/.dev.vars");
    if (process.platform !== "win32") expect(statSync(secrets).mode & 0o777).toBe(0o600);
    create(["other", "--yes", "--no-install"]);
    expect(readFileSync(secrets, "utf8")).not.toBe(readFileSync(join(here, "other/.dev.vars"), "utf8"));
  });

  test("fills an empty folder, also the one it stands in", () => {
    for (const name of ["one", "two"]) mkdirSync(join(here, name));
    expect(create(["one", "--yes", "--no-install"]).status).toBe(0);
    expect(create([".", "--yes", "--no-install"], { cwd: join(here, "two") }).status).toBe(0);
    for (const name of ["one", "two"]) expect(existsSync(join(here, name, "wrangler.toml"))).toBe(true);
    expect(readdirSync(here)).toEqual(["one", "two"]);
  });

  test("a folder that is not empty stays as it is", () => {
    mkdirSync(join(here, "full"));
    writeFileSync(join(here, "full/.keep"), "");
    expectRefused(create(["full", "--yes"]), /the folder full is not empty/, ["full"]);
    expect(readdirSync(join(here, "full"))).toEqual([".keep"]);
  });

  test("a file in the place of the folder stays as it is", () => {
    writeFileSync(join(here, "file"), "");
    expectRefused(create(["file", "--yes"]), /file is a file/, ["file"]);
  });

  test.each(["My-Auth", "-x", "a b", "a", ".hidden", "node_modules", "postern", "wrangler", "http", `a${"b".repeat(60)}`])("refuses the name %s", (name) => {
    expectRefused(create(["--yes", "--", name]), /the folder's name/);
  });

  test("a folder in a folder that does not exist is refused", () => {
    expectRefused(create(["no/such", "--yes"]), /does not exist/);
  });

  test("an old Node is refused before it meets new syntax", () => {
    const old = join(here, "old.cjs");
    writeFileSync(old, "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '18.20.4' } });");
    expectRefused(create(["my-auth", "--yes"], { node: ["--require", old] }), /Node.js 18.20.4 is too old/, ["old.cjs"]);
  });

  test("without a terminal and --yes nothing is asked", () => {
    expectRefused(create(["my-auth"]), /pass --yes/);
  });

  test("npm's own --yes counts", () => {
    expect(create(["my-auth", "--no-install"], { env: { npm_config_yes: "true" } }).status).toBe(0);
  });

  test("an unknown option is a line, not a stack", () => {
    expectRefused(create(["my-auth", "--yess"]), /--yess/);
  });

  test("without a network nothing is left behind", () => {
    const env = { npm_config_registry: "http://127.0.0.1:9/", npm_config_cache: join(here, "cache"), npm_config_fetch_retries: "0" };
    const run = create(["my-auth", "--yes"], { env });
    expect(run.stderr).toMatch(/^create-postern: npm install failed, and nothing was made: the registry could not be reached/);
    expect(run.stderr.trim().split("\n")).toHaveLength(1);
    expect(readdirSync(here)).toEqual(["cache"]);
  });
});
