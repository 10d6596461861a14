// What an operator does with `postern`, against a real Worker.
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { afterAll, describe, expect, test } from "vitest";
import { expectProblem, json, post, refresh, signIn, type Tokens } from "../worker/support/client.ts";
import { ADMIN, ALICE, AUDIENCE, OWN_ISSUER, PASSWORD, settings } from "../worker/support/config.ts";
import { Issuer, issuerKey } from "../worker/support/issuer.ts";
import { claimsOf, headerOf } from "../worker/support/jwt.ts";
import { shared, start } from "../worker/support/postern.ts";
import { answer, postern as run, shell, type Run, type Surroundings } from "./program.ts";

const worker = shared(() => ({ vars: settings({ POSTERN_JWKS: { soft_age: 1 } }) }));
const home = mkdtempSync(join(tmpdir(), "postern-cli-"));
afterAll(() => rmSync(home, { recursive: true }));

const sessionFile = join(home, "state/session.json");
const at = (more: Record<string, string> = {}): Surroundings => ({
  env: { POSTERN_URL: worker().url, POSTERN_SESSION_FILE: sessionFile, ...more },
});

interface Finding {
  check: string;
  status: string;
  detail: string;
}

/** Whether a text holds a part that could be used: any of these, or a signature. */
function expectNoSecretIn({ out, err }: Run, ...secrets: string[]): void {
  for (const secret of secrets) expect(out + err).not.toContain(secret);
}

describe("without a sign-in", () => {
  test("a command says how to sign in, and ends with 4", async () => {
    const ended = await run(["key", "list"], at());
    expect(ended).toMatchObject({ code: 4, out: "" });
    expect(ended.err).toContain("postern login");
  });

  test("a wrong password ends with 4 and stands nowhere", async () => {
    const ended = await run(["login", "--login", ADMIN], { ...at(), input: "wrong horse battery\n" });
    expect(ended.code).toBe(4);
    expectNoSecretIn(ended, "wrong horse battery");
    expect(existsSync(sessionFile)).toBe(false);
  });

  // The message names what to look at.
  test("an unreachable deployment ends with 3", async () => {
    const ended = await run(["doctor"], { env: { POSTERN_URL: "http://127.0.0.1:9" } });
    expect(ended.code).toBe(3);
    expect(ended.err).toContain("POSTERN_URL");
  });

  test("a token never goes over plain HTTP to another machine", async () => {
    const ended = await run(["key", "list"], { env: { POSTERN_URL: "http://auth.example.com", POSTERN_TOKEN: "a.b.c" } });
    expect(ended.code).toBe(2);
    expect(ended.err).toContain("https");
  });

  test("what the command line cannot mean ends with 2", async () => {
    for (const args of [["key", "rotat"], ["key"], ["session", "revoke", "u"], ["key", "revoke", "../keys"]]) {
      expect((await run(args, at({ POSTERN_TOKEN: "a.b.c" }))).code, args.join(" ")).toBe(2);
    }
  });

  // For every command that prints.
  test("a closed pipe is an end and a full disk a failure", async () => {
    for (const args of ["completions bash", "--help", "help user", "init config --issuer https://a.example --output /dev/null"]) {
      const ended = await shell(`"$POSTERN" ${args} | head -c 1; echo " \${PIPESTATUS[0]}"`);
      expect(ended.err, args).not.toContain("panicked");
      if (!args.startsWith("init")) expect(ended.out, args).toMatch(/^. 0\n$/);
    }
    if (!existsSync("/dev/full")) return;
    const full = await shell('"$POSTERN" completions bash > /dev/full; echo $?');
    expect(full.out).toBe("1\n");
    expect(full.err).toContain("could not be written");
  });

  test.for(["bash", "zsh", "fish", "powershell", "elvish"])("completions for %s are written", async (shell) => {
    const ended = await run(["completions", shell]);
    expect(ended.code).toBe(0);
    expect(ended.out).toContain("rotate");
  });
});

describe("signed in", () => {
  // It serves later commands and ends with the session.
  test("the sign-in is kept for its owner alone", async () => {
    const ended = await run(["login", "--login", ADMIN], { ...at(), input: `${PASSWORD}\n` });
    expect(ended).toMatchObject({ code: 0, err: "" });
    const kept = JSON.parse(readFileSync(sessionFile, "utf8")) as { sign_ins: Record<string, { refresh_token: string; access_token: string; expires_at: number }> };
    const { refresh_token, access_token } = kept.sign_ins[worker().url]!;
    worker().secrets.add(refresh_token);
    expectNoSecretIn(ended, refresh_token, access_token, PASSWORD);
    expect(statSync(sessionFile).mode & 0o777).toBe(0o600);

    const { keys } = await answer<{ keys: { state: string }[] }>(["key", "list"], at());
    expect(keys.map(({ state }) => state).sort()).toEqual(["active", "published"]);

    const left = await run(["logout"], at());
    expect(left.code).toBe(0);
    await expectProblem(await refresh(worker(), refresh_token), 401, "invalid_grant");
    expect(readFileSync(sessionFile, "utf8")).not.toContain(refresh_token);
  });

  // By several commands at once too.
  test("an access token about to expire is renewed", async () => {
    await run(["login", "--login", ADMIN], { ...at(), input: `${PASSWORD}\n` });
    const { writeFileSync } = await import("node:fs");
    const kept = JSON.parse(readFileSync(sessionFile, "utf8"));
    const before = kept.sign_ins[worker().url].refresh_token;
    kept.sign_ins[worker().url].expires_at = 0;
    writeFileSync(sessionFile, JSON.stringify(kept));
    const ended = await Promise.all(Array.from({ length: 4 }, () => run(["key", "list"], at())));
    expect(ended.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(JSON.parse(readFileSync(sessionFile, "utf8")).sign_ins[worker().url].refresh_token).not.toBe(before);
  });

  test("a user who is no administrator is told so", async () => {
    const { access_token } = await signIn(worker(), { login: ALICE });
    const ended = await run(["key", "list"], at({ POSTERN_TOKEN: access_token }));
    expect(ended.code).toBe(4);
    expect(ended.err).toContain("postern:admin");
    const program = await run(["--json", "key", "list"], at({ POSTERN_TOKEN: access_token }));
    expect(JSON.parse(program.err)).toMatchObject({ error: { code: "insufficient_scope", exit: 4 } });
  });
});

describe("sessions", () => {
  test("a user's sessions are listed and ended, one and all", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const [one, two] = [await signIn(worker(), { device_name: "bad\u001b[2Jdevice" }), await signIn(worker())];
    const user = String(claimsOf(one.access_token)["sub"]);
    const listed = await run(["session", "list", user], env);
    expect(listed.out).toContain(one.session_id);
    expect(listed.out).not.toContain("\u001b");
    expect((await run(["session", "revoke", user, one.session_id], env)).code).toBe(0);
    await expectProblem(await refresh(worker(), one.refresh_token), 401, "invalid_grant");
    const again = await run(["session", "revoke", user, one.session_id], env);
    expect(again.code).toBe(1);
    expect(again.err).toContain("[session_not_found]");
    expect((await run(["session", "revoke", user, "--all"], env)).code).toBe(0);
    await expectProblem(await refresh(worker(), two.refresh_token), 401, "invalid_grant");
    expect(await answer<{ sessions: unknown[] }>(["session", "list", user], env)).toEqual({ sessions: [] });
  });
});

describe("revoking", () => {
  // It says when the gate refuses it.
  test("each kind has its command and its time until refusal", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const [one, two] = [await signIn(worker()), await signIn(worker())];
    const ended = await run(["revoke", "session", ALICE, one.session_id], env);
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(ended.out).toContain("from the next request on");
    await expectProblem(await refresh(worker(), one.refresh_token), 401, "invalid_grant");
    const token = await answer<{ kind: string }>(["revoke", "token", String(claimsOf(two.access_token)["jti"])], env);
    expect(token).toMatchObject({ status: "revoked", kind: "access_token" });
    expect(await answer(["revoke", "subject", ALICE], env)).toMatchObject({ kind: "subject", sessions_ended: 1 });
    await expectProblem(await refresh(worker(), two.refresh_token), 401, "invalid_grant");
    expect(await answer(["revoke", "client", "other-app", "--not-before", "1700000000"], env)).toMatchObject({ kind: "client", known: false });
    for (const [args, code] of [
      [["revoke", "session", one.session_id], 2],
      [["revoke", "token", "x", "--expires-at", "1"], 2],
      [["revoke", "subject", "s", "--issuer", "https://unknown.example"], 1],
      [["revoke", "key", "unknown"], 1],
      [["revoke", "token", "zzz"], 2],
    ] as const) {
      expect((await run([...args], env)).code, args.join(" ")).toBe(code);
    }
  });
});

describe("what does not exist", () => {
  test("is said to be unknown by whatever revokes, ends or lists", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const nobody = "AAECAwQFBgcICQoLDA0ODw";
    for (const [args, told] of [
      [["revoke", "client", "first-partyy"], /POSTERN_CLIENTS does not contain this client.*revoked nevertheless/],
      [["revoke", "token", nobody], /access tokens are not stored/],
      [["revoke", "session", ALICE, nobody], /no live session has this id/],
      [["revoke", "subject", nobody], /no user has the id/],
      [["session", "revoke", nobody, "--all"], /no user has the id/],
      [["session", "list", nobody], /no user has the id/],
      [["user", "unlock", "nobodyy@example.com"], /no user has the login/],
      [["throttle", "show", "--login", "nobodyy@example.com"], /no user has the login/],
    ] as const) {
      const ended = await run([...args], env);
      expect(ended, args.join(" ")).toMatchObject({ code: 0, err: "" });
      expect(ended.out, args.join(" ")).toMatch(told);
    }
  });

  test("lists say that there is more, and only then", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const { users } = await answer<{ users: unknown[] }>(["user", "list"], env);
    const whole = await run(["user", "list", "--limit", String(users.length)], env);
    expect(whole.out).not.toContain("there are more");
    const part = await run(["user", "list", "--limit", String(users.length - 1)], env);
    expect(part.out).toContain("there are more users");
    expect((await run(["user", "list", "--limit", "0"], env)).code).toBe(2);
  });
});

describe("users", () => {
  test("a user is made, shown, changed, disabled, enabled and erased", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const login = `${crypto.randomUUID()}@example.com`;
    const added = await run(["user", "add", login, "--scope", "read:orders", "--role", "clerk", "--tenant", "acme"], { ...env, input: `${PASSWORD}\n` });
    expect(added).toMatchObject({ code: 0, err: "" });
    expectNoSecretIn(added, PASSWORD);
    const tokens = await signIn(worker(), { login });
    expect(claimsOf(tokens.access_token)).toMatchObject({ scope: "read:orders", roles: ["clerk"], tenant_id: "acme" });
    expect((await run(["user", "show", login], env)).out).toContain(String(claimsOf(tokens.access_token)["sub"]));
    expect((await run(["session", "list", login], env)).out).toContain(tokens.session_id);
    const granted = await run(["user", "grant", login, "--scope", "refund"], env);
    expect(granted).toMatchObject({ code: 0, out: `added: scope refund\n${login} now has: scope read:orders, scope refund, role clerk, tenant acme\n` });
    // Whoever is granted more keeps the session, and all that was there before.
    const next = (await json<Tokens>(await refresh(worker(), tokens.refresh_token))).refresh_token!;
    const taken = await run(["user", "ungrant", login, "--scope", "read:orders"], env);
    expect(taken.out).toContain("taken away: scope read:orders\n");
    await expectProblem(await refresh(worker(), next), 401, "invalid_grant");
    expect((await run(["user", "ungrant", login], env)).code).toBe(2);
    const set = await run(["user", "set-grants", login, "--scope", "write:orders"], env);
    expect(set.out).toBe(`added: scope write:orders\ntaken away: scope refund, role clerk, tenant acme\n${login} now has: scope write:orders\n`);
    expect((await run(["user", "disable", login], env)).out).toContain("disabled");
    expect((await run(["user", "list", "--search", login], env)).out).toContain("true");
    expect((await run(["user", "enable", login], env)).code).toBe(0);
    expect((await signIn(worker(), { login })).scope).toBe("write:orders");
    expect((await run(["user", "erase", login], env)).code).toBe(2);
    expect((await run(["user", "erase", login, "--yes"], env)).code).toBe(0);
    const gone = await run(["user", "show", login], env);
    expect(gone.code).toBe(1);
    expect(gone.err).toContain("does not exist");
  });

  test("an administrator cannot disable himself", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const ended = await run(["user", "disable", ADMIN], env);
    expect(ended.code).toBe(1);
    expect(ended.err).toContain("[own_account]");
  });
});

describe("limits and locks", () => {
  // Strangers locked it. By its login or its id.
  test("a locked account is shown and unlocked", async () => {
    const limits = { account_lock: { delay_after: 1000, lock_after: 2, locks: [600] } };
    const own = await start({ vars: settings({ POSTERN_LIMITS: limits, POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } }) });
    try {
      const admin = await signIn(own, { login: ADMIN });
      const env = { env: { POSTERN_URL: own.url, POSTERN_TOKEN: admin.access_token } };
      const alice = String(claimsOf((await signIn(own)).access_token)["sub"]);
      const guess = () => post(own, "/auth/login", { login: ALICE, password: "a wrong guess" });
      for (const name of [ALICE, alice]) {
        for (let n = 0; n < 2; n += 1) await expectProblem(await guess(), 401, "invalid_credentials");
        const shown = await run(["throttle", "show", "--login", ALICE], env);
        expect(shown).toMatchObject({ code: 0, err: "" });
        expect(shown.out).toMatch(/account: 2 failures/);
        expect(shown.out).toMatch(/account: LOCKED, unlocks in (10 min|9 min)/);
        expect((await run(["user", "unlock", name], env)).out).toContain("limits and lockouts of");
        expect((await run(["throttle", "show", "--login", ALICE], env)).out).toContain("there are no limits");
        await signIn(own);
      }
      expect((await run(["throttle", "show", "--ip", "127.0.0.1"], env)).out).toMatch(/ip: login limit: \d+ left/);
      expect((await run(["throttle", "clear", "--ip", "127.0.0.1"], env)).code).toBe(0);
      expect((await run(["throttle", "clear"], env)).code).toBe(2);
      expect((await run(["throttle", "show", "--ip", "a place"], env)).code).toBe(2);
    } finally {
      await own.dispose();
    }
  });
});

describe("token inspect", () => {
  // With the deployment's keys, and without its signature.
  test("a good token is verified and shown", async () => {
    const { access_token } = await signIn(worker());
    const ended = await run(["token", "inspect", "--audience", AUDIENCE, "--issuer", OWN_ISSUER], { ...at(), input: `Bearer ${access_token}\n` });
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(ended.out).toContain("sound: the signature, the issuer, the audience and the times are valid");
    expect(ended.out).toContain("in 9 min");
    expectNoSecretIn(ended, access_token.split(".")[2]!);
  });

  // And with what to do.
  test("a refused one ends with 1 and the gate's code", async () => {
    const { access_token } = await signIn(worker());
    const [header, claims, signature] = access_token.split(".") as [string, string, string];
    const altered = `${header}.${claims}.${signature.startsWith("A") ? "B" : "A"}${signature.slice(1)}`;
    const code = async (token: string, ...args: string[]) => {
      const ended = await run(["--json", "token", "inspect", ...args], { ...at(), input: token });
      expect(ended.code).toBe(1);
      return (JSON.parse(ended.out) as { code: string }).code;
    };
    expect(await code(altered)).toBe("bad_signature");
    expect(await code(access_token, "--audience", "https://other.example")).toBe("wrong_audience");
    expect(await code(access_token, "--issuer", "https://other.example")).toBe("wrong_issuer");
    expect(await code(`${header}.${claims}`)).toBe("not_three_parts");
  });

  test("a refresh token is not taken for one", async () => {
    const { refresh_token } = await signIn(worker());
    const ended = await run(["token", "inspect"], { ...at(), input: refresh_token });
    expect(ended.code).toBe(2);
    expectNoSecretIn(ended, refresh_token);
  });
});

describe("keys", () => {
  // inspect says why; sessions go on.
  test("emergency: a revoked key's tokens are refused", async () => {
    const alice = await signIn(worker());
    const kid = headerOf(alice.access_token)["kid"] as string;
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const ended = await run(["key", "revoke", kid], env);
    expect(ended).toMatchObject({ code: 0, err: "" });
    expect(ended.out).toContain("is revoked");
    expect((await worker().fetch("/api/orders", { headers: { authorization: `Bearer ${alice.access_token}` } })).status).toBe(401);
    const inspected = await run(["--json", "token", "inspect"], { ...at(), input: alice.access_token });
    expect(JSON.parse(inspected.out)).toMatchObject({ verdict: "refused", code: "unknown_key" });
    await json(await refresh(worker(), alice.refresh_token));
    // The administrator's own token was signed with it too.
    const own = await run(["key", "list"], env);
    expect(own.code).toBe(4);
    expect(own.err).toContain("`postern login`, then repeat the command");
  });

  test("a rotation before its time says when, and --force does it", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const early = await run(["key", "rotate"], env);
    expect(early.code).toBe(1);
    expect(early.err).toMatch(/try again in \d+ s/);
    expect((await run(["key", "rotate", "--force", "--algorithm", "EdDSA"], env)).out).toMatch(/signs now/);
    expect(headerOf((await signIn(worker())).access_token)["alg"]).toBe("EdDSA");
    expect((await run(["key", "rotate", "--algorithm", "HS256"], env)).code).toBe(1);
  });
});

describe("doctor", () => {
  // For an administrator, with the ages of its keys.
  test("finds a sound deployment sound", async () => {
    const env = at({ POSTERN_TOKEN: (await signIn(worker(), { login: ADMIN })).access_token });
    const { sound, checks } = await answer<{ sound: boolean; checks: Finding[] }>(["doctor"], env);
    expect(checks.filter(({ status }) => status === "wrong")).toEqual([]);
    expect(sound).toBe(true);
    expect(checks.map(({ check }) => check)).toEqual(expect.arrayContaining(["clocks", "key set", "cookie flags", "CORS", "signing key"]));
  });

  // And says what is wrong there.
  test("looks for each issuer's keys as the gate does", async () => {
    const [ec, rsa] = [await issuerKey("ES256", "a"), await issuerKey("RS256", "b")];
    const [good, other, moved] = await Promise.all([Issuer.start([ec]), Issuer.start([rsa]), Issuer.start([ec])]);
    moved.documents.set("/.well-known/openid-configuration", { issuer: "https://somebody.example", jwks_uri: moved.jwksUri });
    try {
      const trusted = [good.setting(), { ...other.setting(), algorithms: ["ES256"] }, { issuer: moved.iss, audiences: ["a"] }, { issuer: "http://127.0.0.1:9", jwks_uri: "http://127.0.0.1:9/jwks", audiences: ["a"] }];
      const path = join(home, "doctor.toml");
      writeFileSync(path, stringify({ vars: { POSTERN_PROFILE: "local", POSTERN_ISSUER: "http://localhost:8787", POSTERN_ISSUERS: trusted } }));
      const { access_token } = await signIn(worker(), { login: ADMIN });
      const ended = await run(["--json", "doctor", "--settings", path], at({ POSTERN_TOKEN: access_token }));
      expect(ended.code).toBe(1);
      const { checks } = JSON.parse(ended.out) as { checks: Finding[] };
      const told = (issuer: string) => checks.filter(({ detail }) => detail.startsWith(issuer)).map(({ check, status }) => `${check} ${status}`);
      expect(told(good.iss)).toEqual(["issuer keys good", "issuer clock good", "issuer key age skipped"]);
      expect(told(other.iss)).toEqual(["issuer keys wrong", "issuer clock good", "issuer key age skipped"]);
      expect(told(moved.iss)).toEqual(["issuer keys wrong", "issuer key age skipped"]);
      expect(told("http://127.0.0.1:9:")).toEqual(["issuer keys wrong", "issuer key age skipped"]);
      expect(checks.find(({ detail }) => detail.startsWith(moved.iss))?.detail).toContain("another issuer");
      expectNoSecretIn(ended, access_token);
    } finally {
      await Promise.all([good, other, moved].map((issuer) => issuer.stop()));
    }
  });

  test("finds a misconfigured one wrong, and ends with 1", async () => {
    const broken = await start({ vars: settings({ POSTERN_LEEWAY: 9000 }) });
    try {
      const ended = await run(["doctor"], { env: { POSTERN_URL: broken.url } });
      expect(ended.code).toBe(1);
      expect(ended.out).toContain("wrangler tail");
    } finally {
      await broken.dispose();
    }
  });

  test("finds what does not come from Postern wrong", async () => {
    const { createServer } = await import("node:http");
    const server = createServer((_, response) => response.setHeader("date", "Mon, 01 Jan 2024 00:00:00 GMT").end("{}"));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const ended = await run(["--json", "doctor"], { env: { POSTERN_URL: `http://127.0.0.1:${port}` } });
    server.close();
    expect(ended.code).toBe(1);
    const wrong = (JSON.parse(ended.out) as { checks: Finding[] }).checks.filter(({ status }) => status === "wrong");
    expect(wrong.map(({ check }) => check)).toEqual(expect.arrayContaining(["clocks", "security headers", "key set", "challenge", "errors"]));
  });
});

describe("init", () => {
  // Secrets are for the owner alone.
  test("writes settings once that Postern takes", async () => {
    const args = ["init", "config", "--issuer", "https://auth.example.com", "--audience", "https://api.example.com"];
    const ended = await run(args, { cwd: home });
    expect(ended).toMatchObject({ code: 0, err: "" });
    const { parse } = await import("smol-toml");
    const toml = parse(readFileSync(join(home, "wrangler.production.toml"), "utf8")) as Record<string, unknown>;
    expect(toml).toMatchObject({ name: "postern", vars: { POSTERN_ISSUER: "https://auth.example.com", POSTERN_AUDIENCE: "https://api.example.com" } });
    const secrets = join(home, ".dev.vars");
    expect(statSync(secrets).mode & 0o777).toBe(0o600);
    const key = /POSTERN_MASTER_KEY="([\w-]{43})"/.exec(readFileSync(secrets, "utf8"))?.[1];
    expectNoSecretIn(ended, key!);
    expect((await run(args, { cwd: home })).code).toBe(1);
    const mistaken = await run(["init", "config", "--issuer", "http://auth.example.com/", "--output", "x.toml"], { cwd: home });
    expect(mistaken.code).toBe(2);
    expect(mistaken.err).toContain("POSTERN_ISSUER");
  });

  test("the first administrator's SQL makes one who can sign in", async () => {
    const key = (await run(["init", "master-key"])).out.trim();
    const own = await start({ vars: settings({ POSTERN_MASTER_KEY: key }) });
    try {
      const login = "o'brien@example.com";
      const made = await run(["init", "admin", "--login", login], { env: { POSTERN_MASTER_KEY: key }, input: "a password of mine\n" });
      expect(made).toMatchObject({ code: 0, err: "" });
      expectNoSecretIn(made, "a password of mine", key);
      await own.sql(made.out.trim().replace(/;$/, ""));
      const env = { POSTERN_URL: own.url, POSTERN_SESSION_FILE: join(home, "first.json") };
      expect((await run(["login", "--login", login], { env, input: "a password of mine\n" })).out).not.toContain("but ");
      expect((await run(["key", "list"], { env })).code).toBe(0);
    } finally {
      await own.dispose();
    }
  });
});
