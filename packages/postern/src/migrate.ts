// `postern migrate`: applies this version's migrations to the database of users.
import { readFileSync } from "node:fs";
import { Failed, ended, settingsFile, wrangler } from "./wrangler.ts";

/** The settings file must take the migrations from this package, so that an update of the package brings new ones. */
function checkFolder(file: string): void {
  const text = readFileSync(file, "utf8");
  if (/^\s*migrations_dir\s*=/m.test(text)) return;
  throw new Failed(`${file}: d1_databases: lacks migrations_dir = "node_modules/postern/dist/migrations"`);
}

/** To the database of this machine, without a word when there is nothing to apply. */
export async function migrateLocal(named: string | undefined): Promise<void> {
  const file = settingsFile(named);
  checkFolder(file);
  // CI: do not ask whether to go on.
  const { code, printed } = await ended(wrangler(["d1", "migrations", "apply", "DB", "--local", "-c", file], ["ignore", "pipe", "pipe"], { CI: "true" }));
  if (code !== 0) throw new Failed(`the migrations could not be applied to the local database:\n${printed.trim()}`);
}

/** To the deployed database. */
export async function migrateRemote(named: string | undefined): Promise<number> {
  const file = settingsFile(named);
  checkFolder(file);
  return (await ended(wrangler(["d1", "migrations", "apply", "DB", "--remote", "-c", file], "inherit"))).code;
}
