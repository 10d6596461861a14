// What a wrangler.toml says, and its objects as Miniflare takes them.

export interface WranglerToml {
  name: string;
  main: string;
  compatibility_date: string;
  compatibility_flags?: string[];
  vars?: Record<string, unknown>;
  kv_namespaces?: { binding: string; id: string }[];
  d1_databases?: { binding: string; database_id: string; migrations_dir?: string }[];
  durable_objects?: { bindings: { name: string; class_name: string }[] };
  migrations?: { new_sqlite_classes?: string[] }[];
  ratelimits?: { name: string; namespace_id: string; simple: { limit: number; period: 10 | 60 } }[];
}

/** The Durable Objects by their bindings. */
export function durableObjectsOf({ durable_objects, migrations }: WranglerToml): Record<string, { className: string; useSQLite: boolean }> {
  const sqlite = new Set(migrations?.flatMap((step) => step.new_sqlite_classes ?? []));
  return Object.fromEntries((durable_objects?.bindings ?? []).map(({ name, class_name }) => [name, { className: class_name, useSQLite: sqlite.has(class_name) }]));
}
