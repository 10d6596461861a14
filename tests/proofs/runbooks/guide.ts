// The commands of the guides: what is played is what the page says to run.
import { readFileSync } from "node:fs";

/** The lines of one section of a guide, those of its own sections included. */
function part(guide: string, section: string): string[] {
  const lines = readFileSync(new URL(`../../../docs/guides/${guide}.md`, import.meta.url), "utf8").split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === section);
  if (start < 0) throw new Error(`docs/guides/${guide}.md has no section "${section}"`);
  const depth = (lines[start] ?? "").indexOf(" ");
  let isCode = false;
  const end = lines.findIndex((line, number) => {
    if (line.trim().startsWith("```")) isCode = !isCode;
    return number > start && !isCode && (/^(#+) /.exec(line)?.[1] ?? "#".repeat(9)).length <= depth;
  });
  return lines.slice(start + 1, end < 0 ? undefined : end);
}

/** The shell blocks of one section of a guide, in their order. */
export function blocks(guide: string, section: string): string[] {
  const found: string[] = [];
  let block: string[] | undefined;
  let indent = 0;
  for (const line of part(guide, section)) {
    if (block === undefined) {
      const fence = /^( *)```sh$/.exec(line);
      if (!fence) continue;
      indent = (fence[1] ?? "").length;
      block = [];
    } else if (line.trim() === "```") {
      found.push(block.join("\n"));
      block = undefined;
    } else {
      block.push(line.slice(indent));
    }
  }
  return found;
}

/** One block, with this deployment's names in place of the guide's. Each of them must be there. */
export function commands(guide: string, section: string, index: number, names: Record<string, string> = {}): string {
  let block = blocks(guide, section)[index];
  if (block === undefined) throw new Error(`docs/guides/${guide}.md: "${section}" has no shell block ${index}`);
  for (const [name, value] of Object.entries(names)) {
    if (!block.includes(name)) throw new Error(`docs/guides/${guide}.md: "${section}" does not name ${name}`);
    block = block.replaceAll(name, value);
  }
  return block;
}

/** The headings of a guide. */
export function sections(guide: string): string[] {
  const text = readFileSync(new URL(`../../../docs/guides/${guide}.md`, import.meta.url), "utf8");
  return [...text.matchAll(/^##+ (.*)$/gm)].map(([, heading = ""]) => heading);
}

function told(guide: string, section: string, word: string): string | undefined {
  const pattern = new RegExp(`\\*\\*${word}\\.\\*\\* (.*?)(?= \\*\\*[A-Z][^*]*\\.\\*\\*|$)`);
  return part(guide, section)
    .map((line) => pattern.exec(line)?.[1])
    .find((text) => text !== undefined);
}

/** Whether a section has sentences that begin with this word in bold. */
export const has = (guide: string, section: string, word: string): boolean => told(guide, section, word) !== undefined;

/** The sentences of a section that begin with this word in bold, up to the next word in bold or the end of their line. */
export function sentence(guide: string, section: string, word: string): string {
  const found = told(guide, section, word);
  if (found === undefined) throw new Error(`docs/guides/${guide}.md: "${section}" has no **${word}.**`);
  return found;
}
