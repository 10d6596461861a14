// The way back of each migration, as the guide has it: on D1, and then forward again. Versions from before a migration do not
// read what it made; this version without it does what they do.
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { bearer, json, refreshed, signIn } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { start } from "./support/postern.ts";

const file = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const guide = file("docs/guides/upgrade.md");

/** What the guide says of going back behind this migration: SQL, or that there is no way. */
function wayBack(migration: string): string | undefined {
  const row = guide.split("\n").find((line) => line.startsWith(`| \`${migration}\` |`));
  if (row === undefined) throw new Error(`the guide has no row for ${migration}`);
  return /\| `([^`]+;)` \|/.exec(row)?.[1];
}

test("each migration has its way back in the guide, and it works", async () => {
  const migrations = readdirSync(new URL("../../migrations", import.meta.url)).filter((name) => name.endsWith(".sql")).sort();
  const back = migrations.filter((name) => wayBack(name) !== undefined).reverse();
  expect(back).toEqual(["0002_clients.sql"]);
  const postern = await start({ vars: settings() });
  try {
    const before = await signIn(postern);
    for (const name of back) {
      for (const statement of (wayBack(name) ?? "").split(/(?<=;) ?/)) await postern.sql(statement);
    }
    const tables = await postern.sql<{ name: string }>("SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN ('users', 'clients')");
    expect(tables.map(({ name }) => name)).toEqual(["users"]);
    const after = await refreshed(postern, before.refresh_token);
    await json(await postern.fetch("/auth/me", { headers: bearer(after.access_token) }));
    await signIn(postern);
    expect((await postern.fetch("/readyz")).status).toBe(200);
    // wrangler applies it again.
    const pending = await postern.sql<{ name: string }>("SELECT name FROM d1_migrations");
    expect(pending.map(({ name }) => name)).toEqual(migrations.filter((name) => !back.includes(name)));
    for (const name of back.reverse()) {
      for (const statement of file(`migrations/${name}`).split(/;\n/)) if (/^(?!--).*\S/m.test(statement)) await postern.sql(statement);
    }
    await signIn(postern);
  } finally {
    await postern.dispose();
  }
});
