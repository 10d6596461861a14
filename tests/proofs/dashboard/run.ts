// `make proof NAME=dashboard`: the search for users of the dashboard among 100 000, as a browser asks for it, and the rows that
// D1 reads for the same statement. Figures mean something on the release build alone.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { ADMIN, PASSWORD, settings } from "../../worker/support/config.ts";
import { startWorkerd } from "../../worker/support/workerd.ts";

const USERS = Number(process.env["USERS"] ?? 100_000);
const ROUNDS = Number(process.env["ROUNDS"] ?? 100);

/** What an operator types, the least that is found, and whether the ids are read for it. */
const SEARCHES = [
  { what: "the start of many logins", part: "user0", least: 50 },
  { what: "a domain", part: "@mail.example", least: 50 },
  { what: "one login, by its middle", part: "77777@", least: 1 },
  { what: "one user, by a part of the id", part: "", least: 1 },
  { what: "nothing, logins alone", part: "nobody@nowhere", least: 0 },
  { what: "nothing, logins and ids", part: "nobodyatall", least: 0 },
];

let failed = 0;
function verdict(what: string, holds: boolean): void {
  console.log(`  ${holds ? "ok  " : "FAIL"} ${what}`);
  if (!holds) failed += 1;
}

const id = (): string => randomBytes(16).toString("base64url");
const rows = Array.from({ length: USERS }, (_, at) => [id(), `user${String(at).padStart(6, "0")}@${["example.com", "mail.example", "corp.example"][at % 3]}`]);
SEARCHES[3]!.part = rows[4_711 % USERS]![0]!.slice(5, 15);

/** Users with the hash that no password has. */
async function fill(run: (sql: string, value: string) => Promise<unknown>): Promise<void> {
  for (let at = 0; at < USERS; at += 5_000) {
    const insert = "INSERT INTO users (account_id, login, password_hash, created_at) SELECT value->>0, value->>1, '!', 1790000000000 FROM json_each(?1)";
    await run(insert, JSON.stringify(rows.slice(at, at + 5_000)));
  }
}

/** A browser that an administrator has signed in with. */
async function visitor(postern: Postern): Promise<(path: string) => Promise<{ status: number; page: string }>> {
  const cookies = new Map<string, string>();
  const send = async (path: string, init: RequestInit = {}) => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const answer = await postern.fetch(path, { ...init, headers: { ...(init.headers as Record<string, string>), cookie }, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      cookies.set(name, value);
    }
    return { status: answer.status, page: await answer.text() };
  };
  const { page } = await send("/auth/sign-in?to=/admin/ui/users");
  const form = new URLSearchParams({ login: ADMIN, password: PASSWORD, to: "/admin/ui/users", form_token: /name="form_token" value="([^"]+)"/.exec(page)?.[1] ?? "" });
  const origin = new URL(postern.url).origin;
  await send("/auth/sign-in", { method: "POST", body: form.toString(), headers: { "content-type": "application/x-www-form-urlencoded", origin } });
  return send;
}

const at = (sorted: number[], share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;

console.log(`${USERS} users, ${ROUNDS} rounds\n`);
const postern = await startPostern({ vars: settings({ POSTERN_ADMIN: { dashboard: true }, POSTERN_LIMITS: "off" }) });
try {
  const get = await visitor(postern);
  await fill((sql, value) => postern.sql(sql, value));
  for (const { what, part, least } of SEARCHES) {
    const path = `/admin/ui/users?contains=${encodeURIComponent(part)}`;
    const times: number[] = [];
    let found = 0;
    let status = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const begun = performance.now();
      const answer = await get(path);
      times.push(performance.now() - begun);
      status = answer.status;
      found = answer.page.split('<th scope="row"').length - 1;
    }
    times.sort((one, other) => one - other);
    verdict(`${what}: ${found} users, p50 ${at(times, 0.5).toFixed(0)} ms, p95 ${at(times, 0.95).toFixed(0)} ms`, status === 200 && found >= least && found <= 50);
  }
} finally {
  await postern.dispose();
}

// The rows that D1 counts, which is what it costs. The statement is the Worker's own.
const source = readFileSync(new URL("../../../crates/core/src/identity/rows.rs", import.meta.url), "utf8");
const statement = (/LIST_CONTAINING: &str = "([^"]+)"/.exec(source)?.[1] ?? "").replace(/\\\n\s*/g, "");
const script = "export default { fetch: () => new Response() };";
const miniflare = startWorkerd({ workers: [{ name: "database", modules: [{ type: "ESModule", path: "index.js", contents: script }], compatibilityDate: "2026-07-01", d1Databases: ["DB"] }] });
try {
  const database = await miniflare.getD1Database("DB");
  const table = readFileSync(new URL("../../../migrations/0001_users.sql", import.meta.url), "utf8").replace(/--.*$/gm, "").replace(/\s+/g, " ");
  await database.prepare(table).run();
  await fill((sql, value) => database.prepare(sql).bind(value).run());
  console.log("\nrows that D1 reads:");
  for (const { what, part, least } of SEARCHES) {
    const ids = part.length >= 4 && /^[\w-]+$/.test(part) ? part : "";
    const { meta, results } = await database.prepare(statement).bind("", "\u{10ffff}", 51, part.toLowerCase(), ids).all();
    const most = (ids === "" ? 1 : 2) * USERS + 4 * 51;
    verdict(`${what}: ${meta.rows_read} read for ${results.length} found, at most ${most}`, meta.rows_read <= most && results.length >= least);
  }
} finally {
  await miniflare.dispose();
}
process.exitCode = failed === 0 ? 0 : 1;
