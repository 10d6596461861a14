// wrangler.toml as Miniflare's options. A table that this file does not know is an error: were it ignored, the tests
// would run another Worker than the one that is deployed.
import { readFile } from "node:fs/promises";
import { parse } from "smol-toml";
import { durableObjectsOf, type WranglerToml } from "../../packages/testing/src/wrangler.ts";

/** Tables that say nothing about what the Worker finds at run time. */
const WITHOUT_EFFECT_HERE = ["build", "observability", "triggers", "routes", "route", "workers_dev", "preview_urls", "limits", "placement"];

const UNDERSTOOD = new Set([
  "name",
  "main",
  "compatibility_date",
  "compatibility_flags",
  "vars",
  "kv_namespaces",
  "d1_databases",
  "durable_objects",
  "migrations",
  "ratelimits",
  ...WITHOUT_EFFECT_HERE,
]);

export interface Bindings {
  name: string;
  compatibilityDate: string;
  compatibilityFlags: string[];
  vars: Record<string, unknown>;
  kvNamespaces: Record<string, string>;
  /** The name of the one KV namespace. */
  kvBinding: string;
  d1Databases: Record<string, string>;
  /** The name of the one database, and the folder of its migrations relative to wrangler.toml. */
  d1Binding: string;
  migrationsFolder: string;
  durableObjects: Record<string, { className: string; useSQLite: boolean }>;
  ratelimits: Record<string, { namespace_id: string; simple: { limit: number; period: 10 | 60 } }>;
}

function only<T>(what: string, list: T[] | undefined): T {
  const [one, ...more] = list ?? [];
  if (one === undefined || more.length > 0) throw new Error(`wrangler.toml must have exactly one ${what}`);
  return one;
}

/** Reads a wrangler.toml. */
export async function bindingsOf(path: string): Promise<Bindings> {
  const parsed = parse(await readFile(path, "utf8"));
  const unknown = Object.keys(parsed).filter((key) => !UNDERSTOOD.has(key));
  if (unknown.length > 0) {
    throw new Error(`wrangler.toml has ${unknown.join(", ")}: teach tests/worker/harness-config.ts what that means`);
  }
  const toml = parsed as unknown as WranglerToml;
  if (toml.main !== "build/index.js") throw new Error(`the harness runs build/index.js, and main is ${toml.main}`);

  const kv = only("KV namespace", toml.kv_namespaces);
  const d1 = only("D1 database", toml.d1_databases);
  return {
    name: toml.name,
    compatibilityDate: toml.compatibility_date,
    compatibilityFlags: toml.compatibility_flags ?? [],
    vars: toml.vars ?? {},
    kvNamespaces: { [kv.binding]: kv.id },
    kvBinding: kv.binding,
    d1Databases: { [d1.binding]: d1.database_id },
    d1Binding: d1.binding,
    migrationsFolder: d1.migrations_dir ?? "migrations",
    durableObjects: durableObjectsOf(toml),
    ratelimits: Object.fromEntries((toml.ratelimits ?? []).map(({ name, namespace_id, simple }) => [name, { namespace_id, simple }])),
  };
}
