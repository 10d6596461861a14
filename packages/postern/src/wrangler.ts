// The user's own wrangler, as a child.
import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";

/** A mistake of the user's or of the machine's: one line, without a stack. */
export class Failed extends Error {}

/** The script of the wrangler that is installed in this folder or above it. */
function script(folder: string): string {
  try {
    const found = createRequire(join(folder, "package.json")).resolve("wrangler/package.json");
    const { bin } = JSON.parse(readFileSync(found, "utf8")) as { bin: Record<string, string> };
    return join(dirname(found), bin["wrangler"] ?? "bin/wrangler.js");
  } catch {
    throw new Failed("wrangler is not installed here: run npm install");
  }
}

/** The settings file: what was named, or wrangler.toml here. */
export function settingsFile(named: string | undefined): string {
  const file = resolve(named ?? "wrangler.toml");
  if (!existsSync(file)) throw new Failed(`${named ?? "wrangler.toml"} is not in this folder: npm create postern makes a folder that has one`);
  return file;
}

/** Starts wrangler. It calls no server of its maker's for news or statistics. */
export function wrangler(words: string[], stdio: StdioOptions, more: NodeJS.ProcessEnv = {}): ChildProcess {
  const quiet = { WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true" };
  return spawn(process.execPath, [script(process.cwd()), ...words], { stdio, env: { ...quiet, ...process.env, ...more } });
}

/** How a child ended: its exit code, and what it printed where that was collected. */
export async function ended(child: ChildProcess): Promise<{ code: number; printed: string }> {
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (part: Buffer) => parts.push(part));
  const code = await new Promise<number>((done, fail) => child.on("error", fail).on("close", (code, signal) => done(code ?? (signal === "SIGINT" ? 130 : 1))));
  return { code, printed: Buffer.concat(parts).toString() };
}
