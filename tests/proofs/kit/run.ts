// Installs @postern/testing from its tarball into each project of this folder, as its users do, and runs the tests there. Then
// takes something away and looks at what is said; and measures the start.
import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromiumPath } from "../../browser/chromium.ts";

const root = join(import.meta.dirname, "../../..");
// Outside of the repository: what is missing must not be found there.
const place = mkdtempSync(join(tmpdir(), "postern-kit-"));
const tarballs = join(root, "build/packages");
const wanted = process.argv.slice(2);
const projects = readdirSync(import.meta.dirname).filter((name) => statSync(join(import.meta.dirname, name)).isDirectory());
const failures: string[] = [];

function tarball(name: string): string {
  const found = readdirSync(tarballs).find((file) => new RegExp(`^${name}-\\d`).test(file));
  if (found === undefined) throw new Error(`no tarball of ${name} in ${tarballs}`);
  return join(tarballs, found);
}

function chromium(): string | undefined {
  try {
    return chromiumPath();
  } catch {
    return undefined;
  }
}

/** Copies the project outside of the repository's packages, and installs what it names and the two tarballs. */
function install(name: string): string {
  const folder = join(place, name);
  cpSync(join(import.meta.dirname, name), folder, { recursive: true });
  const quiet = ["--no-audit", "--no-fund", "--loglevel=error", "--ignore-scripts", "--save-dev"];
  execFileSync("npm", ["install", ...quiet, tarball("postern"), tarball("postern-testing")], { cwd: folder, stdio: "inherit" });
  return folder;
}

/** Runs a program of a test for two minutes at most: one that leaves something running hangs. */
function run(folder: string, command: string, args: string[]): { ok: boolean; output: string } {
  const env = { ...process.env, CHROMIUM: chromium(), FORCE_COLOR: "0", NODE_OPTIONS: "" };
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env, encoding: "utf8", timeout: 120_000 });
  return { ok: status === 0, output: `${stdout}${stderr}` };
}

const check = (what: string, ok: boolean, output = "") => {
  console.log(`${ok ? "passed" : "FAILED"}  ${what}`);
  if (ok) return;
  failures.push(what);
  console.log(output);
};

/** What a program of this text says and how it ends. */
function program(folder: string, text: string): { ok: boolean; output: string } {
  writeFileSync(join(folder, "program.js"), `import { startPostern } from "@postern/testing";\n${text}`);
  return run(folder, "node", ["program.js"]);
}

/** That the start fails, and the error is this one line. */
function fails(what: string, folder: string, expected: RegExp, options = "{}"): void {
  const { ok, output } = program(folder, `await (await startPostern(${options})).dispose();`);
  const line = output.split("\n").find((each) => each.startsWith("KitError: ")) ?? "";
  check(`${what}: ${line}`, !ok && expected.test(line), output);
}

/** Without this file or folder, the start fails so. */
function without(what: string, folder: string, path: string, expected: RegExp): void {
  const [there, away] = [join(folder, "node_modules", path), join(folder, "node_modules", `${path}.away`)];
  renameSync(there, away);
  try {
    fails(what, folder, expected);
  } finally {
    renameSync(away, there);
  }
}

for (const name of projects) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  if (name === "playwright" && chromium() === undefined) {
    console.log("skipped  playwright: there is no Chromium");
    continue;
  }
  const folder = install(name);
  const { ok, output } = run(folder, "npm", ["test", "--silent"]);
  check(name, ok, output);
  // How many tests ran, in each runner's own words.
  for (const [figure] of output.matchAll(/tests per second: \d+|Tests:? +\d+ passed.*|# pass \d+|^ +\d+ passed.*/gm)) console.log(`        ${figure.trim()}`);
}

if (wanted.length === 0 || wanted.includes("node-test")) {
  const folder = join(place, "node-test");
  without("without the Worker's package", folder, "postern", /postern, which has the Worker, is not installed: npm install --save-dev postern$/);
  without("without the migrations", folder, "postern/dist/migrations", /the migrations are missing: there is no \.sql file in /);
  without("without the module", folder, "postern/dist/worker/index_bg.wasm", /the built Worker is missing: .*index_bg\.wasm$/);
  const workerd = readdirSync(join(folder, "node_modules/@cloudflare")).find((name) => name.startsWith("workerd-")) ?? "";
  without("without workerd", folder, `@cloudflare/${workerd}`, /workerd cannot be loaded .*: run npm install again/);
  const taken = createServer().listen(0, "127.0.0.1");
  await once(taken, "listening");
  const { port } = taken.address() as AddressInfo;
  fails("a port that is taken", folder, /port \d+ is taken: leave `port` out for a free one$/, `{ port: ${port} }`);
  taken.close();

  const measure = `const p = await startPostern(); const t = performance.now(); await p.dispose(); console.log(JSON.stringify({ start: t, dispose: performance.now() - t }));`;
  const times = Array.from({ length: 5 }, () => (JSON.parse(program(folder, measure).output) as { start: number }).start).sort((a, b) => a - b);
  const median = Math.round(times[2] ?? Number.NaN);
  check(`a process of Node with a running Postern: ${median} ms (median of 5; ${Math.round(times[0] ?? 0)} to ${Math.round(times[4] ?? 0)})`, (times[0] ?? Number.NaN) < 2000);

  const first = readFileSync(join(import.meta.dirname, "vitest/first.test.ts"), "utf8").split("\n").filter((line) => line.trim() !== "");
  check(`lines of a first test: ${first.length}`, first.length <= 12);
}
rmSync(place, { recursive: true, force: true });
if (failures.length > 0) {
  console.error(`\n${failures.length} failed: ${failures.join(", ")}`);
  process.exitCode = 1;
}
