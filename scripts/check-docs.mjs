// Every relative link and anchor in every Markdown file leads somewhere, and what is to be pasted into a shell has no
// comments: a zsh at a prompt takes them for arguments and commands. Each assumption of the simulation names the tests that
// check it, or says why none does.
//
// Links to other hosts are not followed: a check that needs the network fails for reasons that are not in the change.
import { readdir, readFile, stat } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { testsOf } from "./tests-of.mjs";

const root = resolve(fileURLToPath(new URL("..", import.meta.url)));
const SKIPPED = new Set(["node_modules", "target", "build", ".git", ".wrangler"]);

async function* markdownFiles(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!SKIPPED.has(entry.name)) yield* markdownFiles(path);
    } else if (entry.name.endsWith(".md")) {
      yield path;
    }
  }
}

/** The lines outside fenced code, with their numbers. */
function* prose(text) {
  let fence;
  for (const [index, line] of text.split("\n").entries()) {
    const mark = /^\s*(`{3,}|~{3,})/.exec(line)?.[1];
    if (fence === undefined && mark !== undefined) fence = mark;
    else if (fence !== undefined && mark?.startsWith(fence)) fence = undefined;
    else if (fence === undefined) yield [index + 1, line];
  }
}

const withoutCode = (line) => line.replace(/(`+).*?\1/g, (code) => " ".repeat(code.length));

/** How GitHub makes an anchor of a heading: lower case, punctuation dropped, spaces to hyphens, repeats numbered. */
function anchorsOf(text) {
  const anchors = new Set();
  const seen = new Map();
  for (const [, line] of prose(text)) {
    for (const [, id] of line.matchAll(/<a\s+(?:id|name)="([^"]+)"/g)) anchors.add(id);
    const heading = /^#{1,6}\s+(.*?)\s*#*\s*$/.exec(line)?.[1];
    if (heading === undefined) continue;
    const slug = heading
      .replace(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
      .replace(/<[^>]+>/g, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{M}\p{N}\p{Pc}\- ]/gu, "")
      .replace(/ /g, "-");
    const repeats = seen.get(slug) ?? 0;
    seen.set(slug, repeats + 1);
    anchors.add(repeats === 0 ? slug : `${slug}-${repeats}`);
  }
  return anchors;
}

/** Inline links and images, and reference definitions: [line, target]. */
function* linksOf(text) {
  for (const [number, line] of prose(text)) {
    const plain = withoutCode(line);
    for (const [, target] of plain.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+["'(][^)]*)?\)/g)) yield [number, target];
    const defined = /^\s{0,3}\[[^\]^][^\]]*\]:\s*<?([^\s>]+)/.exec(plain)?.[1];
    if (defined !== undefined) yield [number, defined];
  }
}

/** Comments in blocks of shell: [line, text]. */
function* shellComments(text) {
  let shell = false;
  for (const [index, line] of text.split("\n").entries()) {
    if (/^\s*```/.test(line)) shell = /^\s*```(sh|bash|shell)\b/.test(line);
    else if (shell && /(^|\s)#(\s|$)/.test(line)) yield [index + 1, line.trim()];
  }
}

const problems = [];
let links = 0;
for await (const file of markdownFiles(root)) {
  const text = await readFile(file, "utf8");
  for (const [line, comment] of shellComments(text)) {
    problems.push(`${relative(root, file)}:${line}: a comment in a block to be pasted: ${comment}`);
  }
  for (const [line, target] of linksOf(text)) {
    if (/^[a-z][a-z0-9+.-]*:/i.test(target)) continue; // a URL
    links += 1;
    const [path = "", anchor] = target.split("#");
    const from = path.startsWith("/") ? root : dirname(file);
    const destination = path === "" ? file : join(from, decodeURIComponent(path));
    const place = `${relative(root, file)}:${line}`;
    const found = await stat(destination).catch(() => undefined);
    if (relative(root, destination).startsWith("..")) {
      problems.push(`${place}: ${target} leads out of the repository`);
    } else if (!found) {
      problems.push(`${place}: ${target} does not exist`);
    } else if (anchor && destination.endsWith(".md")) {
      if (!anchorsOf(await readFile(destination, "utf8")).has(decodeURIComponent(anchor))) {
        problems.push(`${place}: ${target} has no such heading`);
      }
    }
  }
}

/** The page whose last column names tests as `NAME`, or says `no: REASON`, and the files that these are in. */
const ASSUMPTIONS = "docs/reference/simulation-assumptions.md";
const CHECKS = ["tests/worker/platform.test.ts", "tests/proofs/platform/platform.test.ts"];

const checks = new Set();
for (const file of CHECKS) {
  for (const { name, group, skipped } of testsOf(file, await readFile(join(root, file), "utf8"))) if (!group && !skipped) checks.add(name);
}
const named = new Set();
const rows = (await readFile(join(root, ASSUMPTIONS), "utf8")).split("\n").filter((line) => line.startsWith("| "));
for (const row of rows.slice(1)) {
  const checked = row.split("|").at(-2)?.trim() ?? "";
  const names = [...checked.matchAll(/`([^`]+)`/g)].map(([, name]) => name);
  if (names.length === 0 && !/^no: \S/.test(checked)) problems.push(`${ASSUMPTIONS}: neither a test nor a reason: ${row}`);
  for (const name of names) {
    named.add(name);
    if (!checks.has(name)) problems.push(`${ASSUMPTIONS}: there is no test named ${name}`);
  }
}
for (const name of checks) if (!named.has(name)) problems.push(`${ASSUMPTIONS}: no row names the test ${name}`);

for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);
console.log(`${links} relative links lead somewhere`);
