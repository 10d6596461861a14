// What several benches share: processor time, spreads, plots of curves.
import { readdirSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

export interface Spread {
  median: number;
  /** The 95 % confidence interval of the median. */
  low: number;
  high: number;
  min: number;
  max: number;
  rounds: number;
}

/**
 * How many of `count` sorted values lie outside the interval on each side: as many as the median of what they were drawn from
 * is among in at most 2.5 % of all samples (order statistics; no shape of the values is assumed). From 6 values on.
 */
function outside(count: number): number {
  let chance = 0.5 ** count;
  let together = chance;
  let values = 0;
  while (values < count / 2) {
    chance *= (count - values) / (values + 1);
    together += chance;
    if (together > 0.025) break;
    values += 1;
  }
  return values;
}

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const round = (value = Number.NaN) => Math.round(value * 1000) / 1000;
  const middle = (sorted.length - 1) / 2;
  const median = ((sorted[Math.floor(middle)] ?? Number.NaN) + (sorted[Math.ceil(middle)] ?? Number.NaN)) / 2;
  const without = outside(sorted.length);
  return { median: round(median), low: round(sorted[without]), high: round(sorted.at(-1 - without)), min: round(sorted[0]), max: round(sorted.at(-1)), rounds: sorted.length };
}

/** The workerd that this process has started, by itself or under valgrind. */
export function workerd(): string {
  const own = readdirSync("/proc").filter((entry) => {
    try {
      const parent = /^\d+$/.test(entry) && /\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, "utf8"))?.[1];
      return Number(parent) === process.pid && readFileSync(`/proc/${entry}/cmdline`, "utf8").includes("workerd");
    } catch {
      return false; // it ended meanwhile
    }
  });
  if (own.length !== 1) throw new Error(`${own.length} workerd processes`);
  return own[0] as string;
}

/** What the scheduler has accounted to all threads of a process so far, in microseconds. */
export interface Accounted {
  /** On a processor. */
  ran: number;
  /** Ready to run, while another process had the processor. */
  waited: number;
}

export function accounted(pid: string): Accounted {
  let [ran, waited] = [0, 0];
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      const [own, waiting] = readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ");
      ran += Number(own);
      waited += Number(waiting);
    } catch {
      // the thread ended meanwhile
    }
  }
  return { ran: ran / 1000, waited: waited / 1000 };
}

/** Microseconds on a processor so far, of all threads: the scheduler counts nanoseconds, /proc/PID/stat hundredths. */
export const cpuOf = (pid: string): number => accounted(pid).ran;

export interface Curve {
  name: string;
  points: [number, number][];
}

const COLOURS = ["#2563eb", "#dc2626", "#059669", "#d97706", "#7c3aed"];
const BOX = { left: 70, top: 40, width: 480, height: 240 };

/** Curves over one axis; with `log` both axes are logarithmic, so that a straight line of slope one is linear growth. */
export async function plot(file: string, { title, x, y, log, curves }: { title: string; x: string; y: string; log: boolean; curves: Curve[] }): Promise<void> {
  const all = curves.flatMap(({ points }) => points);
  // A size of nothing stands at the left edge, a tenth of the least.
  const least = (of: 0 | 1) => Math.min(...all.map((point) => point[of]).filter((value) => value > 0));
  const scaled = (value: number, of: 0 | 1) => (log ? Math.log10(value > 0 ? value : least(of) / 10) : value);
  const range = (of: 0 | 1): [number, number] => {
    const values = all.map((point) => scaled(point[of], of));
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (!log) return [0, high * 1.1 || 1];
    return of === 0 ? [low, high] : [Math.floor(low), Math.max(Math.ceil(high), Math.floor(low) + 1)];
  };
  const [xs, ys] = [range(0), range(1)];
  const left = (value: number) => BOX.left + ((scaled(value, 0) - xs[0]) / (xs[1] - xs[0] || 1)) * BOX.width;
  const top = (value: number) => BOX.top + BOX.height - ((scaled(value, 1) - ys[0]) / (ys[1] - ys[0])) * BOX.height;
  const short = (value: number) => (value >= 1e6 ? `${value / 1e6} M` : value >= 1e4 ? `${value / 1e3} k` : String(Math.round(value * 10) / 10));
  const parts = [
    `<text x="${BOX.left}" y="20" font-size="13">${title}</text>`,
    `<rect x="${BOX.left}" y="${BOX.top}" width="${BOX.width}" height="${BOX.height}" fill="none" stroke="#9ca3af"/>`,
    `<text x="${BOX.left + BOX.width / 2}" y="${BOX.top + BOX.height + 34}" text-anchor="middle">${x}</text>`,
    `<text x="14" y="${BOX.top + BOX.height / 2}" text-anchor="middle" transform="rotate(-90 14 ${BOX.top + BOX.height / 2})">${y}</text>`,
  ];
  const lines = log ? Array.from({ length: ys[1] - ys[0] + 1 }, (_, index) => 10 ** (ys[0] + index)) : Array.from({ length: 5 }, (_, index) => Math.round((ys[1] * index) / 4));
  for (const value of lines) {
    parts.push(`<line x1="${BOX.left}" x2="${BOX.left + BOX.width}" y1="${top(value).toFixed(1)}" y2="${top(value).toFixed(1)}" stroke="#e5e7eb"/>`, `<text x="${BOX.left - 6}" y="${(top(value) + 4).toFixed(1)}" text-anchor="end">${short(value)}</text>`);
  }
  for (const value of new Set(all.map(([size]) => size))) {
    parts.push(`<text x="${left(value).toFixed(1)}" y="${BOX.top + BOX.height + 16}" text-anchor="middle">${short(value)}</text>`);
  }
  for (const [index, { name, points }] of curves.entries()) {
    const colour = COLOURS[index % COLOURS.length];
    const path = points.map(([size, value]) => `${left(size).toFixed(1)},${top(value).toFixed(1)}`).join(" ");
    parts.push(`<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`);
    parts.push(...points.map(([size, value]) => `<circle cx="${left(size).toFixed(1)}" cy="${top(value).toFixed(1)}" r="3" fill="${colour}"/>`));
    parts.push(`<text x="${BOX.left + BOX.width + 12}" y="${BOX.top + 14 + index * 18}" fill="${colour}">${name}</text>`);
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="860" height="${BOX.top + BOX.height + 50}" font-family="sans-serif" font-size="11"><rect width="100%" height="100%" fill="#fff"/>${parts.join("\n")}</svg>\n`;
  await writeFile(fileURLToPath(new URL(`../docs/reference/${file}.svg`, import.meta.url)), svg);
}
