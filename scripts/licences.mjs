// Prints the licences of what a program of ours contains of others: node scripts/licences.mjs TARGET PACKAGE...
// Each crate's own texts, out of the source that Cargo compiled.
import { spawnSync } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";

const [target, ...roots] = process.argv.slice(2);
const { stdout, stderr, status } = spawnSync("cargo", ["metadata", "--format-version", "1", "--locked", "--filter-platform", target], { encoding: "utf8", maxBuffer: 1 << 28 });
if (status !== 0) {
  process.stderr.write(stderr);
  process.exit(1);
}
const { packages, resolve } = JSON.parse(stdout);
const named = new Map(packages.map((one) => [one.id, one]));
const nodes = new Map(resolve.nodes.map((node) => [node.id, node]));

/** Those that are linked in: no dependencies of tests and of build scripts. */
const linked = new Set();
const visit = (id) => {
  if (linked.has(id)) return;
  linked.add(id);
  for (const { pkg, dep_kinds } of nodes.get(id).deps) if (dep_kinds.some(({ kind }) => kind === null)) visit(pkg);
};
for (const root of roots) {
  const found = packages.find((one) => one.name === root && one.source === null);
  if (found === undefined) throw new Error(`there is no package ${root}`);
  visit(found.id);
}

const texts = new Map();
for (const { name, version, license, manifest_path, source } of [...linked].map((id) => named.get(id)).sort((a, b) => a.name.localeCompare(b.name))) {
  if (source === null) continue;
  const folder = dirname(manifest_path);
  const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice|unlicense)/i.test(file)).sort();
  // Of alternatives the shorter one.
  const mit = license?.includes("MIT") && license.includes("OR") ? files.filter((file) => /mit/i.test(file)) : [];
  const said = (mit.length > 0 ? mit : files).map((file) => readFileSync(join(folder, file), "utf8").trim()).filter((text) => text !== "");
  const key = said.length === 0 ? `(${license}; its source contains no text of it)` : said.join("\n\n");
  texts.set(key, [...(texts.get(key) ?? []), `${name} ${version} (${license})`]);
}
console.log("This program contains the following software of others, under their licences.");
for (const [text, names] of texts) console.log(`\n${"=".repeat(100)}\n${names.join("\n")}\n${"-".repeat(100)}\n${text}`);
