// `make bench`: measures, writes bench/results.json and the tables and the plot of docs/reference/performance.md, and adds a
// line to bench/history.jsonl. `--render` writes the page anew from what was measured last.
import { execFileSync } from "node:child_process";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { counts, hasValgrind, program } from "./counts.ts";
import { measure } from "./cpu.ts";
import type { Spread } from "./measure.ts";
import { refreshRatios } from "./refresh-ratios.ts";

interface Results {
  micros: Record<string, Spread>;
  ratios: Record<string, Spread>;
  /** How the rounds went. */
  rounds: string;
  /** By native case; empty without valgrind. */
  instructions: Record<string, number>;
}

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const BEGIN = "<!-- made by make bench: begin -->";
const END = "<!-- made by make bench: end -->";

/** What each ratio is to be at most; those without are for information. */
const AIMS: Record<string, number> = {
  gate_hit_vs_jose: 0.4,
  gate_hit_vs_noop_js: 1.1,
  gate_miss_vs_jose: 0.95,
  gate_miss_vs_jose_eddsa: 0.95,
  gate_miss_vs_jose_rs256: 0.95,
  gate_miss_vs_webcrypto: 1.1,
  forward_vs_js: 1.15,
  forward_assertion_vs_js: 1.08,
  forward_service_vs_js: 1.15,
  refresh_vs_workers_oauth_provider: 0.7,
  refresh_vs_openauth: 0.7,
};

function tables({ micros, ratios, rounds, instructions }: Results): string {
  const lines = ["| Worker | CPU a request, µs: median | 95 % | min | max |", "|---|---:|---:|---:|---:|"];
  for (const [name, { median, low, high, min, max }] of Object.entries(micros)) {
    lines.push(`| ${name} | ${median.toFixed(0)} | ${low.toFixed(0)} to ${high.toFixed(0)} | ${min.toFixed(0)} | ${max.toFixed(0)} |`);
  }
  lines.push("", "| Ratio | median | 95 % | aim | |", "|---|---:|---:|---:|---|");
  for (const [name, { median, low, high }] of Object.entries(ratios)) {
    const aim = AIMS[name];
    const verdict = aim === undefined ? "" : high <= aim ? "met" : low > aim ? "missed" : "not certain";
    lines.push(`| \`${name}\` | ${median.toFixed(2)} | ${low.toFixed(2)} to ${high.toFixed(2)} | ${aim ?? ""} | ${verdict} |`);
  }
  lines.push("", `${rounds}.`);
  const counted = Object.entries(instructions);
  if (counted.length === 0) return [...lines, "", "No instruction counts: valgrind is not installed."].join("\n");
  lines.push("", "| Native, by callgrind | instructions |", "|---|---:|", ...counted.map(([name, count]) => `| ${name} | ${count} |`));
  return lines.join("\n");
}

/** Bars with the spread of the rounds as a line. */
function plot({ micros }: Results): string {
  const rows = Object.entries(micros);
  const scale = 460 / Math.max(...rows.map(([, { max }]) => max));
  const bar = ([name, { median, min, max }]: [string, Spread], index: number) => {
    const y = 10 + index * 22;
    const colour = name.startsWith("Postern") ? "#2563eb" : "#9ca3af";
    return [
      `<text x="250" y="${y + 12}" text-anchor="end">${name}</text>`,
      `<rect x="260" y="${y}" width="${(median * scale).toFixed(1)}" height="16" fill="${colour}"/>`,
      `<line x1="${(260 + min * scale).toFixed(1)}" x2="${(260 + max * scale).toFixed(1)}" y1="${y + 8}" y2="${y + 8}" stroke="#111827"/>`,
      `<text x="${(266 + max * scale).toFixed(1)}" y="${y + 12}">${median.toFixed(0)}</text>`,
    ].join("");
  };
  const style = 'font-family="sans-serif" font-size="11"';
  return `<svg xmlns="http://www.w3.org/2000/svg" width="780" height="${20 + rows.length * 22}" ${style}><rect width="100%" height="100%" fill="#fff"/>${rows.map(bar).join("\n")}</svg>\n`;
}

/** One after the other: what one of them costs must not be counted to the next. */
async function measureAll(): Promise<Results> {
  const { micros, ratios, rounds } = await measure();
  const refreshes = await refreshRatios();
  const found = hasValgrind() ? counts(program(), "domain") : [];
  const instructions = Object.fromEntries(found.map(({ name, size, instructions: count }) => [`${name}, ${size}`, count ?? Number.NaN]));
  return { micros, ratios: { ...ratios, ...refreshes }, rounds, instructions };
}

const machine = { processor: cpus()[0]?.model.trim(), cores: cpus().length, node: process.version };

/** One line a run: a change shows in review. `+`: with changes that no commit has. */
async function remember({ micros, ratios, rounds, instructions }: Results): Promise<void> {
  const git = (...parameters: string[]) => execFileSync("git", parameters, { cwd: here(".."), encoding: "utf8" }).trim();
  const isChanged = git("status", "--porcelain", "--untracked-files=no") !== "";
  const short = (figures: Record<string, Spread>) => Object.fromEntries(Object.entries(figures).map(([name, { median, low, high }]) => [name, [median, low, high]]));
  const line = { commit: git("rev-parse", "--short=10", "HEAD") + (isChanged ? "+" : ""), date: new Date().toISOString().slice(0, 10), ...machine, ratios: short(ratios), micros: short(micros), instructions, rounds };
  await appendFile(here("history.jsonl"), `${JSON.stringify(line)}\n`);
}

const isRender = process.argv.includes("--render");
const results = isRender ? (JSON.parse(await readFile(here("results.json"), "utf8")) as Results) : await measureAll();
if (!isRender) {
  await remember(results);
  await writeFile(here("results.json"), `${JSON.stringify({ unit: "microseconds of CPU a request", ...machine, ...results }, null, 2)}\n`);
}
await writeFile(here("../docs/reference/performance.svg"), plot(results));
const path = here("../docs/reference/performance.md");
const text = await readFile(path, "utf8");
const [before, rest] = text.split(BEGIN);
const after = rest?.split(END)[1];
if (before === undefined || after === undefined) throw new Error("docs/reference/performance.md has lost its markers");
const made = `${tables(results)}\n\n![CPU a request](performance.svg)\n\n${machine.processor}, ${machine.cores} cores; Node.js ${machine.node}.`;
await writeFile(path, `${before}${BEGIN}\n\n${made}\n\n${END}${after}`);
console.log(tables(results));
