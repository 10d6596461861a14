// Users from elsewhere: what becomes of each row, and of a batch that is sent again.
import { randomBytes, scryptSync } from "node:crypto";
import { describe, expect, test } from "vitest";
import { bearer, expectProblem, json, post, signIn, type Tokens } from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { eventually } from "./support/poll.ts";
import { shared, start } from "./support/postern.ts";

const postern = shared(() => ({ vars: settings() }));

/** Of PASSWORD, by Python's `bcrypt` and `argon2-cffi`. */
const BCRYPT = "$2b$04$abcdefghijklmnopqrstuu7EJV7kdjBBQxyb0HjTh9KS7.Lah/6CG";
const ARGON2 = "$argon2id$v=19$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$GpPstgPksP4nkcuC/OG49Q";
const OTHER_ARGON2 = "$argon2i$v=16$m=8,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$/NjRdoTmLr1iEnX3YnUIeg";

function scrypt(): string {
  const [salt, text] = [randomBytes(16), (bytes: Buffer) => bytes.toString("base64").replaceAll("=", "")];
  return `$scrypt$ln=10,r=8,p=1$${text(salt)}$${text(scryptSync(PASSWORD, salt, 32, { N: 1024, r: 8, p: 1 }))}`;
}

interface Row {
  status: string;
  sub?: string;
  code?: string;
  field?: string;
  detail?: string;
}

interface Imported {
  created: number;
  existing: number;
  refused: number;
  rows: Row[];
}

const admin = (): Promise<Tokens> => signIn(postern(), { login: ADMIN });
const login = (): string => `${crypto.randomUUID()}@example.com`;

const send = async (rows: unknown, tokens?: Tokens): Promise<Response> =>
  post(postern(), "/admin/users/import", { rows }, bearer((tokens ?? (await admin())).access_token));
const imported = async (rows: unknown[]): Promise<Imported> => json<Imported>(await send(rows));
const stored = (name: string) => postern().sql<Record<string, unknown>>("SELECT * FROM users WHERE login = ?", name);

describe("a batch", () => {
  test("each kind of hash signs in and becomes our own", async () => {
    const rows = [BCRYPT, BCRYPT.replace("$2b$", "$2y$"), BCRYPT.replace("$2b$", "$2a$"), ARGON2, OTHER_ARGON2, scrypt()].map((password_hash) => ({
      login: login(),
      password_hash,
    }));
    const answer = await imported(rows);
    expect(answer).toMatchObject({ created: rows.length, existing: 0, refused: 0 });
    for (const [at, row] of rows.entries()) {
      expect((await stored(row.login))[0]).toMatchObject({ password_hash: row.password_hash });
      await expectProblem(await post(postern(), "/auth/login", { login: row.login, password: `${PASSWORD}!` }), 401, "invalid_credentials");
      expect(claimsOf((await signIn(postern(), { login: row.login })).access_token)["sub"]).toBe(answer.rows[at]?.sub);
      const rehashed = async () => String((await stored(row.login))[0]?.["password_hash"]).includes("keyid=") || undefined;
      await eventually("the hash of our own", rehashed);
      await signIn(postern(), { login: row.login });
    }
  });

  test("every member arrives in the row and the access token", async () => {
    const name = login();
    const sub = crypto.randomUUID();
    const row = {
      login: ` ${name.toUpperCase()}`, password_hash: BCRYPT, sub, scopes: ["read:orders"], roles: ["head clerk"],
      tenant_id: "acme", email_verified: true, disabled: false, created_at: 1_600_000_000,
    };
    const id = Buffer.from(sub.replaceAll("-", ""), "hex").toString("base64url");
    expect((await imported([row])).rows).toEqual([{ status: "created", sub: id }]);
    expect(await stored(name)).toEqual([
      {
        account_id: id, login: name, password_hash: BCRYPT, scopes: '["read:orders"]', roles: '["head clerk"]', tenant_id: "acme",
        disabled: 0, email_verified: 1, created_at: 1_600_000_000_000, credential_version: 0,
      },
    ]);
    const claims = claimsOf((await signIn(postern(), { login: name })).access_token);
    expect(claims).toMatchObject({ sub: id, scope: "read:orders", roles: ["head clerk"], tenant_id: "acme" });
  });

  // Whatever the password.
  test("a disabled user and one without a hash cannot sign in", async () => {
    const rows = [
      { login: login(), password_hash: BCRYPT, disabled: true },
      { login: login(), password_hash: null },
    ];
    expect(await imported(rows)).toMatchObject({ created: 2 });
    for (const row of rows) {
      for (const password of [PASSWORD, "null", ""]) {
        const refused = await post(postern(), "/auth/login", { login: row.login, password });
        expect([400, 401]).toContain(refused.status);
      }
    }
  });

  // Its answer was lost.
  test("a batch sent again doubles and changes nothing", async () => {
    const rows = Array.from({ length: 500 }, () => ({ login: login(), password_hash: BCRYPT, scopes: ["read:orders"] }));
    const first = await imported(rows);
    expect(first).toMatchObject({ created: 500, existing: 0, refused: 0 });
    const again = await Promise.all([imported(rows), imported(rows)]);
    for (const answer of again) {
      expect(answer).toMatchObject({ created: 0, existing: 500, refused: 0 });
      expect(answer.rows.map(({ sub }) => sub)).toEqual(first.rows.map(({ sub }) => sub));
    }
    // After a sign-in, which makes the hash anew, and with other grants: still the same row, and nothing of it is taken over.
    const [row] = rows;
    await signIn(postern(), { login: row!.login });
    await eventually("the hash of our own", async () => String((await stored(row!.login))[0]?.["password_hash"]).includes("keyid=") || undefined);
    const [before] = await stored(row!.login);
    expect(await imported([{ ...row, scopes: ["write:orders"], disabled: true }])).toMatchObject({ existing: 1 });
    expect((await stored(row!.login))[0]).toEqual(before);
  });

  test("the same batch twice at once makes each user once", async () => {
    const rows = Array.from({ length: 100 }, () => ({ login: login(), password_hash: ARGON2 }));
    const answers = await Promise.all([imported(rows), imported(rows), imported(rows)]);
    expect(answers.map(({ created }) => created).reduce((sum, count) => sum + count)).toBe(100);
    expect(answers.map(({ existing }) => existing).reduce((sum, count) => sum + count)).toBe(200);
    const ids = answers.map(({ rows }) => rows.map(({ sub }) => sub));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
  });

  // The others are made, and no hash is repeated.
  test("a wrong row is reported by code and member", async () => {
    const [sound, taken] = [login(), login()];
    const sub = crypto.randomUUID();
    await imported([{ login: taken, password_hash: BCRYPT, sub }]);
    const secret = "5f4dcc3b5aa765d61d8327deb882cf99";
    const hash = (password_hash: unknown) => ({ login: login(), password_hash });
    const cases: [unknown, string, string?][] = [
      [[sound], "not_an_object"],
      [{ ...hash(BCRYPT), password: PASSWORD }, "unknown_member", "password"],
      [{ password_hash: BCRYPT }, "missing_member", "login"],
      [{ login: login() }, "missing_member", "password_hash"],
      [{ login: "a\u200bb", password_hash: BCRYPT }, "invalid_login", "login"],
      [hash(secret), "invalid_hash", "password_hash"],
      [hash(BCRYPT.replace("$04$", "$15$")), "hash_too_costly", "password_hash"],
      [hash(ARGON2.replace("m=8", "m=1048576")), "hash_too_costly", "password_hash"],
      [hash(ARGON2.replace("p=1", "p=1,keyid=CQ")), "hash_of_unknown_master", "password_hash"],
      [{ ...hash(BCRYPT), scopes: ["postern:admin"] }, "admin_scope", "scopes"],
      [{ ...hash(BCRYPT), roles: "clerk" }, "invalid_member", "roles"],
      [{ ...hash(BCRYPT), created_at: 253_402_300_799 }, "invalid_member", "created_at"],
      [{ login: ALICE, password_hash: BCRYPT }, "login_taken", "login"],
      [{ login: taken, password_hash: BCRYPT }, "login_taken", "login"],
      [{ login: login(), password_hash: BCRYPT, sub }, "user_id_taken", "sub"],
      // Twice in one batch, with two passwords: one of the two people would be lost unseen.
      [{ login: sound.toUpperCase(), password_hash: ARGON2 }, "login_taken", "login"],
    ];
    const response = await send([{ login: sound, password_hash: BCRYPT }, ...cases.map(([row]) => row)]);
    const text = await response.clone().text();
    const answer = await json<Imported>(response);
    expect(answer).toMatchObject({ created: 1, existing: 0, refused: cases.length });
    expect(answer.rows[0]?.status).toBe("created");
    expect(answer.rows.slice(1).map(({ status, code, field }) => [status, code, field])).toEqual(cases.map(([, code, field]) => ["refused", code, field]));
    for (const part of [secret, "abcdefghijklmnopqrstuu", "MDEyMzQ1Njc4OWFiY2RlZg"]) {
      expect(text).not.toContain(part);
      expect(postern().logs.join("\n")).not.toContain(part);
    }
  });

  test("an import cannot take over an existing account", async () => {
    const [before] = await stored(ALICE);
    const rows = [
      { login: ALICE, password_hash: ARGON2, scopes: ["other"] },
      { login: ALICE, password_hash: ARGON2, sub: claimsOf((await signIn(postern())).access_token)["sub"] },
      { login: login(), password_hash: ARGON2, sub: claimsOf((await signIn(postern())).access_token)["sub"] },
    ];
    expect((await imported(rows)).rows.map(({ code, status }) => code ?? status)).toEqual(["login_taken", "existing", "user_id_taken"]);
    expect((await stored(ALICE))[0]).toEqual(before);
  });

  // Its event counts.
  test("it is in the audit log before it is done", async () => {
    const tokens = await admin();
    await json(await send([{ login: login(), password_hash: BCRYPT }, {}, {}, {}, {}, {}, {}], tokens));
    const { entries } = await json<{ entries: unknown[] }>(await postern().fetch("/admin/audit?limit=200", { headers: bearer(tokens.access_token) }));
    const own = entries.map((entry) => JSON.stringify(entry)).filter((entry) => entry.includes('"users_import"') && entry.includes('"7 rows"'));
    expect(own.map((entry) => /"result":"(\w+)"/.exec(entry)?.[1])).toEqual(["requested", "done"]);
    await postern().logged(/"users_imported","created":1,"existing":0,"invalid":6/);
  });
});

describe("who and what is refused", () => {
  test("no ordinary user, and nobody without a token", async () => {
    await expectProblem(await send([{ login: login(), password_hash: BCRYPT }], await signIn(postern())), 403, "insufficient_scope");
    await expectProblem(await post(postern(), "/admin/users/import", { rows: [] }), 401, "credentials_required");
  });

  test("a batch that is none, is empty, or has too many rows", async () => {
    for (const rows of [{}, "rows", [], Array.from({ length: 501 }, () => ({}))]) {
      await expectProblem(await send(rows), 400, "invalid_member");
    }
    await expectProblem(await post(postern(), "/admin/users/import", {}, bearer((await admin()).access_token)), 400, "missing_member");
  });

  test("a batch with more text than the database takes at once", async () => {
    // As many roles as still fit into an access token.
    const roles = Array.from({ length: 30 }, (_, at) => `${at}`.padEnd(128, "r"));
    const rows = Array.from({ length: 64 }, () => ({ login: login(), password_hash: BCRYPT, roles }));
    expect(await imported(rows)).toMatchObject({ created: 64 });
    expect((await stored(rows[63]!.login))[0]?.["roles"]).toBe(JSON.stringify(roles));
  });

  test("users that are kept elsewhere cannot be imported", async () => {
    const other = await start({
      vars: settings({ POSTERN_IDENTITY: { service: "USERS", issuer: "https://users.example.com" } }),
      services: { USERS: () => new Response(JSON.stringify({ subject: "boss", scopes: ["postern:admin"] })) as never },
    });
    try {
      const { access_token } = await signIn(other);
      await expectProblem(await post(other, "/admin/users/import", { rows: [{}] }, bearer(access_token)), 404, "not_offered");
    } finally {
      await other.dispose();
    }
  });

  // The batch can be sent again.
  test("a failing store answers 503 with Retry-After", async () => {
    const own = await start({ vars: settings() });
    try {
      const { access_token } = await signIn(own, { login: ADMIN });
      const rows = [{ login: login(), password_hash: BCRYPT }];
      await own.sql("ALTER TABLE users RENAME TO elsewhere");
      const failed = await post(own, "/admin/users/import", { rows }, bearer(access_token));
      expect(Number(failed.headers.get("retry-after"))).toBeGreaterThan(0);
      await expectProblem(failed, 503, "unavailable");
      await own.sql("ALTER TABLE elsewhere RENAME TO users");
      const answer = await post(own, "/admin/users/import", { rows }, bearer(access_token));
      expect(await json<Imported>(answer)).toMatchObject({ created: 1 });
    } finally {
      await own.dispose();
    }
  });
});
