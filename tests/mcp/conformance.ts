// The server scenarios of @modelcontextprotocol/conformance against one MCP server, directly and through the gate: the gate
// must change no verdict. Results per scenario go to build/mcp.
import { execFile } from "node:child_process";
import { globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { startRelay, type Relay } from "./relay.ts";
import { scene } from "./scene.ts";

/** The revision whose wire format the SDK's server speaks. */
const REVISION = "2025-11-25";
const out = fileURLToPath(new URL("../../build/mcp/", import.meta.url));
const program = join(dirname(createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json")), "dist/index.js");

interface Check {
  id: string;
  status: string;
}

/** Runs the scenarios: each one's checks, as `id status`. */
async function run(name: string, relay: Relay): Promise<Map<string, string[]>> {
  const folder = join(out, name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const args = [program, "server", "--url", `${relay.url}/mcp`, "--requirements", REVISION, "--output-dir", folder];
  // It fails when a scenario does; what counts is in its files.
  await promisify(execFile)(process.execPath, args, { maxBuffer: 64 << 20 }).catch(() => undefined);
  const results = new Map<string, string[]>();
  for (const file of globSync("**/checks.json", { cwd: folder }).sort()) {
    const scenario = basename(dirname(file)).replace(/^server-/, "").replace(/-\d{4}-\d{2}-\d{2}T.*$/, "");
    const checks = JSON.parse(readFileSync(join(folder, file), "utf8")) as Check[];
    results.set(scenario, checks.filter(({ status }) => status !== "INFO").map(({ id, status }) => `${id} ${status}`));
  }
  return results;
}

const at = await scene();
const direct = await startRelay(at.server.url);
const through = await startRelay(at.mcp, () => at.theirs.issuer.token("k", { aud: at.mcp, scope: "mcp:use" }));
let differ = 0;
try {
  const results = { direct: await run("direct", direct), gate: await run("gate", through) };
  const names = [...new Set([...results.direct.keys(), ...results.gate.keys()])].sort();
  const passes = (checks: string[] | undefined) => checks !== undefined && checks.length > 0 && checks.every((check) => !check.endsWith(" FAILURE"));
  for (const name of names) {
    const [one, other] = [results.direct.get(name), results.gate.get(name)];
    const same = JSON.stringify(one) === JSON.stringify(other);
    if (!same) differ += 1;
    console.log(`${same ? "same  " : "DIFFER"} ${passes(one) ? "pass" : "FAIL"} ${passes(other) ? "pass" : "FAIL"} ${name}${same ? "" : `\n  direct ${one?.join(", ")}\n  gate   ${other?.join(", ")}`}`);
  }
  const count = (of: Map<string, string[]>) => names.filter((name) => passes(of.get(name))).length;
  console.log(`MCP ${REVISION}, server scenarios: ${count(results.direct)} of ${names.length} passed directly, ${count(results.gate)} of ${names.length} through the gate, ${differ} verdicts differ`);
  if (names.length < 30) throw new Error(`only ${names.length} scenarios ran`);
} finally {
  await Promise.all([direct.stop(), through.stop(), at.stop()]);
}
process.exit(differ === 0 ? 0 : 1);
