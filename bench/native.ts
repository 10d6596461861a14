// `make bench PART=native`: what the domain costs without a platform. Criterion's medians, and callgrind's instruction counts
// as the figure that repeats. `--render` writes the page anew from what was measured last.
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { counts, program, type Count } from "./counts.ts";
import { made, onMachine, record, recorded, table } from "./pages.ts";

interface Native extends Count {
  /** Criterion's median and its 95 % confidence interval, in nanoseconds. */
  median: number;
  low: number;
  high: number;
}

/** What criterion wrote, by the name of the case. */
function criterion(folder: string): Map<string, { median: { point_estimate: number; confidence_interval: { lower_bound: number; upper_bound: number } } }> {
  const of = (name: string, file: string) => JSON.parse(readFileSync(join(folder, name, "new", file), "utf8"));
  return new Map(readdirSync(folder).filter((name) => name !== "report").map((name) => [of(name, "benchmark.json").full_id, of(name, "estimates.json")]));
}

function measure(): Native[] {
  const root = fileURLToPath(new URL("../", import.meta.url));
  execFileSync("cargo", ["bench", "--quiet", "--package", "postern-bench", "--bench", "domain"], { cwd: root, stdio: "inherit" });
  const target = (JSON.parse(execFileSync("cargo", ["metadata", "--no-deps", "--format-version", "1"], { cwd: root, encoding: "utf8", maxBuffer: 1 << 26 })) as { target_directory: string }).target_directory;
  const medians = criterion(join(target, "criterion"));
  return counts(program(), "domain").map((count) => {
    const found = medians.get(count.name)?.median;
    if (!found) throw new Error(`criterion has not measured ${count.name}`);
    return { ...count, median: found.point_estimate, low: found.confidence_interval.lower_bound, high: found.confidence_interval.upper_bound };
  });
}

const found = process.argv.includes("--render") ? ((await recorded<Native[]>("native")) ?? measure()) : measure();
await record("native", found);
const nanoseconds = (value: number) => (value < 1000 ? `${value.toFixed(0)} ns` : `${(value / 1000).toFixed(2)} µs`);
const rows = found.map(({ name, size, median, low, high, instructions }) => [name, size, instructions ?? "no valgrind", nanoseconds(median), `${nanoseconds(low)} to ${nanoseconds(high)}`]);
const text = table(["", "size", "instructions", "median", "95 %"], rows);
await made("growth.md", "make bench PART=native", `${text}\n\n${onMachine}`);
console.log(text);
