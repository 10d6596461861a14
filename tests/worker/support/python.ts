// A Python with one package: the machine's own, or an environment in the cache that is made for it once.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

/** The program, or undefined where there is no Python, or no network to install from. */
export function python(name: string, requirement: string, proof: string): string | undefined {
  const works = (program: string) => spawnSync(program, ["-c", proof]).status === 0;
  if (works("python3")) return "python3";
  const cache = process.env["POSTERN_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "postern");
  const folder = join(cache, "tools", name);
  const program = join(folder, "bin", "python3");
  if (!existsSync(program)) {
    spawnSync("python3", ["-m", "venv", folder]);
    spawnSync(program, ["-m", "pip", "install", "--quiet", requirement]);
  }
  return works(program) ? program : undefined;
}
