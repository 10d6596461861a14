// `make proof NAME=clients`: programs that others wrote, each pinned, against the authorization server with its pages and the
// gate. Each is a run of its own whose checks are counted. One table at the end; a failed check fails the proof.
import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { mcpScene, oauthScene, type Scene } from "./scene.ts";

/** A client's program. */
interface Program {
  name: string;
  version: string;
  /** The command; the scene is in its environment. */
  command: readonly string[];
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
  const places = ["node_modules/", "../../mcp/node_modules/", "../../../node_modules/"].map((place) => here(`${place}${name}/package.json`));
  const found = places.find((place) => existsSync(place));
  if (found === undefined) throw new Error(`${name} is not installed`);
  return (JSON.parse(readFileSync(found, "utf8")) as { version: string }).version;
}

const npm = (name: string, file: string): Program => ({ name, version: installed(name), command: [process.execPath, here(file)] });

/** Runs a program and counts the checks that it reports. One that reports none, or breaks off, has failed. */
async function run({ name, version, command: [program = "", ...args] }: Program, { given, env }: Scene): Promise<Tally> {
  console.log(`\n${name} ${version}`);
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"], env: { ...process.env, ...env, SCENE: JSON.stringify(given) } });
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
async function play(programs: readonly Program[], start: () => Promise<Scene>): Promise<void> {
  const chosen = programs.filter(wanted);
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

await play([npm("openid-client", "openid-client.ts"), npm("oauth4webapi", "oauth4webapi.ts")], oauthScene);
await play([npm("@modelcontextprotocol/sdk", "mcp-sdk.ts")], mcpScene);

console.log("\n| client | version | checks passed |\n|---|---|---|");
for (const { name, version, passed, failed } of tallies) console.log(`| ${name} | ${version} | ${passed} of ${passed + failed.length} |`);
for (const { name, failed } of tallies) for (const line of failed) console.log(`${name}: ${line}`);
process.exit(tallies.length > 0 && tallies.every(({ failed }) => failed.length === 0) ? 0 : 1);
