// Reads mutants.txt, and with a folder as its argument writes each change into the copy of the code there, behind its
// name. Without one it looks whether every change still finds its place, and lists names, faults, and promises.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../..");

/** @typedef {{ name: string, breaks: string, with: string, seconds: string, changes: { file: string, from: string, to: string }[] }} Mutant */

/** @returns {Mutant[]} */
export function mutants() {
  const blocks = readFileSync(join(import.meta.dirname, "mutants.txt"), "utf8").split(/^## /m).slice(1);
  return blocks.map((block) => {
    const [name = "", ...lines] = block.split("\n");
    const mutant = { name, breaks: "", with: "", seconds: "60", changes: [] };
    let change;
    for (const line of lines) {
      const [, key, value] = /^(breaks|with|seconds|file): (.*)$/.exec(line) ?? [];
      if (key === "file") mutant.changes.push((change = { file: value, from: "", to: "" }));
      else if (key) mutant[key] = value;
      else if (line.startsWith("- ")) change.from += (change.from && "\n") + line.slice(2);
      else if (/^\+( |$)/.test(line)) change.to += (change.to && "\n") + line.slice(2);
      else if (line.trim()) throw new Error(`${name}: ${line}`);
    }
    return mutant;
  });
}

/** The text with the change; `@` stands for whether this mutant is on. */
function changed(text, mutant, { file, from, to }) {
  const squeeze = (lines) => lines.split("\n").map((line) => line.trim());
  const wanted = squeeze(from);
  const lines = text.split("\n");
  const places = lines.flatMap((_, at) =>
    wanted.every((line, offset) => lines[at + offset]?.trim() === line) ? [at] : [],
  );
  if (places.length !== 1) throw new Error(`${mutant.name}: ${places.length} places in ${file} have\n${from}`);
  const crate = file.startsWith("crates/jose/") ? "crate" : "postern_jose";
  lines.splice(places[0], wanted.length, to.replaceAll("@", `${crate}::is_put_back("${mutant.name}")`));
  return lines.join("\n");
}

const [folder] = process.argv.slice(2);
const texts = new Map();
for (const mutant of mutants()) {
  for (const change of mutant.changes) {
    const path = join(folder ?? root, change.file);
    texts.set(path, changed(texts.get(path) ?? readFileSync(path, "utf8"), mutant, change));
  }
}
if (folder) for (const [path, text] of texts) writeFileSync(path, text);
for (const { name, seconds, with: faults, breaks } of mutants()) console.log([name, seconds, faults || "-", breaks].join("\t"));
