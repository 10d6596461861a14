// `postern config check` before a deployment: what wrangler itself would let through.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { postern as run } from "./program.ts";

interface Checked {
  sound: boolean;
  mistakes: { path: string; problem: string }[];
  warnings: { path: string; problem: string }[];
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

async function check(text: string, args: string[] = [], env: Record<string, string> = {}) {
  const file = join(home, "wrangler.toml");
  writeFileSync(file, text);
  const { code, out, err } = await run(["config", "check", file, "--json", ...args], { env });
  expect(err).toBe("");
  const checked = JSON.parse(out) as Checked;
  expect(code).toBe(checked.sound ? 0 : 1);
  return { ...checked, paths: checked.mistakes.map(({ path }) => path) };
}

test("a file that is ready is sound, and people are told so", async () => {
  expect(await check(filled + VARS + ROUTE)).toMatchObject({ sound: true, mistakes: [], warnings: [] });
  const { out } = await run(["config", "check", join(home, "wrangler.toml")]);
  expect(out).toContain("is sound: 1 route, 0 warnings");
});

test("ids of zeros, missing bindings, the local profile and secrets in the file are mistakes", async () => {
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

test("mistakes in variables are listed with all others, the secret's from the environment too", async () => {
  const { paths } = await check(`${ours}${VARS}POSTERN_LEEWAY = "10m"\n${ROUTE}`, [], { POSTERN_MASTER_KEY: "short" });
  expect(paths).toEqual(["POSTERN_LEEWAY", "POSTERN_MASTER_KEY", "kv_namespaces.id", "d1_databases.database_id"]);
});

test("on this machine .dev.vars counts, and a local origin may", async () => {
  writeFileSync(join(home, ".dev.vars"), `# a comment\nPOSTERN_PROFILE="local"\nPOSTERN_ISSUER="http://localhost:8787"\nPOSTERN_MASTER_KEY="${"AQID".repeat(11)}"\n`);
  const text = `${ours}\n[vars]\n${ROUTE.replace("https://origin.example.com", "http://127.0.0.1:3000")}`;
  expect(await check(text, ["--local"])).toMatchObject({ sound: true });
  expect((await check(text)).paths).toContain("POSTERN_ROUTES[0].upstream");
});

test("a file without [vars] is told where they go", async () => {
  writeFileSync(join(home, "wrangler.toml"), 'POSTERN_ISSUER = "https://auth.example.com"\n');
  const ended = await run(["config", "check", join(home, "wrangler.toml")]);
  expect(ended.code).toBe(1);
  expect(ended.err).toContain("[vars]");
});
