// Runs `postern` as an operator does: one process for each command.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../", import.meta.url));
const binary = join(process.env["CARGO_TARGET_DIR"] ?? join(root, "target"), "debug/postern");

export interface Run {
  code: number | null;
  out: string;
  err: string;
}

export interface Surroundings {
  env?: Record<string, string>;
  /** What is piped in. */
  input?: string;
  cwd?: string;
}

export interface Begun {
  child: ChildProcess;
  ended: Promise<Run>;
}

/** Begins a run. Nothing of this machine's own settings is seen but PATH. */
export function begin(args: readonly string[], { env = {}, input = "", cwd }: Surroundings = {}): Begun {
  if (!existsSync(binary)) throw new Error(`${binary} is not built: make proof NAME=cli`);
  const child = spawn(binary, args, { env: { PATH: process.env["PATH"], ...env }, cwd, stdio: "pipe" });
  child.stdin.on("error", () => {}); // a command that reads nothing has closed it
  child.stdin.end(input);
  const closed = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  const ended = Promise.all([closed, text(child.stdout), text(child.stderr)]).then(([code, out, err]) => ({ code, out, err }));
  return { child, ended };
}

/** Runs it to its end. */
export function postern(args: readonly string[], surroundings?: Surroundings): Promise<Run> {
  return begin(args, surroundings).ended;
}

/** Runs a line of bash that has the program as $POSTERN. */
export async function shell(line: string): Promise<Run> {
  const child = spawn("bash", ["-c", line], { env: { PATH: process.env["PATH"], POSTERN: binary }, stdio: "pipe" });
  child.stdin.end();
  const closed = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  const [code, out, err] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  return { code, out, err };
}

/** The JSON of a command that must succeed. */
export async function answer<T>(args: readonly string[], surroundings?: Surroundings): Promise<T> {
  const run = await postern(["--json", ...args], surroundings);
  if (run.code !== 0) throw new Error(`postern ${args.join(" ")} ended with ${run.code}:\n${run.out}${run.err}`);
  return JSON.parse(run.out) as T;
}

/** What `postern user import --json` reports. */
export interface ImportReport {
  rows: number;
  created: number;
  existing: number;
  refused: number;
  resumed_at: number;
  seconds: number;
  rejects: string | null;
}
