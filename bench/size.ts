// `make bench PART=size`: which crate and which module the bytes of the Worker belong to. AGAINST=other.wasm compares two
// builds; TOP=60 prints more lines; WASM=path reads another module than build/index_bg.names.wasm.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { made, record, table } from "./pages.ts";
import { readModule, type Function, type Module } from "./wasm.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const TOP = Number(process.env["TOP"] ?? 25);
const OURS = ["postern", "postern_app", "postern_core", "postern_gateway", "postern_jose"];
const LIBRARY = ["core", "alloc", "std", "hashbrown", "compiler_builtins", "dlmalloc"];

/** Without what only tells copies of one function apart: hashes, and the numbers that wasm-opt adds. */
const plain = (name: string): string => name.replace(/\[[0-9a-f]{12,}\]/g, "").replace(/::h[0-9a-f]{16}(?=\W|$)/g, "").replace(/(\[\d+\])+$/, "");

const pathOf = (text: string): string => /^(?:&(?:'\w+ )?|mut |\*(?:const|mut) |dyn |<|\()*([A-Za-z_]\w*(?:::[A-Za-z_]\w*)*)/.exec(text)?.[1] ?? "";
const crateOf = (path: string): string => path.split("::")[0] ?? "";

/** The path that a function is counted under. An implementation of a trait counts where its type is; where that is the
 * standard library's, where the trait is; drop glue where what is dropped is. */
function owner(name: string): string {
  // A future handed to JavaScript holds the whole of what it runs, inlined: entry points of ours in all but name.
  if (/future_to_promise|AssertUnwindSafe<F> as core::future/.test(name)) return "postern::(futures at the entry)";
  const dropped = /drop_in_place<(.*)>$/.exec(name)?.[1];
  if (dropped !== undefined) return /postern(?:_[a-z]+)?(?:::\w+)*/.exec(dropped)?.[0] ?? pathOf(dropped);
  const implementation = /^<(.*?) as (.*)>::/.exec(name);
  if (implementation) {
    const [type, trait] = [pathOf(implementation[1] ?? ""), pathOf(implementation[2] ?? "")];
    return !type.includes("::") || LIBRARY.includes(crateOf(type)) ? trait : type;
  }
  const path = pathOf(name);
  if (path.includes("::")) return path;
  return /^_*wbg|wbindgen|externref/.test(name) ? "wasm_bindgen" : name.includes(" (") || path === "" ? "other" : "compiler_builtins";
}

/** What of the languages' machinery a function is. */
function kind(name: string): string {
  if (name.includes("drop_in_place")) return "dropping";
  if (/Deserialize|::de::|Visitor|SeqAccess|MapAccess/.test(name)) return "deserializing (serde)";
  if (/Serialize|::ser::/.test(name)) return "serializing (serde)";
  if (/fmt::(Debug|Display|LowerHex|Write)|^core::fmt|Formatter/.test(name)) return "formatting";
  if (/Future>::poll|future_to_promise|::\{\{closure\}\}$/.test(name)) return "futures and closures";
  return "the rest";
}

type Sums = Map<string, { bytes: number; count: number }>;

function sums(functions: Function[], group: (name: string) => string | undefined): Sums {
  const all: Sums = new Map();
  for (const { name, bytes } of functions) {
    const key = group(plain(name));
    if (key === undefined) continue;
    const sum = all.get(key) ?? { bytes: 0, count: 0 };
    sum.bytes += bytes;
    sum.count += 1;
    all.set(key, sum);
  }
  return new Map([...all].toSorted(([, a], [, b]) => b.bytes - a.bytes));
}

/** `service::gate` of `postern::service::gate::…`; a type's name is not a module. */
function moduleOf(name: string): string | undefined {
  const path = owner(name);
  if (!OURS.includes(crateOf(path))) return undefined;
  const parts = path.split("::").slice(1);
  if (parts[0]?.startsWith("(")) return parts[0];
  return parts.filter((part) => /^[a-z]/.test(part)).slice(0, 2).join("::") || "(root)";
}

const groups: [string, (functions: Function[]) => Sums][] = [
  ["By crate", (functions) => sums(functions, (name) => crateOf(owner(name)))],
  ["Postern's modules", (functions) => sums(functions, moduleOf)],
  ["By kind of code", (functions) => sums(functions, kind)],
];

function printed(found: Sums, total: number, limit: number, before?: Sums): string {
  const rows = [...found].slice(0, limit).map(([name, { bytes, count }]) => {
    const cells: (string | number)[] = [`\`${name}\``, bytes, count, `${((100 * bytes) / total).toFixed(1)} %`];
    if (before) cells.push(bytes - (before.get(name)?.bytes ?? 0));
    return cells;
  });
  const rest = [...found.values()].slice(limit);
  if (rest.length > 0) {
    const bytes = rest.reduce((sum, each) => sum + each.bytes, 0);
    rows.push([`${rest.length} more`, bytes, rest.reduce((sum, each) => sum + each.count, 0), `${((100 * bytes) / total).toFixed(1)} %`, ...(before ? [""] : [])]);
  }
  return table(["", "bytes", "functions", "share", ...(before ? ["change"] : [])], rows);
}

/** Functions that are there several times, for several types: what each copy after the first costs. */
function copies(functions: Function[]): string {
  const found = [...sums(functions, (name) => (/drop_in_place|\{\{closure\}\}/.test(name) ? undefined : name))]
    .filter(([, { count }]) => count > 1)
    .map(([name, { bytes, count }]) => [name, bytes, count, Math.round(bytes - bytes / count)] as const)
    .toSorted((a, b) => b[3] - a[3]);
  const rows = found.slice(0, TOP).map(([name, bytes, count, more]) => [`\`${name.slice(0, 110)}\``, bytes, count, more]);
  return table(["", "bytes", "copies", "beyond the first"], rows);
}

/** Long texts in the data: pages, lists, messages. */
function texts(data: Uint8Array[]): string {
  const found = data.flatMap((segment) => {
    const text = Buffer.from(segment).toString("latin1");
    return [...text.matchAll(/[\t\n\r -~]{200,}/g)].map(([run]) => run);
  });
  const rows = found.toSorted((a, b) => b.length - a.length).slice(0, TOP).map((run) => [`\`${run.slice(0, 90).replace(/[\s|`]+/g, " ")}\``, run.length]);
  return table(["begins with", "bytes"], rows);
}

const kilobytes = (bytes: number): string => `${(bytes / 1000).toFixed(1)} kB`;

const path = process.env["WASM"] ?? `${root}build/index_bg.names.wasm`;
if (!existsSync(path)) throw new Error(`${path} is missing: it comes with an optimised build (scripts/build.sh without POSTERN_FAST)`);
const now: Module = readModule(readFileSync(path));
const against = process.env["AGAINST"];
const before = against ? readModule(readFileSync(against)) : undefined;
const code = now.functions.reduce((sum, { bytes }) => sum + bytes, 0);

console.log(`${path}: ${now.bytes} bytes, ${now.functions.length} functions\n`);
const parts = [...now.sections].toSorted(([, a], [, b]) => b - a);
console.log(`${table(["section", "bytes", ...(before ? ["change"] : [])], parts.map(([name, bytes]) => [name, bytes, ...(before ? [bytes - (before.sections.get(name) ?? 0)] : [])]))}\n`);
for (const [title, group] of groups) {
  console.log(`${title}\n\n${printed(group(now.functions), code, TOP * 2, before && group(before.functions))}\n`);
}
const largest = sums(now.functions, (name) => name);
console.log(`Largest\n\n${printed(sums(now.functions, (name) => name), code, TOP, before && sums(before.functions, (name) => name))}\n`);
console.log(`Several times\n\n${copies(now.functions)}\n`);
console.log(`Texts in the data\n\n${texts(now.data)}\n`);

const shipped = `${root}build/index_bg.wasm`;
if (!process.env["WASM"] && existsSync(shipped)) {
  const wasm = readFileSync(shipped);
  const size = { raw: wasm.length, gzip: execFileSync("gzip", ["-9", "-c", shipped]).length };
  const shares = Object.fromEntries(groups.map(([title, group]) => [title, Object.fromEntries([...group(now.functions)].map(([name, { bytes }]) => [name, bytes]))]));
  await record("size", { ...size, sections: Object.fromEntries(parts), ...shares });
  const tables = groups.map(([title, group]) => `### ${title}\n\n${printed(group(now.functions), code, TOP)}`).join("\n\n");
  const sections = table(["section", "bytes"], parts.filter(([name]) => name !== "custom: name").map(([name, bytes]) => [name, bytes]));
  const ten = [...largest].slice(0, 10).map(([name, { bytes }]) => [`\`${name}\``, bytes]);
  await made("size.md", "make bench PART=size", `What is deployed: ${kilobytes(size.raw)}, ${kilobytes(size.gzip)} with gzip.\n\n### By section\n\n${sections}\n\n${tables}\n\n### Largest functions\n\n${table(["", "bytes"], ten)}`);
}
