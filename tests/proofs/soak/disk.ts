// The Account objects' files, as workerd leaves them on the disk.
import { copyFile, mkdtemp, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export interface Stored {
  /** Rows of the table, whatever they are of. */
  rows: number;
  /** Length of the one family's record, in bytes. */
  familyBytes: number;
  /** Of all records together. */
  recordBytes: number;
  pages: number;
  freePages: number;
  pageSize: number;
  /** The file and its write-ahead log. */
  fileBytes: number;
  logBytes: number;
}

/** Every object that was ever woken has made its table, and with it a file. */
export async function objectFiles(persist: string): Promise<string[]> {
  const names = await readdir(join(persist, "do"), { recursive: true }).catch(() => []);
  // Each class has a folder of its own, named after it.
  return names.filter((name) => name.endsWith(".sqlite") && /Account[/\\]/.test(name)).map((name) => join(persist, "do", name)).sort();
}

async function bytesOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}

/** What the one Account object with the one family holds. workerd must have stopped. */
export async function storedFamily(persist: string): Promise<Stored> {
  const copies = await mkdtemp(join(tmpdir(), "postern-disk-"));
  try {
    for (const file of await objectFiles(persist)) {
      // A copy, because reading a database with a write-ahead log changes it.
      const copy = join(copies, basename(file));
      await copyFile(file, copy);
      if ((await bytesOf(`${file}-wal`)) > 0) await copyFile(`${file}-wal`, `${copy}-wal`);
      const database = new DatabaseSync(copy);
      try {
        const number = (statement: string) => Number(Object.values(database.prepare(statement).get() ?? {})[0] ?? 0);
        if (number("SELECT count(*) FROM sqlite_schema WHERE name = 'records'") === 0) continue;
        if (number("SELECT count(*) FROM records WHERE kind = 'family'") !== 1) continue;
        return {
          rows: number("SELECT count(*) FROM records"),
          familyBytes: number("SELECT length(CAST(record AS BLOB)) FROM records WHERE kind = 'family'"),
          recordBytes: number("SELECT sum(length(CAST(record AS BLOB))) FROM records"),
          pages: number("PRAGMA page_count"),
          freePages: number("PRAGMA freelist_count"),
          pageSize: number("PRAGMA page_size"),
          fileBytes: await bytesOf(file),
          logBytes: await bytesOf(`${file}-wal`),
        };
      } finally {
        database.close();
      }
    }
    throw new Error(`no Account object with one family under ${persist}`);
  } finally {
    await rm(copies, { recursive: true, force: true });
  }
}
