// `postern user import` against a real Worker: what it reads, what it writes beside the file, and going on after a kill.
import { createServer } from "node:http";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, appendFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { signIn } from "../worker/support/client.ts";
import { ADMIN, ALICE, settings } from "../worker/support/config.ts";
import { claimsOf } from "../worker/support/jwt.ts";
import { eventually } from "../worker/support/poll.ts";
import { shared } from "../worker/support/postern.ts";
import { begin, postern as run, type ImportReport, type Run } from "./program.ts";

const worker = shared(() => ({ vars: settings() }));
const home = mkdtempSync(join(tmpdir(), "postern-import-"));
afterAll(() => rmSync(home, { recursive: true }));

const BCRYPT = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
const login = (): string => `${crypto.randomUUID()}@example.com`;

let files = 0;
function file(ending: string, text: string): string {
  const path = join(home, `users-${(files += 1)}.${ending}`);
  writeFileSync(path, text);
  return path;
}

const surroundings = async () => ({
  env: { POSTERN_URL: worker().url, POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token },
});
const importing = async (path: string, ...options: string[]): Promise<Run> => run(["--json", "user", "import", path, ...options], await surroundings());

async function imported(path: string, ...options: string[]): Promise<ImportReport> {
  const ended = await importing(path, ...options);
  expect(ended, ended.err).toMatchObject({ code: 0, err: "" });
  return JSON.parse(ended.out) as ImportReport;
}

const stored = (name: string) => worker().sql<Record<string, unknown>>("SELECT * FROM users WHERE login = ?", name);
const rejects = (path: string) => readFileSync(`${path}.rejects`, "utf8").trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);

describe("what it reads", () => {
  test("CSV with quotes, a byte-order mark and names of its own", async () => {
    const [one, two] = [login(), login()];
    const path = file("csv", `\ufeffmail,hash,scopes,roles,verified,created_at,shoe\r\n"${one}",${BCRYPT},read:orders write:orders,"[""head, clerk""]",TRUE,2020-09-13T12:26:40Z,44\r\n${two},${BCRYPT},,,,,\r\n`);
    const options = ["--field", "login=mail", "--field", "password_hash=hash", "--field", "email_verified=verified", "--ignore-other", "--tenant", "acme"];
    expect(await imported(path, ...options)).toMatchObject({ rows: 2, created: 2, refused: 0 });
    expect((await stored(one))[0]).toMatchObject({
      scopes: '["read:orders","write:orders"]', roles: '["head, clerk"]', email_verified: 1, created_at: 1_600_000_000_000, tenant_id: "acme",
    });
    expect((await stored(two))[0]).toMatchObject({ scopes: "[]", roles: "[]", email_verified: 0, tenant_id: "acme" });
    expect(claimsOf((await signIn(worker(), { login: one })).access_token)).toMatchObject({ scope: "read:orders write:orders" });
  });

  test("JSON lines, as another product exports them", async () => {
    const one = login();
    const path = file("jsonl", `${JSON.stringify({ email: one, passwordHash: BCRYPT, email_verified: true, tenant: "theirs", _tmp: 1 })}\n\n`);
    expect(await imported(path, "--from", "auth0", "--scope", "read:orders")).toMatchObject({ rows: 1, created: 1 });
    expect((await signIn(worker(), { login: one })).scope).toBe("read:orders");
    expect((await stored(one))[0]).toMatchObject({ tenant_id: null, email_verified: 1 });
  });

  // The message says what to do.
  test("what is no file of users ends with 1 or 2", async () => {
    const document = await importing(file("json", '[\n  {"login": "a"}\n]\n'));
    expect(document.code).toBe(1);
    expect(document.err).toContain("jq -c");
    const unclosed = await importing(file("csv", `login,password_hash\n"a,b\n${"x".repeat(3 << 20)}`));
    expect(unclosed).toMatchObject({ code: 1, err: expect.stringContaining("quote") });
    expect((await importing(file("txt", ""))).code).toBe(2);
    expect((await importing(file("csv", "login,login\n"))).code).toBe(2);
    expect((await importing(join(home, "nothing.csv"))).code).toBe(1);
    expect((await importing(file("csv", "login\n"), "--field", "shoes=size")).code).toBe(2);
  });
});

describe("what is refused", () => {
  // Without its hash, in a file of its own. The exit code is 1.
  test("is listed with row and code, and the others are made", async () => {
    const [one, two] = [login(), login()];
    const rows = [
      { login: one, password_hash: BCRYPT },
      { login: login(), password_hash: "md5-of-something" },
      { login: two, password_hash: BCRYPT },
      { login: ALICE, password_hash: BCRYPT },
      { login: login() },
    ];
    const path = file("jsonl", [...rows.map((row) => JSON.stringify(row)), "no JSON", '{"login":"x","login":"y"}'].join("\n"));
    const ended = await importing(path, "--batch", "3");
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.out)).toMatchObject({ rows: 7, created: 2, refused: 5, rejects: `${path}.rejects` });
    expect(rejects(path).map(({ row, code, field }) => [row, code, field])).toEqual([
      [2, "invalid_hash", "password_hash"],
      [4, "login_taken", "login"],
      [5, "missing_member", "password_hash"],
      [6, "not_json", null],
      [7, "duplicate_member", null],
    ]);
    expect(readFileSync(`${path}.rejects`, "utf8")).not.toContain("md5-of-something");
    for (const beside of ["rejects", "journal"]) expect(statSync(`${path}.${beside}`).mode & 0o777).toBe(0o600);
    // Done is done: nothing is sent, and the answer is the same.
    const again = await importing(path, "--batch", "3");
    expect(JSON.parse(again.out)).toMatchObject({ rows: 7, created: 2, refused: 5, resumed_at: 7 });
    expect(rejects(path)).toHaveLength(5);
    // Anew: what was made is there.
    const anew = await importing(path, "--restart");
    expect(JSON.parse(anew.out)).toMatchObject({ rows: 7, created: 0, existing: 2, refused: 5 });
    expect(rejects(path)).toHaveLength(5);
  });

  test("a dry run finds it here, and sends and writes nothing", async () => {
    const one = login();
    const path = file("csv", `login,password_hash,shoes\n${one},${BCRYPT},\n${one}x,${BCRYPT.replace("$04$", "$20$")},\n,${BCRYPT},44\nshort\n`);
    const ended = await run(["user", "import", path, "--dry-run"], { env: { POSTERN_URL: "http://127.0.0.1:9" } });
    expect(ended.code).toBe(1);
    for (const code of ["1 of 4 rows", "hash_too_costly", "unknown_member", "wrong_field_count"]) expect(ended.out).toContain(code);
    expect(await stored(one)).toEqual([]);
    expect([existsSync(`${path}.journal`), existsSync(`${path}.rejects`)]).toEqual([false, false]);
  });

  test("whoever is no administrator is told so before a row is read", async () => {
    const { access_token } = await signIn(worker(), { login: ALICE });
    const path = file("csv", `login,password_hash\n${login()},${BCRYPT}\n`);
    const ended = await run(["user", "import", path], { env: { POSTERN_URL: worker().url, POSTERN_TOKEN: access_token } });
    expect(ended.code).toBe(4);
    expect(ended.err).toContain("postern:admin");
  });
});

describe("a run that was interrupted", () => {
  const lines = (count: number) => Array.from({ length: count }, () => JSON.stringify({ login: login(), password_hash: BCRYPT }));

  test("goes on after a kill and makes each user once", async () => {
    const rows = lines(3000);
    rows.splice(100, 0, "no JSON");
    const path = file("jsonl", `${rows.join("\n")}\n`);
    const before = Number((await worker().sql<{ n: number }>("SELECT count(*) AS n FROM users"))[0]?.n);
    const { child, ended } = begin(["user", "import", path, "--batch", "50"], await surroundings());
    await eventually("the journal has some batches", () => (existsSync(`${path}.journal`) && readFileSync(`${path}.journal`, "utf8").split("\n").length > 6) || undefined);
    child.kill("SIGKILL");
    await ended;
    // What a kill may leave: half a line in the journal, refused rows that the journal does not know of.
    appendFileSync(`${path}.journal`, '{"records":2900,"off');
    appendFileSync(`${path}.rejects`, "half a");
    const ended2 = await importing(path, "--batch", "50");
    const report = JSON.parse(ended2.out) as ImportReport;
    expect(report.resumed_at).toBeGreaterThan(0);
    expect(report.resumed_at).toBeLessThan(3000);
    expect(report).toMatchObject({ rows: 3001, refused: 1 });
    expect(report.created + report.existing).toBe(3000);
    expect(rejects(path).map(({ row, code }) => [row, code])).toEqual([[101, "not_json"]]);
    const after = Number((await worker().sql<{ n: number }>("SELECT count(*) AS n FROM users"))[0]?.n);
    expect(after - before).toBe(3000);
  });

  // Nor with another deployment, nor with a file of refused rows that was cut short.
  test("is not resumed with another file or options", async () => {
    const path = file("jsonl", `${lines(3).join("\n")}\nno JSON\n`);
    expect((await importing(path)).code).toBe(1);
    expect((await importing(path, "--scope", "x")).err).toContain("other options");
    const elsewhere = await run(["user", "import", path], { env: { POSTERN_URL: "http://127.0.0.1:9", POSTERN_TOKEN: "a.b.c" } });
    expect(elsewhere).toMatchObject({ code: 1, err: expect.stringContaining("another deployment") });
    truncateSync(`${path}.rejects`, 3);
    expect((await importing(path)).err).toContain("shorter");
    appendFileSync(path, `${lines(1)[0]}\n`);
    expect((await importing(path)).err).toContain("changed");
    const anew = await importing(path, "--restart");
    expect(JSON.parse(anew.out)).toMatchObject({ created: 1, existing: 3, refused: 1 });
  });

  test("writes over no file that is not its own", async () => {
    const path = file("jsonl", `${lines(1)[0]}\n`);
    const other = file("txt", "kept\n");
    expect((await importing(path, "--journal", path, "--restart")).code).toBe(2);
    expect((await importing(path, "--journal", other, "--restart")).err).toContain("not the journal");
    expect(readFileSync(other, "utf8")).toBe("kept\n");
    expect(readFileSync(path, "utf8")).not.toBe("");
  });

  // The message says how to go on.
  test("waits for Retry-After, repeats, then gives up with 3", async () => {
    let asked = 0;
    const times: number[] = [];
    const server = createServer(async (request, response) => {
      const parts: Buffer[] = [];
      for await (const part of request) parts.push(part as Buffer);
      asked += 1;
      times.push(performance.now());
      if (asked <= 2) {
        response.writeHead(asked === 1 ? 429 : 503, { "retry-after": "1", "content-type": "application/problem+json" });
        return response.end(JSON.stringify({ code: "unavailable", title: "A component of the service failed; try again" }));
      }
      const answer = await fetch(`${worker().url}${request.url}`, {
        method: "POST",
        headers: { authorization: String(request.headers.authorization), "content-type": "application/json" },
        body: Buffer.concat(parts),
      });
      response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const { env } = await surroundings();
    const at = { env: { ...env, POSTERN_URL: `http://127.0.0.1:${port}` } };
    const path = file("jsonl", lines(2).join("\n"));
    const given = await run(["user", "import", path, "--retries", "1"], at);
    expect(given.code).toBe(3);
    expect(given.err).toContain("repeat the same command to continue");
    const ended = await run(["--json", "user", "import", path], at);
    server.close();
    expect(JSON.parse(ended.out)).toMatchObject({ rows: 2, created: 2 });
    expect(times[1]! - times[0]!).toBeGreaterThan(990);
  });
});
