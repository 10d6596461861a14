// `make proof NAME=clients`: programs that others wrote, each pinned, against the authorization server with its pages and the
// gate. Each is a run of its own whose checks are counted. One table at the end; a failed check fails the proof.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { mcpScene, oauthScene, type Scene } from "./scene.ts";

/** A client's program. */
interface Program {
  name: string;
  version: string;
  /** The command; the scene is in its environment. */
  command: readonly string[];
  /** Whether it needs Chromium. */
  chromium?: true;
}

interface Tally {
  name: string;
  version: string;
  passed: number;
  failed: string[];
}

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The version of an npm package that is really there. */
function installed(name: string): string {
  const places = ["node_modules/", "chromium/node_modules/", "../../mcp/node_modules/", "../../../node_modules/"].map((place) => here(`${place}${name}/package.json`));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return (JSON.parse(readFileSync(found, "utf8")) as { version: string }).version;
}

const npm = (name: string, file: string, what = ""): Program => ({ name: `${name}${what}`, version: installed(name), command: [process.execPath, here(file)] });

const inChromium = (name: string, file: string): Program => ({ name, version: existsSync(here("chromium/node_modules")) ? installed(name) : "", command: [process.execPath, here(file)], chromium: true });

/** A Python with the packages of requirements.txt, in the cache; it is made once. */
function python(): string {
  const file = here("requirements.txt");
  const cache = process.env["POSTERN_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postern");
  const folder = join(cache, "tools", `oauth-clients-${createHash("sha256").update(readFileSync(file)).digest("hex").slice(0, 12)}`);
  const [program, done] = [join(folder, "bin/python3"), join(folder, "done")];
  if (!existsSync(done)) {
    console.log(`postern: installing the Python packages of requirements.txt into ${folder} (once)`);
    const made = spawnSync("python3", ["-m", "venv", "--clear", folder], { stdio: "inherit" }).status === 0;
    if (!made || spawnSync(program, ["-m", "pip", "install", "--quiet", "--requirement", file], { stdio: "inherit" }).status !== 0) throw new Error("they were not installed: this needs Python 3.10 or newer with venv and pip");
    writeFileSync(done, "");
  }
  return program;
}

/** A program in Python. Its version is pinned in requirements.txt. */
function pip(name: string, file: string): Program {
  const [, version = ""] = new RegExp(`^${name}==(.+)$`, "m").exec(readFileSync(here("requirements.txt"), "utf8")) ?? [];
  return { name: name === "mcp" ? "mcp (Python)" : name, version, command: ["python3", here(file)] };
}

/** Runs a program and counts the checks that it reports. One that reports none, or breaks off, has failed. */
async function run({ name, version, command: [program = "", ...args] }: Program, { given, env }: Scene): Promise<Tally> {
  console.log(`\n${name} ${version}`);
  const child = spawn(program === "python3" ? python() : program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env, PYTHONWARNINGS: "ignore", PYTHONDONTWRITEBYTECODE: "1", SCENE: JSON.stringify(given) } });
  const tally: Tally = { name, version, passed: 0, failed: [] };
  let finished = false;
  createInterface({ input: child.stdout }).on("line", (line) => {
    console.log(`  ${line}`);
    if (line.startsWith("ok ")) tally.passed += 1;
    else if (line.startsWith("FAIL ")) tally.failed.push(line.slice("FAIL ".length));
    else if (line === "finished") finished = true;
  });
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  if (!finished || code !== 0 || tally.passed === 0) tally.failed.push(`it broke off with ${code} after ${tally.passed} checks`);
  return tally;
}

const only = process.env["ONLY"]?.split(" ") ?? [];
const wanted = ({ name }: Program) => only.length === 0 || only.some((word) => name.includes(word));

const tallies: Tally[] = [];
/** Programs that this machine cannot run. */
const left: Program[] = [];
async function play(programs: readonly Program[], start: () => Promise<Scene>): Promise<void> {
  const withChromium = existsSync(here("chromium/node_modules"));
  const chosen = programs.filter((program) => wanted(program) && (withChromium || !program.chromium));
  left.push(...programs.filter((program) => wanted(program) && !chosen.includes(program)));
  if (chosen.length === 0) return;
  const scene = await start();
  try {
    for (const program of chosen) tallies.push(await run(program, scene));
    const exceptions = scene.postern.logs.filter((line) => /panicked|Uncaught|unreachable/.test(line));
    if (exceptions.length > 0) tallies.push({ name: "exceptions in the log", version: "", passed: 0, failed: exceptions });
  } finally {
    await scene.stop();
  }
}

await play(
  [
    npm("openid-client", "openid-client.ts"),
    npm("oauth4webapi", "oauth4webapi.ts"),
    pip("Authlib", "authlib_client.py"),
    pip("requests-oauth2client", "requests_oauth2client_client.py"),
    npm("@modelcontextprotocol/conformance", "conformance.ts", ", an issuer with a path"),
    npm("oidc-provider", "oracle.ts", ", as an oracle"),
  ],
  oauthScene,
);
await play(
  [
    npm("@modelcontextprotocol/sdk", "mcp-sdk.ts"),
    pip("mcp", "mcp_client.py"),
    npm("@modelcontextprotocol/conformance", "conformance.ts"),
    inChromium("mcp-remote", "mcp-remote.ts"),
    inChromium("@modelcontextprotocol/inspector", "inspector.ts"),
    inChromium("lighthouse", "lighthouse.ts"),
  ],
  mcpScene,
);

console.log("\n| client | version | checks passed |\n|---|---|---|");
for (const { name, version, passed, failed } of tallies) console.log(`| ${name} | ${version} | ${passed} of ${passed + failed.length} |`);
for (const { name } of left) console.log(`| ${name} | | not run: there is no Chromium |`);
for (const { name, failed } of tallies) for (const line of failed) console.log(`${name}: ${line}`);
process.exit(tallies.length > 0 && tallies.every(({ failed }) => failed.length === 0) ? 0 : 1);
