// `make proof NAME=import`: 100 000 users with bcrypt hashes by `postern user import`, the program and workerd killed on the way;
// then every row of the database is held against its source. Figures mean something on the release build alone.
import { argon2Sync, randomBytes, scryptSync } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import bcrypt from "bcryptjs";
import { begin, postern as run, type ImportReport, type Run } from "../../cli/program.ts";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { cpu } from "../../worker/support/cpu.ts";
import { ADMIN, ALICE, OWN_ISSUER, PASSWORD } from "../../worker/support/config.ts";

const USERS = Number(process.env["USERS"] ?? 100_000);
/** Of each of the other kinds. */
const OTHERS = 1_000;
/** Different hashes of a kind, each used by many users: making 100 000 would take longer than importing them. */
const HASHES = 512;
/** Sign-ins tried of each kind. */
const SAMPLE = 20;

let failed = 0;
function verdict(what: string, holds: boolean): void {
  console.log(`  ${holds ? "ok  " : "FAIL"} ${what}`);
  if (!holds) failed += 1;
}

interface Row {
  kind: string;
  login: string;
  password_hash: string;
  scopes: string[];
  roles: string[];
  tenant_id: string;
  email_verified: boolean;
  disabled: boolean;
  created_at: number;
}

const text = (bytes: Buffer): string => bytes.toString("base64").replaceAll("=", "");

function bcryptHash(at: number, cost = 4): string {
  const prefix = ["$2b$", "$2a$", "$2y$"][at % 3]!;
  return bcrypt.hashSync(PASSWORD, cost).replace(/^\$2b\$/, prefix);
}

function argon2Hash(memory = 1024, passes = 1, parallelism = 1): string {
  const nonce = randomBytes(16);
  const tag = argon2Sync("argon2id", { message: PASSWORD, nonce, parallelism, memory, passes, tagLength: 32 });
  return `$argon2id$v=19$m=${memory},t=${passes},p=${parallelism}$${text(nonce)}$${text(tag)}`;
}

function scryptHash(ln = 10, r = 8, p = 1): string {
  const salt = randomBytes(16);
  return `$scrypt$ln=${ln},r=${r},p=${p}$${text(salt)}$${text(scryptSync(PASSWORD, salt, 32, { N: 2 ** ln, r, p, maxmem: 2 ** 28 }))}`;
}

/** The users, and lines that must be refused among them. */
function source(): { rows: Row[]; csv: string; bad: number } {
  const kinds: [string, string[], number][] = [
    ["bcrypt", Array.from({ length: HASHES }, (_, at) => bcryptHash(at)), USERS],
    ["argon2id", Array.from({ length: 16 }, () => argon2Hash()), OTHERS],
    ["scrypt", Array.from({ length: 16 }, () => scryptHash()), OTHERS],
  ];
  const rows = kinds.flatMap(([kind, hashes, count]) =>
    Array.from({ length: count }, (_, at): Row => ({
      kind,
      login: `${kind}-${at}@import.example.com`,
      password_hash: hashes[at % hashes.length]!,
      scopes: at % 2 === 0 ? ["read:orders"] : ["read:orders", "write:orders"],
      roles: at % 5 === 0 ? ["clerk"] : [],
      tenant_id: `tenant-${at % 97}`,
      email_verified: at % 3 === 0,
      disabled: at % 1000 === 999,
      created_at: 1_500_000_000 + at,
    })),
  );
  // The kinds are mixed, by a step that has no divisor in common with their number.
  const mixed = rows.map((_, at) => rows[(at * 7919) % rows.length]!);
  const lines = ["login,password_hash,scopes,roles,tenant_id,email_verified,disabled,created_at"];
  let bad = 0;
  for (const [at, row] of mixed.entries()) {
    const { login, password_hash, scopes, roles, tenant_id, email_verified, disabled, created_at } = row;
    lines.push([login, `"${password_hash}"`, scopes.join(" "), roles.join(" "), tenant_id, email_verified, disabled, created_at].join(","));
    if (at % 2000 === 1000) {
      // The login of a user who was here before, and a hash that would stop an isolate.
      lines.push(`${ALICE.toUpperCase()},${rows[0]!.password_hash},,,,,,`, `costly-${at}@import.example.com,${rows[0]!.password_hash.replace("$04$", "$31$")},,,,,,`);
      bad += 2;
    }
  }
  return { rows, csv: `${lines.join("\n")}\n`, bad };
}

/** The most memory that a process has had, in MB. */
function peak(pid: number | undefined): number {
  if (pid === undefined) return 0;
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

const home = mkdtempSync(join(tmpdir(), "postern-import-"));
const persist = join(home, "state");
const path = join(home, "users.csv");
const sessionFile = join(home, "session.json");
const progressOf = (): number => {
  const lines = existsSync(`${path}.journal`) ? readFileSync(`${path}.journal`, "utf8").split("\n") : [];
  return (JSON.parse(lines.at(-2) ?? "{}") as { records?: number }).records ?? 0;
};

let postern!: Postern;
const most = { program: 0, workerd: 0 };

async function start(port = 0): Promise<void> {
  postern = await startPostern({ persist, port, vars: { POSTERN_ISSUER: OWN_ISSUER } });
}

const environment = () => ({ env: { POSTERN_URL: postern.url, POSTERN_SESSION_FILE: sessionFile } });

/** Runs the program until it ends, or until so many rows are done and `then` has happened. */
async function importing(options: string[], until?: { rows: number; then: (kill: () => void) => Promise<void> }): Promise<Run> {
  const { child, ended } = begin(["--json", "user", "import", path, ...options], environment());
  let over = false;
  void ended.finally(() => (over = true));
  let waiting = until;
  while (!over) {
    most.program = Math.max(most.program, peak(child.pid));
    most.workerd = Math.max(most.workerd, peak(postern.pid));
    if (waiting && progressOf() >= waiting.rows) {
      const { then } = waiting;
      waiting = undefined;
      await then(() => child.kill("SIGKILL"));
    }
    await delay(20);
  }
  if (waiting) throw new Error(`it ended before ${waiting.rows} rows were done`);
  const run = await ended;
  if (run.err !== "") console.log(run.err);
  return run;
}

const count = async () => Number((await postern.sql<{ n: number }>("SELECT count(*) AS n FROM users WHERE login LIKE '%@import.example.com'"))[0]?.n);

/** Every row of the database against its source. */
async function compare(rows: Row[]): Promise<{ there: number; lost: number; wrong: number; ids: Map<string, string> }> {
  const wanted = new Map(rows.map((row) => [row.login, row]));
  const ids = new Map<string, string>();
  let [there, wrong, after] = [0, 0, ""];
  for (;;) {
    const page = await postern.sql<Record<string, unknown>>(
      "SELECT * FROM users WHERE login > ? AND login LIKE '%@import.example.com' ORDER BY login LIMIT 5000", after,
    );
    for (const stored of page) {
      there += 1;
      const row = wanted.get(String(stored["login"]));
      const equal = row !== undefined && stored["password_hash"] === row.password_hash && stored["scopes"] === JSON.stringify(row.scopes) &&
        stored["roles"] === JSON.stringify(row.roles) && stored["tenant_id"] === row.tenant_id && stored["disabled"] === Number(row.disabled) &&
        stored["email_verified"] === Number(row.email_verified) && stored["created_at"] === row.created_at * 1000 && stored["credential_version"] === 0;
      if (!equal) wrong += 1;
      ids.set(String(stored["login"]), String(stored["account_id"]));
    }
    const last = page.at(-1);
    if (last === undefined) break;
    after = String(last["login"]);
  }
  return { there, lost: rows.filter(({ login }) => !ids.has(login)).length, wrong, ids };
}

async function login(name: string, password: string): Promise<{ status: number; ms: number }> {
  const begun = performance.now();
  const response = await postern.fetch("/auth/login", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ login: name, password, delivery: "body" }),
  });
  await response.text();
  return { status: response.status, ms: performance.now() - begun };
}

async function signIns(rows: Row[]): Promise<void> {
  console.log("\nSign-ins after it");
  for (const kind of ["bcrypt", "argon2id", "scrypt"]) {
    const all = rows.filter((row) => row.kind === kind && !row.disabled);
    const sample = Array.from({ length: SAMPLE }, (_, at) => all[Math.floor((at * all.length) / SAMPLE)]!);
    let [right, wrong, rehashed, again] = [0, 0, 0, 0];
    for (const row of sample) {
      if ((await login(row.login, `${PASSWORD}!`)).status === 401) wrong += 1;
      if ((await login(row.login, PASSWORD)).status === 200) right += 1;
      for (let tries = 0; tries < 50; tries += 1) {
        const [stored] = await postern.sql<{ password_hash: string }>("SELECT password_hash FROM users WHERE login = ?", row.login);
        if (stored?.password_hash.includes("keyid=")) {
          rehashed += 1;
          break;
        }
        await delay(20);
      }
      if ((await login(row.login, PASSWORD)).status === 200) again += 1;
    }
    console.log(`  ${kind}: ${right} of ${SAMPLE} signed in, ${wrong} wrong passwords refused, ${rehashed} made anew with our own parameters, ${again} signed in after that`);
    verdict(`each of ${kind}`, [right, wrong, rehashed, again].every((count) => count === SAMPLE));
  }
  const off = rows.find(({ disabled }) => disabled)!;
  verdict("a disabled user does not", (await login(off.login, PASSWORD)).status === 401);
}

/** The dearest hashes that are taken: how long a sign-in waits for each. */
async function caps(token: string): Promise<void> {
  console.log("\nThe dearest hashes that are taken");
  const rows = { "bcrypt, cost 14": bcryptHash(0, 14), "Argon2id, 64 MiB, 8 passes, 4 lanes": argon2Hash(65_536, 8, 4), "scrypt, ln 16, r 8, p 2": scryptHash(16, 8, 2) };
  for (const [name, password_hash] of Object.entries(rows)) {
    const user = `${crypto.randomUUID()}@caps.example.com`;
    await postern.fetch("/admin/users/import", {
      method: "POST",
      headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
      body: JSON.stringify({ rows: [{ login: user, password_hash }] }),
    });
    const before = cpu(String(postern.pid));
    const { status, ms } = await login(user, PASSWORD);
    const seconds = (cpu(String(postern.pid)) - before) / 1e6;
    console.log(`  ${name}: ${seconds.toFixed(2)} s of CPU with the new hash, answered ${status} after ${(ms / 1000).toFixed(2)} s`);
    verdict("within what one request may compute", status === 200 && seconds < 10);
  }
}

try {
  const { rows, csv, bad } = source();
  writeFileSync(path, csv);
  console.log(`${rows.length} users, ${USERS} of them with bcrypt hashes (${HASHES} different ones), ${bad} lines that must be refused; ${(csv.length / 1e6).toFixed(1)} MB of CSV`);
  await start();
  const port = Number(new URL(postern.url).port);
  const signedIn = await run(["login", "--login", ADMIN], { ...environment(), input: `${PASSWORD}\n` });
  if (signedIn.code !== 0) throw new Error(signedIn.err);

  console.log("\nThe import, killed on the way");
  const lines = rows.length + bad;
  const part = (share: number) => ({ rows: Math.floor(lines * share) });
  const begun = performance.now();
  for (const share of [0.15, 0.35]) {
    await importing([], { ...part(share), then: async (kill) => kill() });
    console.log(`  killed the program after row ${progressOf()}; users in the database: ${await count()}`);
  }
  const ended = await importing([], {
    ...part(0.6),
    then: async () => {
      await postern.killHard();
      console.log(`  killed workerd after row ${progressOf()}, the program running`);
      await postern.dispose();
      await start(port);
    },
  });
  const seconds = (performance.now() - begun) / 1000;
  const report = JSON.parse(ended.out) as ImportReport;
  console.log(`  ${report.rows} rows: ${report.created} answered created, ${report.existing} existing, ${report.refused} refused; ${seconds.toFixed(1)} s with three kills and a start, ${Math.round(lines / seconds)} rows a second`);
  verdict("the last run went on where the one before was", report.resumed_at >= part(0.35).rows && report.resumed_at < part(0.6).rows);
  verdict("each line has one outcome", report.rows === lines && report.created + report.existing === rows.length && report.refused === bad);

  const { there, lost, wrong, ids } = await compare(rows);
  console.log(`  in D1: ${there} users, ${lost} lost, ${there - rows.length} doubled or made of nothing, ${wrong} unlike their source`);
  verdict("0 lost, 0 doubled, every row equal to its source", lost === 0 && there === rows.length && wrong === 0);
  verdict("as many ids as users", new Set(ids.values()).size === rows.length);
  const rejected = readFileSync(`${path}.rejects`, "utf8").trim().split("\n").map((line) => JSON.parse(line) as { row: number; code: string });
  verdict("each refused line stands once in the file of refused rows", rejected.length === bad && new Set(rejected.map(({ row }) => row)).size === bad);
  verdict("refused for their reasons", rejected.every(({ code }) => code === "login_taken" || code === "hash_too_costly"));

  console.log("\nThe same once more without the journal, undisturbed");
  const again = JSON.parse((await importing(["--restart"])).out) as ImportReport;
  console.log(`  ${again.created} created, ${again.existing} existing, ${again.refused} refused; ${again.seconds.toFixed(1)} s`);
  const second = await compare(rows);
  verdict("nothing was made or changed", again.created === 0 && again.existing === rows.length && second.there === rows.length && second.wrong === 0 && [...ids].every(([name, id]) => second.ids.get(name) === id));

  console.log("\nOne undisturbed import into an empty table");
  await postern.sql("DELETE FROM users WHERE login LIKE '%@import.example.com'");
  const plain = JSON.parse((await importing(["--restart"])).out) as ImportReport;
  console.log(`  ${plain.created} created, ${plain.refused} refused; ${plain.seconds.toFixed(1)} s, ${Math.round(plain.rows / plain.seconds)} rows a second`);
  verdict("all were made", plain.created === rows.length && plain.refused === bad);
  console.log(`  most memory: the program ${most.program.toFixed(0)} MB, workerd ${most.workerd.toFixed(0)} MB`);
  verdict("the program's memory does not hold the file", most.program < 64);

  await signIns(rows);
  // Without optimisation their time says nothing.
  if (!process.env["POSTERN_FAST"]) {
    const body = JSON.stringify({ login: ADMIN, password: PASSWORD, delivery: "body" });
    const signedIn = await postern.fetch("/auth/login", { method: "POST", headers: { "content-type": "application/json" }, body });
    await caps(((await signedIn.json()) as { access_token: string }).access_token);
  }
} finally {
  await postern?.dispose();
  rmSync(home, { recursive: true });
}
if (failed > 0) {
  console.log(`\n${failed} failed`);
  process.exitCode = 1;
}
