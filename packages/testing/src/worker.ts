// The built Worker and its bindings: what is deployed is what runs in a test.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { parse } from "smol-toml";
import { KitError } from "./handle.ts";
import { durableObjectsOf, type WranglerToml } from "./wrangler.ts";

export interface BuiltWorker {
  /** The folder of index.js and index_bg.wasm. */
  folder: string;
  compatibilityDate: string;
  compatibilityFlags: string[];
  kvNamespaces: Record<string, string>;
  d1Databases: Record<string, string>;
  durableObjects: Record<string, { className: string; useSQLite: boolean }>;
  /** What makes the tables, in order. */
  migrations: Migration[];
}

export interface Migration {
  name: string;
  sql: string;
}

const MODULES = ["index.js", "index_bg.wasm"];

/** Reads a wrangler.toml. */
export function readToml(path: string): WranglerToml {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new KitError(`the settings ${path} cannot be read`);
  }
  try {
    return parse(text) as unknown as WranglerToml;
  } catch (error) {
    throw new KitError(`${path} is no TOML: ${(error as Error).message.split("\n")[0]}`);
  }
}

/** Where the npm package `postern` is, or the repository in which this file is. */
function installed(): { folder: string; toml: string; migrations: string } {
  // From the test's own folder first: the project decides which version it tests.
  for (const from of [join(process.cwd(), "package.json"), import.meta.url]) {
    let found: string;
    try {
      found = dirname(createRequire(from).resolve("postern/package.json"));
    } catch {
      continue;
    }
    const folder = join(found, "dist", "worker");
    if (existsSync(folder)) return { folder, toml: join(found, "dist", "wrangler.toml"), migrations: join(found, "dist", "migrations") };
  }
  const checkout = join(import.meta.dirname, "../../..");
  if (existsSync(join(checkout, "crates/app"))) return inFolder(checkout);
  throw new KitError("the npm package postern, which has the Worker, is not installed: npm install --save-dev postern");
}

/** A checkout, or a project that builds the Worker into `build`. */
function inFolder(root: string): { folder: string; toml: string; migrations: string } {
  return { folder: join(root, "build"), toml: join(root, "wrangler.toml"), migrations: join(root, "migrations") };
}

/** Finds the Worker: in `given`, a checkout of Postern, or where npm put it. Says in one line what is missing. */
export function findWorker(given: string | undefined): BuiltWorker {
  const { folder, toml, migrations } = given === undefined ? installed() : inFolder(resolve(given));
  for (const name of MODULES) {
    if (!existsSync(join(folder, name))) throw new KitError(`the built Worker is missing: ${join(folder, name)}`);
  }
  const names = existsSync(migrations) ? readdirSync(migrations).filter((name) => name.endsWith(".sql")) : [];
  if (names.length === 0) throw new KitError(`the migrations are missing: there is no .sql file in ${migrations}`);
  const read = readToml(toml);
  return {
    folder,
    compatibilityDate: read.compatibility_date,
    compatibilityFlags: read.compatibility_flags ?? [],
    kvNamespaces: Object.fromEntries((read.kv_namespaces ?? []).map(({ binding, id }) => [binding, id])),
    d1Databases: Object.fromEntries((read.d1_databases ?? []).map(({ binding, database_id }) => [binding, database_id])),
    durableObjects: durableObjectsOf(read),
    migrations: names.sort().map((name) => ({ name, sql: readFileSync(join(migrations, name), "utf8") })),
  };
}
