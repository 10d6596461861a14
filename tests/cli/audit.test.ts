// `postern audit verify` against a live Worker: a sound chain passes, and a damaged one is located, as its storage is edited
// behind its back.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { bearer, signIn } from "../worker/support/client.ts";
import { ADMIN, settings } from "../worker/support/config.ts";
import { start, type Running } from "../worker/support/postern.ts";
import { postern as run } from "./program.ts";

/** In an instance that serves its API elsewhere: the program must follow. */
const PATH = "/ops/postern";

let persist: string;
let worker: Running | undefined;
beforeEach(async () => {
  persist = await mkdtemp(join(tmpdir(), "postern-audit-"));
});
afterEach(async () => {
  await worker?.dispose();
  await rm(persist, { recursive: true, force: true });
});

async function boot(): Promise<Record<string, string>> {
  worker = await start({ persist, vars: settings({ POSTERN_ADMIN: { path: PATH }, POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } }) });
  const { access_token } = await signIn(worker, { login: ADMIN });
  return { POSTERN_URL: worker.url, POSTERN_TOKEN: access_token, POSTERN_ADMIN_PATH: PATH };
}

/** Each act leaves two entries. */
async function act(env: Record<string, string>, times: number): Promise<void> {
  for (let n = 0; n < times; n += 1) {
    const body = JSON.stringify({ ip: `192.0.2.${n}` });
    const headers = { ...bearer(env["POSTERN_TOKEN"]!), "content-type": "application/json" };
    expect((await worker!.fetch(`${PATH}/throttle/clear`, { method: "POST", headers, body })).status).toBe(204);
  }
}

interface Verdict {
  sound: boolean;
  entries: number;
  head: string;
  broken_at: number | null;
  problem: string | null;
}

async function verify(env: Record<string, string>, ...args: string[]): Promise<Verdict & { code: number | null }> {
  const ended = await run(["--json", "audit", "verify", ...args], { env });
  if (ended.err !== "") throw new Error(ended.err);
  return { ...(JSON.parse(ended.out) as Verdict), code: ended.code };
}

/** Edits the object's own storage while nothing runs. */
async function edit(statement: string, ...values: string[]): Promise<void> {
  await worker!.dispose();
  const folder = join(persist, "do");
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.includes("AuditLog") && name.endsWith(".sqlite"));
  let edited = 0;
  for (const name of files) {
    const database = new DatabaseSync(join(folder, name));
    if (database.prepare("SELECT 1 FROM sqlite_master WHERE name = 'records'").get() !== undefined) {
      edited += Number(database.prepare(statement).run(...values).changes);
    }
    database.close();
  }
  expect(edited, "rows edited").toBeGreaterThan(0);
}

/** The id of the n-th entry's row. */
const ROW = "(SELECT id FROM records WHERE kind = 'entry' ORDER BY id LIMIT 1 OFFSET ?)";

// An entry that was noted from it is found again.
test("an intact chain of several pages passes", async () => {
  const env = await boot();
  await act(env, 60); // more than one page
  const verdict = await verify(env);
  expect(verdict).toMatchObject({ code: 0, sound: true, entries: 120, broken_at: null });
  expect(await verify(env, "--noted", verdict.head)).toMatchObject({ code: 0, sound: true });
});

test.for([
  ["one flipped byte in an entry", "UPDATE records SET record = replace(record, '\"done\"', '\"dome\"') WHERE kind = 'entry' AND id = " + ROW, 5, 6],
  ["a name put in the place of another", "UPDATE records SET record = replace(record, 'throttle_clear', 'throttle_shown') WHERE kind = 'entry' AND id = " + ROW, 4, 5],
  ["an entry that was removed", "DELETE FROM records WHERE kind = 'entry' AND id = " + ROW, 2, 3],
] as const)("%s is found, and located", async ([, statement, place, seq]) => {
  const before = await boot();
  await act(before, 5);
  expect(await verify(before)).toMatchObject({ sound: true, entries: 10 });
  await edit(statement, String(place));
  const env = await boot();
  expect(await verify(env)).toMatchObject({ code: 1, sound: false, broken_at: seq });
  const told = await run(["audit", "verify"], { env });
  expect(told).toMatchObject({ code: 1, err: "" });
  expect(told.out).toContain(`BROKEN: entry ${seq}`);
});
