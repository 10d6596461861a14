// `postern config check` before a deployment: what wrangler itself would let through.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { postern as run } from "./program.ts";

interface Mistake {
  path: string;
  problem: string;
  file: string;
  line: number | null;
}

interface Checked {
  sound: boolean;
  local: boolean;
  mistakes: Mistake[];
  warnings: Mistake[];
}

const home = mkdtempSync(join(tmpdir(), "postern-config-"));
afterAll(() => rmSync(home, { recursive: true }));

const ours = readFileSync(new URL("../../wrangler.toml", import.meta.url), "utf8");
const filled = ours.replaceAll(/id = "[0-]+"/g, 'id = "c0ffee"');
const VARS = `
[vars]
POSTERN_ISSUER = "https://auth.example.com"
`;
const ROUTE = `
[[vars.POSTERN_ROUTES]]
path = "/api/{*rest}"
upstream = "https://origin.example.com"
`;

async function check(text: string, args: string[] = [], env: Record<string, string> = {}, name = "wrangler.toml") {
  const file = join(home, name);
  writeFileSync(file, text);
  const { code, out, err } = await run(["config", "check", file, "--json", ...args], { env });
  expect(err).toBe("");
  const checked = JSON.parse(out) as Checked;
  expect(code).toBe(checked.sound ? 0 : 1);
  return { ...checked, paths: checked.mistakes.map(({ path }) => path) };
}

test("a file that is ready is sound, and the output says so", async () => {
  expect(await check(filled + VARS + ROUTE)).toMatchObject({ sound: true, mistakes: [], warnings: [] });
  const { out } = await run(["config", "check", join(home, "wrangler.toml")]);
  expect(out).toContain("is sound: 1 route, 0 warnings");
});

// The local profile, and secrets in the file.
test("ids of zeros, missing bindings and secrets are mistakes", async () => {
  expect((await check(ours + VARS + ROUTE)).paths).toEqual(["kv_namespaces.id", "d1_databases.database_id"]);
  const bare = await check(VARS + ROUTE);
  expect(bare.paths).toEqual(["kv_namespaces", "d1_databases", "durable_objects.bindings"]);
  const local = await check(`${filled}${VARS}POSTERN_PROFILE = "local"\nPOSTERN_MASTER_KEY = "${"AQID".repeat(11)}"\n${ROUTE}`);
  expect(local.paths).toEqual(["POSTERN_MASTER_KEY", "POSTERN_PROFILE"]);
  expect(JSON.stringify(local)).not.toContain("AQIDAQID");
});

test("what the settings name must be bound", async () => {
  const { paths } = await check(`${filled}${VARS}
POSTERN_EVENTS = { queue = "EVENTS" }
POSTERN_METRICS = { dataset = "ANALYTICS" }
POSTERN_NOTIFIER = { service = "MAIL" }
POSTERN_LIMITS = { coarse_binding = "SHIELD" }
[[vars.POSTERN_ROUTES]]
path = "/a"
service = "ORIGIN"
rate_limit = { binding = "API_LIMIT" }
[[services]]
binding = "MAIL"
service = "mail"
`);
  expect(paths).toEqual([
    "POSTERN_ROUTES[0].service",
    "POSTERN_ROUTES[0].rate_limit.binding",
    "POSTERN_EVENTS.queue",
    "POSTERN_METRICS.dataset",
    "POSTERN_LIMITS.coarse_binding",
  ]);
});

// That of a secret from the environment too.
test("mistakes in variables are listed with all others", async () => {
  const { paths } = await check(`${ours}${VARS}POSTERN_LEEWAY = "10m"\n${ROUTE}`, [], { POSTERN_MASTER_KEY: "short" });
  expect(paths).toEqual(["POSTERN_LEEWAY", "POSTERN_MASTER_KEY", "kv_namespaces.id", "d1_databases.database_id"]);
});

test("on this machine .dev.vars counts, and a local origin may", async () => {
  writeFileSync(join(home, ".dev.vars"), `# a comment\nPOSTERN_PROFILE="local"\nPOSTERN_ISSUER="http://localhost:8787"\nPOSTERN_MASTER_KEY="${"AQID".repeat(11)}"\n`);
  const text = `${ours}\n[vars]\n${ROUTE.replace("https://origin.example.com", "http://127.0.0.1:3000")}`;
  expect(await check(text, ["--local"])).toMatchObject({ sound: true });
  expect((await check(text)).paths).toContain("POSTERN_ROUTES[0].upstream");
});

// Beside its other mistakes.
test("a file without [vars] gets told where they go", async () => {
  const { mistakes, paths } = await check('POSTERN_ISSUER = "https://auth.example.com"\n', [], {}, "own.toml");
  expect(paths).toEqual(["vars", "kv_namespaces", "d1_databases", "durable_objects.bindings"]);
  expect(mistakes[0]?.problem).toContain("below a line [vars]");
});

// The message names the files for them.
test("Postern's own wrangler.toml is not taken as settings", async () => {
  const ended = await run(["config", "check", fileURLToPath(new URL("../../wrangler.toml", import.meta.url))]);
  expect(ended.code).toBe(1);
  expect(ended.err).toContain("wrangler.production.toml");
});

// Mistaken TOML too. No line is shown: it may hold a secret.
test("each mistake has its file and line", async () => {
  const text = `${filled}${VARS}POSTERN_LEEWAY = "10m"\n${ROUTE.replace("/api", "api")}`;
  const { mistakes } = await check(text);
  const lines = text.split("\n");
  expect(mistakes.map(({ path, line }) => [path, lines[(line ?? 0) - 1]])).toEqual([
    ["POSTERN_LEEWAY", 'POSTERN_LEEWAY = "10m"'],
    ["POSTERN_ROUTES[0].path", 'path = "api/{*rest}"'],
  ]);
  const { out } = await run(["config", "check", join(home, "wrangler.toml")]);
  expect(out).toContain(`wrangler.toml:${lines.indexOf('POSTERN_LEEWAY = "10m"') + 1}: POSTERN_LEEWAY: `);
  const file = join(home, "broken.toml");
  writeFileSync(file, '[vars]\nPOSTERN_MASTER_KEY = "a secret\n');
  const broken = await run(["config", "check", file]);
  expect(broken.code).toBe(1);
  expect(broken.err).toContain(`${file}:2:`);
  expect(broken.err).not.toContain("a secret");
});

// Cloudflare takes 5120 bytes; the message sends routes to KV.
test("a variable that is too large is found", async () => {
  const many = Array.from({ length: 100 }, (_, index) => ROUTE.replace("/api", `/api${index}`)).join("");
  const { mistakes } = await check(filled + VARS + many);
  expect(mistakes.map(({ path }) => path)).toEqual(["POSTERN_ROUTES"]);
  expect(mistakes[0]?.problem).toMatch(/has \d{4,} bytes.*5120.*KV/);
  // A Worker on this machine has no such end.
  const local = await check(filled + VARS + many, ["--local"]);
  expect(local.sound).toBe(true);
  expect(local.warnings.map(({ path }) => path)).toContain("POSTERN_ROUTES");
});

test("a class of objects that an upgrade brought is missed", async () => {
  const { paths } = await check(`${filled.replace('"Throttle"]', "]").replace('name = "THROTTLE"', 'name = "OTHER"')}${VARS}${ROUTE}`);
  expect(paths).toEqual(["durable_objects.bindings", "migrations"]);
});

// Unless it could be deployed.
test("a local file is checked by the local rules", async () => {
  const vars = `${VARS.replace("https://auth.example.com", "http://localhost:8787")}POSTERN_PROFILE = "local"\n`;
  const route = ROUTE.replace("https://origin.example.com", "http://127.0.0.1:3000");
  writeFileSync(join(home, ".dev.vars"), `POSTERN_MASTER_KEY="${"AQID".repeat(11)}"\nPOSTERN_LEEWAY=5\n`);
  expect(await check(ours + vars + route)).toMatchObject({ sound: true, local: true });
  expect((await check(filled + vars + route)).paths).toEqual(["POSTERN_PROFILE"]);
  writeFileSync(join(home, ".dev.vars"), "POSTERN_LEEWAY=soon\n");
  const { mistakes } = await check(ours + vars + route);
  expect(mistakes.map(({ path, file }) => [path, file])).toEqual([["POSTERN_LEEWAY", ".dev.vars"], ["POSTERN_MASTER_KEY", expect.stringContaining("wrangler.toml")]]);
  rmSync(join(home, ".dev.vars"));
});

// By the file's own profile, or with --local.
test("routes are checked and explained as on this machine", async () => {
  const file = join(home, "wrangler.local.toml");
  writeFileSync(join(home, ".dev.vars"), `POSTERN_PROFILE="local"\nPOSTERN_ISSUER="http://localhost:8787"\n`);
  writeFileSync(file, `[vars]\n${ROUTE.replace("https://origin.example.com", "http://127.0.0.1:3000")}`);
  const routes = (...args: string[]) => run(["--json", "routes", ...args], { cwd: home });
  // Without the word a local upstream is a mistake.
  expect((await routes("check", "--settings", file)).code).toBe(1);
  for (const args of [["--settings", file, "--local"], ["--local"]]) {
    expect((await routes("check", ...args)).code, args.join(" ")).toBe(0);
    expect((await routes("explain", "GET", "http://localhost:8787/api/x", ...args)).code, args.join(" ")).toBe(0);
  }
  writeFileSync(file, `[vars]\nPOSTERN_PROFILE = "local"\nPOSTERN_ISSUER = "http://localhost:8787"\n${ROUTE.replace("https://origin.example.com", "http://127.0.0.1:3000")}`);
  expect((await routes("check", "--settings", file)).code).toBe(0);
  rmSync(join(home, ".dev.vars"));
});

// What is compiled into the program serves everywhere.
test("init writes a whole file in a folder of any state", async () => {
  const folder = mkdtempSync(join(home, "clone-"));
  writeFileSync(join(folder, "wrangler.toml"), `${ours}${VARS}POSTERN_REGISTRATION = "open"\n${ROUTE}`);
  expect((await run(["init", "config", "--issuer", "https://auth.example.com"], { cwd: folder })).code).toBe(0);
  const checked = await run(["--json", "config", "check"], { cwd: folder });
  expect((JSON.parse(checked.out) as Checked).mistakes.map(({ path }) => path)).toEqual(["kv_namespaces.id", "d1_databases.database_id"]);
  expect(readFileSync(join(folder, "wrangler.production.toml"), "utf8")).not.toContain("POSTERN_REGISTRATION");
});
