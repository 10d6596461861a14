// Looks for circles: files of one crate that import or call each other in a loop. Two files that know each other are
// allowed; a larger circle fails. Usage: node scripts/check-circles.mjs [--arrows FILE] [FOLDER ...]
// `--arrows service/gate.rs` also lists all that this file leans on.
//
// An arrow leads from a file to each file whose items it names in a `use` or in a path, and to each file that has the
// methods it calls. A re-export is looked through to the file that has the item, so a `mod.rs` that only collects names is
// part of no circle. A method is found by its name, since this script knows no types. A call is an arrow when
//
// - the caller names a type or trait to which a file of the crate gives a method of this name, and the receiver says the
//   type: `self` inside its `impl`, `Type::`, or a word of the type's name (`feed.rows()` for FeedMemory); or
// - the name has two words or more (`end_sessions`), is none of the standard library's, and one file alone of all crates
//   defines it.
//
// Files for tests are left out.
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";

const LARGEST_CIRCLE = 2;
/** Crates whose folders are rooms: every arrow between them leads down. */
const ROOMED = new Set(["crates/app/src"]);
/** Names of two words that the standard library has too: no arrow by the name alone. */
const STANDARD = new Set(
  `and_then as_bytes as_deref as_mut as_ref as_slice as_str borrow_mut contains_key ends_with for_each
   from_bytes from_fn from_iter from_millis from_secs from_str from_utf8 get_mut get_or_insert into_bytes into_inner
   into_iter into_parts into_string is_empty is_err is_none is_ok is_some iter_mut map_err map_or ok_or or_default or_else
   or_insert partial_cmp push_str read_to_string remove_entry retain_mut size_hint split_at split_off
   split_once starts_with then_some to_bytes to_owned to_string to_vec try_from try_into unwrap_or unwrap_or_default
   unwrap_or_else with_capacity write_all write_fmt write_str`.split(/\s+/),
);

/** All Rust files under a folder that are not tests by their names. */
function filesOf(folder) {
  return readdirSync(folder).flatMap((name) => {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) return name === "tests" ? [] : filesOf(path);
    return /\.rs$/.test(name) && !/^(tests|properties|.*_tests)\.rs$/.test(name) ? [path] : [];
  });
}

/** The text without comments, literals and what is compiled for tests only. Lengths change, names stay. */
function codeOf(text) {
  // One pass, as each of these may hold what looks like the beginning of another: "/docs/*", 'r', // "quoted".
  const plain = text.replace(
    /\br(#+)"[\s\S]*?"\1|\br"[^"]*"|"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\\n]|\\.[^'\n]{0,8})'|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (found) => (/^\/[/*]/.test(found) ? " " : '""'),
  );
  let code = "";
  for (let at = 0; ; ) {
    const marked = /#\[cfg\((?:all\(|any\()?test\b[^\]]*\]/g;
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

/** The methods that a file's `impl` blocks and traits define, each with the name of its type or trait. */
function methodsOf(code) {
  const methods = [];
  for (const found of code.matchAll(/\b(impl|trait)\b(?=[^;{}()]*(?:\([^()]*\)[^;{}()]*)*\{)/g)) {
    const open = code.indexOf("{", found.index);
    const head = withoutGenerics(code.slice(found.index, open)).replace(/\bwhere\b[\s\S]*/, "");
    const [trait, type] = / for /.test(head) ? head.split(/ for /) : [undefined, head];
    const last = (path) => /([A-Za-z_]\w*)[^:\w]*(?::[^:][\s\S]*)?$/.exec(path.trim())?.[1];
    const owner = last(type);
    if (!owner) continue;
    let depth = 0;
    let at = open;
    for (; at < code.length; at += 1) {
      if (code[at] === "{") depth += 1;
      if (code[at] === "}") depth -= 1;
      if (depth === 0) break;
    }
    for (const [, name] of code.slice(open, at).matchAll(/\bfn\s+([a-z_]\w*)/g)) {
      methods.push({ owner, name, trait: trait && last(trait) });
    }
  }
  return methods;
}

/** `impl<T: A<B>> C<D> for E<F>` as `impl C for E`. */
function withoutGenerics(text) {
  let depth = 0;
  let plain = "";
  for (const [at, sign] of [...text].entries()) {
    if (sign === "<") depth += 1;
    else if (sign === ">" && text[at - 1] !== "-") depth -= 1;
    else if (depth === 0) plain += sign;
  }
  return plain.replace(/\s+/g, " ");
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

/** The file that defines the type or trait that a module knows by this name; undefined for what is not of this crate. */
function homeOf(modules, module, name) {
  if (module.items.has(name)) return module;
  for (const use of module.uses) {
    const path = use.as === name ? use.path : use.as === "*" ? [...use.path.slice(0, -1), name] : undefined;
    const home = path && resolve(modules, module, path);
    if (home?.items.has(path.at(-1))) return home;
  }
  return undefined;
}

/** Where each method of a crate is defined: by its name, the file, and the home and name of the type that has it. */
function definersOf(modules) {
  const definers = new Map();
  for (const module of modules.values()) {
    for (const { owner, name, trait } of module.methods) {
      // `impl Display for ...`: a call of `fmt` says nothing about this file.
      if (trait !== undefined && !homeOf(modules, module, trait)) continue;
      const home = homeOf(modules, module, owner);
      const definer = { module, owner, type: home && `${home.file}|${owner}`, ofTrait: trait !== undefined };
      definers.set(name, [...(definers.get(name) ?? []), definer]);
    }
  }
  return definers;
}

/** What stands before the dot at this place: `feed` in `self.feed?.rows()` and in `feed(now).await.rows()`. */
function receiverOf(code, dot) {
  let at = dot;
  for (;;) {
    const before = code.slice(Math.max(0, at - 200), at);
    const passed = /(?:\s+|\?|\.\s*await)$/.exec(before);
    if (passed) at -= passed[0].length;
    else if (code[at - 1] === ")" || code[at - 1] === "]") {
      let depth = 0;
      do {
        at -= 1;
        if (")]".includes(code[at])) depth += 1;
        if ("([".includes(code[at])) depth -= 1;
      } while (depth > 0 && at > 0);
    } else return /\w*$/.exec(before)?.[0] ?? "";
  }
}

/** Whether a receiver of this name may be of this type: `feed` of FeedMemory, `0` of anything that wraps it. */
function says(receiver, type) {
  if (receiver === type || receiver === "0") return true;
  const words = type.match(/[A-Z][a-z0-9]*/g)?.map((word) => word.toLowerCase()) ?? [];
  return receiver.split("_").some((word) => words.includes(word));
}

/** For each file, the files that it leans on, each with the first name that says so. `others` counts methods elsewhere. */
function arrowsOf(modules, definers, others) {
  const arrows = new Map();
  for (const module of modules.values()) {
    const targets = new Map();
    const lean = (target, why) => {
      if (target && target !== module && !targets.has(target)) targets.set(target, why);
    };
    const types = new Set([...module.items].map((name) => `${module.file}|${name}`));
    const know = (target, path) => path.forEach((name) => target?.items.has(name) && types.add(`${target.file}|${name}`));
    for (const use of module.uses) {
      const target = resolve(modules, module, use.path);
      if (use.as === "*") for (const [name] of module.code.matchAll(/\b[A-Z]\w*/g)) know(target, [name]);
      know(target, use.path);
      if (!module.published.has(use.path.join("::"))) lean(target, use.path.join("::"));
    }
    for (const [path] of module.code.matchAll(/\b[A-Za-z_]\w*(?:::[A-Za-z_]\w*)+/g)) {
      const segments = path.split("::");
      if (!["crate", "super", "self"].includes(segments[0]) && !modules.has([...module.path, segments[0]].join("::"))) continue;
      const target = resolve(modules, module, segments);
      know(target, segments);
      lean(target, path);
    }
    const owners = new Set(module.methods.map(({ owner }) => owner));
    for (const found of module.code.matchAll(/(?:\.|\b([A-Z]\w*)::)([a-z_]\w*)(?:::<[^>]*>)?\(/g)) {
      const [, before, name] = found;
      const all = definers.get(name) ?? [];
      if (all.some((definer) => definer.module === module)) continue;
      const receiver = before ?? receiverOf(module.code, found.index);
      const ofSelf = receiver === "self" || receiver === "Self";
      const named = all.filter(({ owner, type }) => {
        if (!types.has(type)) return false;
        if (ofSelf) return owners.has(owner);
        return before ? before === owner : says(receiver, owner);
      });
      // A trait has its method in one file, whatever implements it.
      const own = new Set(all.filter(({ ofTrait }) => !ofTrait).map((definer) => definer.module));
      const alone = own.size === 1 && others(name) === 0 && name.includes("_") && !STANDARD.has(name) && !before;
      for (const definer of named) lean(definer.module, `.${name}()`);
      if (!named.length && alone) lean([...own][0], `.${name}()`);
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

/** The room that a file stands in: the first folder of its path, or the file itself. */
function roomOf(path) {
  return path.split("/")[0].replace(/\.rs$/, "");
}

/** For each room of a crate, the rooms that its files lean on, each with one arrow that says so. */
function arrowsBetweenRooms(arrows, name) {
  const rooms = new Map();
  for (const [module, targets] of arrows) {
    const room = rooms.get(roomOf(name(module))) ?? new Map();
    rooms.set(roomOf(name(module)), room);
    for (const [target, why] of targets) {
      const other = roomOf(name(target));
      if (other !== roomOf(name(module)) && !room.has(other)) room.set(other, `${name(module)}: ${why}`);
    }
  }
  for (const targets of [...rooms.values()]) for (const other of targets.keys()) if (!rooms.has(other)) rooms.set(other, new Map());
  return rooms;
}

const args = process.argv.slice(2);
const shown = args[0] === "--arrows" ? args.splice(0, 2)[1] : undefined;
const folders = args.length ? args : ["src", "pages/src", ...readdirSync("crates").map((name) => join("crates", name, "src"))];
const crates = folders.map((folder) => {
  const modules = crateOf(folder);
  return { folder, modules, definers: definersOf(modules) };
});
let failed = false;
for (const { folder, modules, definers } of crates) {
  const elsewhere = crates.filter((crate) => crate.folder !== folder);
  const others = (name) => elsewhere.filter((crate) => crate.definers.has(name)).length;
  const arrows = arrowsOf(modules, definers, others);
  const circles = circlesOf(arrows);
  const count = [...arrows.values()].reduce((sum, targets) => sum + targets.size, 0);
  const name = (module) => relative(folder, module.file);
  const sizes = circles.map((circle) => circle.length).join(", ") || "none";
  console.log(`${folder}: ${arrows.size} files, ${count} arrows, circles of ${sizes}`);
  for (const circle of circles.filter((circle) => circle.length > LARGEST_CIRCLE)) {
    failed = true;
    console.log(`  a circle of ${circle.length} files:`);
    for (const module of circle) {
      const inside = [...arrows.get(module)].filter(([target]) => circle.includes(target));
      console.log(`    ${name(module)} -> ${inside.map(([target, why]) => `${name(target)} (${why})`).join(", ")}`);
    }
  }
  const rooms = arrowsBetweenRooms(arrows, name);
  for (const circle of circlesOf(rooms)) {
    failed ||= ROOMED.has(folder);
    console.log(`  rooms in a circle: ${circle.join(", ")}`);
    for (const room of circle) {
      for (const [other, why] of rooms.get(room)) if (circle.includes(other)) console.log(`    ${room} -> ${other} (${why})`);
    }
  }
  for (const [module, targets] of arrows) {
    if (shown === undefined || name(module) !== shown) continue;
    console.log(`  ${name(module)} leans on`);
    for (const [target, why] of targets) console.log(`    ${name(target)} (${why})`);
  }
}
process.exitCode = failed ? 1 : 0;
