// Where figures go: the part of a page that a command makes, and bench/results-growth.json, a section for each command.
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** Writes what stands between the two markers of `part` (`make bench PART=size`) in a page of docs/reference/. */
export async function made(page: string, part: string, text: string): Promise<void> {
  const [begin, end] = [`<!-- ${part}: begin -->`, `<!-- ${part}: end -->`];
  const path = here(`../docs/reference/${page}`);
  const whole = await readFile(path, "utf8");
  const [before, rest] = whole.split(begin);
  const after = rest?.split(end)[1];
  if (before === undefined || after === undefined) throw new Error(`docs/reference/${page} has lost the markers of ${part}`);
  await writeFile(path, `${before}${begin}\n\n${text.trim()}\n\n${end}${after}`);
}

export function table(head: (string | number)[], rows: (string | number)[][]): string {
  const line = (cells: (string | number)[]) => `| ${cells.join(" | ")} |`;
  return [line(head), `|${head.map((_, column) => (column === 0 ? "---|" : "---:|")).join("")}`, ...rows.map(line)].join("\n");
}

export const machine = { processor: cpus()[0]?.model.trim() ?? "", cores: cpus().length, node: process.version };
export const onMachine = `${machine.processor}, ${machine.cores} cores; Node.js ${machine.node}.`;

const results = here("results-growth.json");

async function all(): Promise<Record<string, { figures: unknown }>> {
  const text = await readFile(results, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return "{}";
    throw error;
  });
  return JSON.parse(text) as Record<string, { figures: unknown }>;
}

/** What a command measured last, if it ever did. */
export async function recorded<Figures>(section: string): Promise<Figures | undefined> {
  return (await all())[section]?.figures as Figures | undefined;
}

/** Puts one command's figures into bench/results-growth.json and leaves those of the others. */
export async function record(section: string, figures: unknown): Promise<void> {
  const sections = { ...(await all()), [section]: { ...machine, figures } };
  const sorted = Object.fromEntries(Object.entries(sections).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  await writeFile(results, `${JSON.stringify(sorted, null, 1)}\n`);
}
