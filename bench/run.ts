// `make bench`: measures, then writes bench/results.json and the tables and the plot of docs/reference/performance.md.
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { measure, type CpuResults, type Spread } from "./cpu.ts";
import { refreshRatios } from "./refresh-ratios.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const BEGIN = "<!-- made by make bench: begin -->";
const END = "<!-- made by make bench: end -->";

/** What each ratio is to be at most; those without are for information. */
const AIMS: Record<string, number> = {
  gate_hit_vs_jose: 0.5,
  gate_hit_vs_noop_js: 1.4,
  gate_miss_vs_jose: 0.92,
  forward_vs_js: 1.02,
  refresh_vs_workers_oauth_provider: 1,
  refresh_vs_openauth: 1,
};

function tables({ micros, ratios }: CpuResults): string {
  const lines = ["| Worker | CPU a request, µs: median | min | max |", "|---|---|---|---|"];
  for (const [name, { median, min, max }] of Object.entries(micros)) {
    lines.push(`| ${name} | ${median.toFixed(0)} | ${min.toFixed(0)} | ${max.toFixed(0)} |`);
  }
  lines.push("", "| Ratio | median | min | max | aim | |", "|---|---|---|---|---|---|");
  for (const [name, { median, min, max }] of Object.entries(ratios)) {
    const aim = AIMS[name];
    const verdict = aim === undefined ? "" : median <= aim ? "met" : "missed";
    lines.push(`| \`${name}\` | ${median.toFixed(2)} | ${min.toFixed(2)} | ${max.toFixed(2)} | ${aim ?? ""} | ${verdict} |`);
  }
  return lines.join("\n");
}

/** Bars with the spread of the rounds as a line. */
function plot({ micros }: CpuResults): string {
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
async function measureAll(): Promise<CpuResults> {
  const { micros, ratios } = await measure();
  return { micros, ratios: { ...ratios, ...(await refreshRatios()) } };
}

// `--render` writes the pages anew from what was measured last.
const measured = process.argv.includes("--render")
  ? (JSON.parse(await readFile(here("results.json"), "utf8")) as CpuResults)
  : await measureAll();
const results: CpuResults = { micros: measured.micros, ratios: measured.ratios };
await writeFile(here("results.json"), `${JSON.stringify({ unit: "microseconds of CPU a request", processor: cpus()[0]?.model.trim(), cores: cpus().length, node: process.version, ...results }, null, 2)}\n`);
await writeFile(here("../docs/reference/performance.svg"), plot(results));
const path = here("../docs/reference/performance.md");
const text = await readFile(path, "utf8");
const [before, rest] = text.split(BEGIN);
const after = rest?.split(END)[1];
if (before === undefined || after === undefined) throw new Error("docs/reference/performance.md has lost its markers");
const made = `${tables(results)}\n\n![CPU a request](performance.svg)\n\n${cpus()[0]?.model.trim()}, ${cpus().length} cores; Node.js ${process.version}.`;
await writeFile(path, `${before}${BEGIN}\n\n${made}\n\n${END}${after}`);
console.log(tables(results));
