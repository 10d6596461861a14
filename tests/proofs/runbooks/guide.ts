// The commands of the guides: what is played is what the page says to run.
import { readFileSync } from "node:fs";

/** The shell blocks of one section of a guide, in their order. */
export function blocks(guide: string, section: string): string[] {
  const lines = readFileSync(new URL(`../../../docs/guides/${guide}.md`, import.meta.url), "utf8").split("\n");
  const start = lines.findIndex((line) => /^#+ /.test(line) && line.replace(/^#+ /, "") === section);
  if (start < 0) throw new Error(`docs/guides/${guide}.md has no section "${section}"`);
  const depth = (lines[start] ?? "").indexOf(" ");
  const found: string[] = [];
  let block: string[] | undefined;
  let indent = 0;
  for (const line of lines.slice(start + 1)) {
    const heading = /^(#+) /.exec(line);
    if (block === undefined && heading && (heading[1] ?? "").length <= depth) break;
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
