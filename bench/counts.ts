// The native cases (bench/native), counted and timed. Instructions come from callgrind, the same in every run but for
// the seeds of hash tables; time is for the order of magnitude. Without valgrind there are no counts, and it says so.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));

export interface Count {
  name: string;
  size: number;
  nanoseconds: number;
  /** Missing where valgrind is. */
  instructions?: number;
}

/** Builds the program as `cargo bench` would, and says where it is. */
export function program(): string {
  const text = execFileSync("cargo", ["build", "--quiet", "--profile", "bench", "--package", "postern-bench", "--example", "counts", "--message-format", "json"], { cwd: root, encoding: "utf8", maxBuffer: 1 << 28, stdio: ["ignore", "pipe", "inherit"] });
  const built = text.split("\n").filter(Boolean).map((line) => JSON.parse(line) as { executable?: string | null });
  const path = built.findLast(({ executable }) => executable)?.executable;
  if (!path) throw new Error("cargo built no program");
  return path;
}

export const lines = <Line>(path: string, ...parameters: string[]): Line[] =>
  execFileSync(path, parameters, { encoding: "utf8", maxBuffer: 1 << 26 }).split("\n").filter(Boolean).map((line) => JSON.parse(line) as Line);

export const hasValgrind = (): boolean => spawnSync("valgrind", ["--version"]).status === 0;

/** Callgrind collects only inside `measured` and writes a file each time it is left, numbered in order. */
function instructions(path: string, what: string): number[] {
  const folder = mkdtempSync(join(tmpdir(), "postern-callgrind-"));
  // The whole name: with a pattern it counts, and writes no files.
  const inside = "postern_bench::measured";
  try {
    const { status, stderr } = spawnSync("valgrind", ["--tool=callgrind", `--toggle-collect=${inside}`, `--dump-after=${inside}`, `--callgrind-out-file=${folder}/out`, path, what], { encoding: "utf8", maxBuffer: 1 << 26 });
    if (status !== 0) throw new Error(`valgrind failed:\n${stderr}`);
    return readdirSync(folder)
      .flatMap((name) => /^out\.(\d+)$/.exec(name)?.[1] ?? [])
      .toSorted((a, b) => Number(a) - Number(b))
      .map((number) => Number(/^totals: (\d+)/m.exec(readFileSync(join(folder, `out.${number}`), "utf8"))?.[1]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function counts(path: string, what: "domain" | "growth"): Count[] {
  const timed = lines<Count>(path, what, "--time");
  if (!hasValgrind()) {
    console.error("valgrind is not installed: no instruction counts, only times (Debian and Ubuntu: apt-get install valgrind)");
    return timed;
  }
  const counted = instructions(path, what);
  if (counted.length !== timed.length) throw new Error(`${counted.length} counts for ${timed.length} cases`);
  return timed.map((count, index) => ({ ...count, instructions: counted[index] ?? Number.NaN }));
}
