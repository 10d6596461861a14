// Looks for circles: files of one crate that import or call each other in a loop. Two files that know each other are
// allowed; a larger circle fails. Usage: node scripts/check-circles.mjs [--arrows FILE] [FOLDER ...]
//
// An arrow leads from a file to each file whose items it names in a `use` or in a path, and to each file that has the
// methods it calls. A re-export is looked through to the file that has the item, so a `mod.rs` that only collects names is
// part of no circle. Methods are found by name: a call is an arrow when exactly one file of the crate defines a method of
// that name, or when exactly one of those that do is named by the caller already. Names that the standard library has too
// (`get`, `new`, ...) are arrows only in that second way. Tests are left out.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative } from "node:path";

const LARGEST_CIRCLE = 2;
const STANDARD = new Set(
  `new get set insert remove push pop len is_empty iter next map from into parse read write clone default fmt eq cmp
   as_str as_bytes to_string as_slice take replace contains find split join first last then ok err and_then unwrap_or
   with append extend clear entry keys values collect filter count call finish update fill min max hash drop deref borrow
   borrow_mut name kind of add sub mul index start end id text value code serialize deserialize source poll`.split(/\s+/),
);

/** All Rust files under a folder that are not tests. */
function filesOf(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === "tests" ? [] : filesOf(path);
    return /\.rs$/.test(name) && !/^(tests|properties|.*_tests)\.rs$/.test(name) ? [path] : [];
  });
}

/** The text without comments, literals and what is compiled for tests only. Lengths change, names stay. */
function codeOf(text) {
  const plain = text
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .replace(/r(#+)"[\s\S]*?"\1/g, '""')
    .replace(/"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\\n]|\\.[^'\n]{0,8})'|\/\/[^\n]*/g, (found) =>
      found.startsWith("//") ? "" : '""',
    );
  let code = "";
  for (let at = 0; ; ) {
    const marked = /#\[cfg\((?:all\()?test\b[^\]]*\]/g;
    marked.lastIndex = at;
    const found = marked.exec(plain);
    if (!found) return code + plain.slice(at);
    code += plain.slice(at, found.index);
    at = endOfItem(plain, found.index + found[0].length);
  }
}

/** Where the item that begins here ends: after its `;`, or after its closing brace. */
function endOfItem(code, from) {
  let depth = 0;
  for (let at = from; at < code.length; at += 1) {
    const sign = code[at];
    if (sign === "{" || sign === "(" || sign === "[") depth += 1;
    if (sign === "}" || sign === ")" || sign === "]") depth -= 1;
    if (depth === 0 && (sign === ";" || sign === "}")) return at + 1;
  }
  return code.length;
}

/** `a::{b, c::{d as e, *}}` as a list of { path, as }. */
function leaves(tree, prefix = []) {
  const text = tree.trim();
  const open = text.indexOf("{");
  if (open < 0) {
    const [path, alias] = text.split(/\s+as\s+/);
    const segments = [...prefix, ...path.split("::").map((part) => part.trim())].filter(Boolean);
    if (segments.at(-1) === "self") segments.pop();
    return segments.length ? [{ path: segments, as: alias?.trim() ?? segments.at(-1) }] : [];
  }
  const head = [...prefix, ...text.slice(0, open).split("::").map((part) => part.trim()).filter(Boolean)];
  const inner = text.slice(open + 1, text.lastIndexOf("}"));
  const parts = [];
  let depth = 0;
  let last = 0;
  [...inner].forEach((sign, at) => {
    if (sign === "{") depth += 1;
    if (sign === "}") depth -= 1;
    if (sign === "," && depth === 0) {
      parts.push(inner.slice(last, at));
      last = at + 1;
    }
  });
  return [...parts, inner.slice(last)].flatMap((part) => (part.trim() ? leaves(part, head) : []));
}

/** What one crate's files define, import and call. */
function crateOf(folder) {
  const files = filesOf(folder);
  const modules = new Map();
  for (const file of files) {
    const path = relative(folder, file).replace(/\.rs$/, "").split("/");
    if (["mod", "lib", "main"].includes(path.at(-1))) path.pop();
    const code = codeOf(readFileSync(file, "utf8"));
    const uses = [...code.matchAll(/\buse\s+([^;]+);/g)].flatMap(([, tree]) => leaves(tree));
    const rest = code.replace(/\b(pub(\([^)]*\))?\s+)?use\s+[^;]+;/g, "");
    const items = new Set(
      [...rest.matchAll(/\b(?:struct|enum|trait|fn|const|static|type|union|macro_rules!)\s+([A-Za-z_]\w*)/g)].map(
        ([, name]) => name,
      ),
    );
    const published = new Set();
    for (const [, tree] of code.matchAll(/\bpub(?:\([^)]*\))?\s+use\s+([^;]+);/g)) {
      for (const leaf of leaves(tree)) published.add(leaf.path.join("::"));
    }
    modules.set(path.join("::"), { file, path, code: rest, uses, items, published, methods: methodsOf(rest) });
  }
  return modules;
}

/** The methods that a file's `impl` blocks and traits define. */
function methodsOf(code) {
  const methods = new Set();
  for (const found of code.matchAll(/\b(?:impl|trait)\b(?=[^;{}()]*(?:\([^()]*\)[^;{}()]*)*\{)/g)) {
    const open = code.indexOf("{", found.index);
    let depth = 0;
    let at = open;
    for (; at < code.length; at += 1) {
      if (code[at] === "{") depth += 1;
      if (code[at] === "}") depth -= 1;
      if (depth === 0) break;
    }
    for (const [, name] of code.slice(open, at).matchAll(/\bfn\s+([a-z_]\w*)/g)) methods.add(name);
  }
  return methods;
}

/** The module that has the item at the end of a path, seen from a module; undefined when it is not in this crate. */
function resolve(modules, from, path, seen = new Set()) {
  let [head, ...rest] = path;
  let at = [...from.path];
  if (head === "crate") at = [];
  else if (head === "self") at = [...from.path];
  else if (head === "super") {
    at.pop();
    while (rest[0] === "super") {
      at.pop();
      rest = rest.slice(1);
    }
  } else if (modules.has([...from.path, head].join("::"))) at = [...from.path, head];
  else return undefined;
  while (rest.length && modules.has([...at, rest[0]].join("::"))) at.push(rest.shift());
  const module = modules.get(at.join("::"));
  if (!module) return undefined;
  if (!rest.length || rest[0] === "*") return module;
  if (module.items.has(rest[0])) return module;
  const key = `${at.join("::")}|${rest[0]}`;
  if (seen.has(key)) return undefined;
  seen.add(key);
  for (const use of module.uses) {
    if (use.as === rest[0]) return resolve(modules, module, [...use.path, ...rest.slice(1)], seen) ?? undefined;
    if (use.as === "*") {
      const target = resolve(modules, module, use.path.slice(0, -1), seen);
      if (target?.items.has(rest[0])) return target;
    }
  }
  return module;
}

/** For each file, the files that it leans on, each with the first name that says so. */
function arrowsOf(modules) {
  const definers = new Map();
  for (const module of modules.values()) {
    for (const name of module.methods) definers.set(name, [...(definers.get(name) ?? []), module]);
  }
  const arrows = new Map();
  for (const module of modules.values()) {
    const targets = new Map();
    const lean = (target, why) => {
      if (target && target !== module && !targets.has(target)) targets.set(target, why);
    };
    for (const use of module.uses) {
      if (module.published.has(use.path.join("::"))) continue;
      lean(resolve(modules, module, use.path), use.path.join("::"));
    }
    for (const [path] of module.code.matchAll(/\b[A-Za-z_]\w*(?:::[A-Za-z_]\w*)+/g)) {
      const segments = path.split("::");
      if (["crate", "super", "self"].includes(segments[0])) lean(resolve(modules, module, segments), path);
      else if (modules.has([...module.path, segments[0]].join("::"))) lean(resolve(modules, module, segments), path);
    }
    const named = new Set(targets.keys());
    for (const [, name] of module.code.matchAll(/(?:\.|\bSelf::)([a-z_]\w*)(?:::<[^>]*>)?\(/g)) {
      const found = (definers.get(name) ?? []);
      if (found.includes(module)) continue;
      const likely = found.filter((definer) => named.has(definer));
      if (found.length === 1 && !STANDARD.has(name)) lean(found[0], `.${name}()`);
      else if (likely.length === 1) lean(likely[0], `.${name}()`);
    }
    arrows.set(module, targets);
  }
  return arrows;
}

/** The groups of files that reach each other (Tarjan's algorithm), larger ones first. */
function circlesOf(arrows) {
  const order = new Map();
  const low = new Map();
  const stack = [];
  const circles = [];
  const visit = (node) => {
    order.set(node, order.size);
    low.set(node, order.get(node));
    stack.push(node);
    for (const target of arrows.get(node).keys()) {
      if (!order.has(target)) {
        visit(target);
        low.set(node, Math.min(low.get(node), low.get(target)));
      } else if (stack.includes(target)) low.set(node, Math.min(low.get(node), order.get(target)));
    }
    if (low.get(node) === order.get(node)) circles.push(stack.splice(stack.indexOf(node)));
  };
  for (const node of arrows.keys()) if (!order.has(node)) visit(node);
  return circles.filter((circle) => circle.length > 1).sort((one, other) => other.length - one.length);
}

const args = process.argv.slice(2);
const shown = args[0] === "--arrows" ? args.splice(0, 2)[1] : undefined;
const folders = args.length ? args : ["src", ...readdirSync("crates").map((name) => join("crates", name, "src"))];
let failed = false;
for (const folder of folders) {
  const arrows = arrowsOf(crateOf(folder));
  const circles = circlesOf(arrows);
  const count = [...arrows.values()].reduce((sum, targets) => sum + targets.size, 0);
  const name = (module) => relative(folder, module.file);
  console.log(
    `${folder}: ${arrows.size} files, ${count} arrows, circles of ${circles.map((circle) => circle.length).join(", ") || "none"}`,
  );
  for (const circle of circles.filter((circle) => circle.length > LARGEST_CIRCLE || shown === "all")) {
    failed ||= circle.length > LARGEST_CIRCLE;
    console.log(`  a circle of ${circle.length} files:`);
    for (const module of circle) {
      const inside = [...arrows.get(module)].filter(([target]) => circle.includes(target));
      console.log(`    ${name(module)} -> ${inside.map(([target, why]) => `${name(target)} (${why})`).join(", ")}`);
    }
  }
}
process.exitCode = failed ? 1 : 0;
