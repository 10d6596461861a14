// Installs the dependencies, with the package manager that runs us.
import { spawn } from "node:child_process";
import { Failed } from "./failed.ts";

/** Seldom-met errors say enough by themselves; these are what the first hour meets. */
const CAUSES: [RegExp, string][] = [
  [/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ERR_SOCKET|ENOTCACHED|network/i, "the registry could not be reached: is there a network?"],
  [/ETARGET|E404|notarget|not found/i, "the registry does not have a package"],
  [/ENOSPC/, "the disk is full"],
  [/EACCES|EPERM/, "a file may not be written"],
];

/** The package manager and what runs it. */
function manager(): { name: string; command: string; words: string[] } {
  const name = /^(npm|pnpm|yarn|bun)\//.exec(process.env["npm_config_user_agent"] ?? "")?.[1] ?? "npm";
  const script = process.env["npm_execpath"];
  if (script !== undefined && /\.[cm]?js$/.test(script)) return { name, command: process.execPath, words: [script] };
  return { name, command: script ?? name, words: [] };
}

/** Runs `install` in the folder. What it prints is shown when it fails for an unusual reason. */
export async function install(folder: string): Promise<string> {
  const { name, command, words } = manager();
  const quiet = name === "npm" ? ["--no-audit", "--no-fund", "--loglevel=error"] : [];
  const child = spawn(command, [...words, "install", ...quiet], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    // npm itself would try for minutes.
    env: { npm_config_fetch_retries: "1", npm_config_fetch_retry_mintimeout: "1000", ...process.env },
    // The scripts of npm are .cmd files on Windows.
    shell: process.platform === "win32" && words.length === 0,
  });
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (part: Buffer) => parts.push(part));
  const code = await new Promise<number>((done) => child.on("error", (error) => (parts.push(Buffer.from(error.message)), done(1))).on("close", (code) => done(code ?? 1)));
  if (code === 0) return name;
  const printed = Buffer.concat(parts).toString().trim();
  const cause = CAUSES.find(([pattern]) => pattern.test(printed))?.[1];
  const detail = /^(?:npm error|npm ERR!) (?!code|errno|syscall|A complete log|$)(.+)$/m.exec(printed)?.[1];
  throw new Failed(`${name} install failed, and nothing was made: ${cause ?? detail ?? printed.split("\n").at(-1) ?? "it gave no reason"}. With --no-install you can run it later`);
}
