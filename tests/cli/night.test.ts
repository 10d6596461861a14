// What is looked at first at three in the morning: cost, doctor, tail, beside a running Worker. With what each says when something
// is not as it should be.
import { execFileSync } from "node:child_process";
import { chmodSync, createWriteStream, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { post, signIn } from "../worker/support/client.ts";
import { ADMIN, ALICE, OWN_ISSUER, PASSWORD, settings } from "../worker/support/config.ts";
import { eventually } from "../worker/support/poll.ts";
import { shared } from "../worker/support/postern.ts";
import { answer, begin, postern as run, type Surroundings } from "./program.ts";

const worker = shared(() => ({ vars: settings() }));
const home = mkdtempSync(join(tmpdir(), "postern-night-"));
afterAll(() => rmSync(home, { recursive: true }));

let token = "";
beforeAll(async () => {
  token = (await signIn(worker(), { login: ADMIN })).access_token;
});

const at = (env: Record<string, string> = {}): Surroundings => ({
  env: { POSTERN_URL: worker().url, POSTERN_SESSION_FILE: join(home, "session.json"), POSTERN_TOKEN: token, ...env },
});

/** What `npx` is for a command: a line of sh, which has the words as "$@". */
function npx(name: string, line: string): string {
  const folder = join(home, name);
  mkdirSync(folder);
  writeFileSync(join(folder, "npx"), `#!/bin/sh\n${line}\n`);
  chmodSync(join(folder, "npx"), 0o755);
  return `${folder}:${process.env["PATH"]}`;
}

describe("cost", () => {
  test("a deployment of this minute is reckoned from its minute", async () => {
    const { code, out } = await run(["cost"], at());
    expect(code).toBe(0);
    expect(out).toMatch(/^Worker requests {2,}\d+ /m);
    expect(out).toMatch(/^Free plan: the first limit is /m);
    expect(out).toMatch(/^Less than a day was counted, which is no measure of a month\. .*\nCounted for /m);
    const { counted_seconds, lines } = await answer<{ counted_seconds: number; lines: { item: string; month: number }[] }>(["cost"], at());
    expect(counted_seconds).toBeLessThan(120);
    expect(lines.find(({ item }) => item === "requests")?.month).toBeGreaterThan(0);
  });

  test("a history without a count costs the plan", async () => {
    const server = createServer((_, response) => response.setHeader("content-type", "application/json").end('{"counted_since":null,"counts":{},"latency":{}}'));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const empty = at({ POSTERN_URL: `http://127.0.0.1:${port}` });
    expect(await run(["cost"], empty)).toMatchObject({ code: 0, out: "nothing was counted yet: repeat it after some requests\n" });
    expect(await answer(["cost"], empty)).toMatchObject({ counted_seconds: 0, month_dollars: "5.000000", first_limit: { free: null, paid: null } });
    server.close();
  });

  test("a wrong token ends with 4, no answer with 3", async () => {
    const refused = await run(["cost"], at({ POSTERN_TOKEN: "a.b.c" }));
    expect(refused).toMatchObject({ code: 4, out: "" });
    expect(refused.err).toMatch(/Run `postern login`, then repeat the command \[invalid_token\]\n$/);
    const away = await run(["cost"], at({ POSTERN_URL: "http://127.0.0.1:9" }));
    expect(away).toMatchObject({ code: 3, out: "" });
    expect(away.err).toContain("http://127.0.0.1:9 could not be reached");
  });
});

describe("doctor --upgrade", () => {
  const file = join(home, "wrangler.production.toml");
  const vars = { POSTERN_PROFILE: "local", POSTERN_ISSUER: OWN_ISSUER, POSTERN_AUDIENCE: "https://api.example.com" };
  beforeAll(() => writeFileSync(file, stringify({ name: "postern", env: { staging: { vars } }, vars })));
  const look = (env: Record<string, string>, ...more: string[]) => run(["doctor", "--upgrade", "--settings", file, ...more], at(env));
  const commands = `d1 migrations list DB --remote -c ${file}`;

  test("says the version, the migrations, and the way back", async () => {
    const { code, out } = await look({ PATH: npx("pending", `[ "$*" = "wrangler ${commands} --env staging" ] && echo "│ 0002_clients.sql │"`) }, "--env", "staging");
    // The file lacks bindings.
    expect([code, out]).toEqual([1, expect.stringContaining("good     version: ")]);
    expect(out).toMatch(/^warning {2}migrations: pending: 0002_clients\.sql$/m);
    expect(out).toContain(`-> before the deployment: \`npx wrangler d1 migrations apply DB --remote -c ${file} --env staging\``);
    expect(out).toMatch(/^good {5}way back: /m);
    expect(out).toMatch(/^\d+ wrong, \d+ warnings, \d+ good$/m);
  });

  test("says what it could not look at, and why", async () => {
    const { out } = await look({ POSTERN_TOKEN: "a.b.c", PATH: npx("absent", "echo 'You must be logged in' >&2; exit 1") });
    expect(out).toMatch(/^skipped {2}inside: the ages of the keys were not checked: The access token is not valid here.*Run `postern login`/m);
    expect(out).toMatch(/^skipped {2}version: .*takes a sign-in/m);
    expect(out).toContain(`skipped  migrations: not listed (exit status: 1); \`npx wrangler ${commands}\` does`);
  });

  test("without a settings file says how to come by one", async () => {
    const ended = await run(["doctor", "--upgrade"], { ...at(), cwd: home.replace(/[^/]+$/, "") });
    expect([ended.code, ended.err]).toEqual([2, expect.stringContaining("postern init config")]);
  });

  // The key that signed it was revoked: the sign-in itself goes on.
  test("a sign-in whose key is gone is renewed", async () => {
    const kept = at({ POSTERN_TOKEN: "" });
    expect((await run(["login", "--login", ADMIN], { ...kept, input: `${PASSWORD}\n` })).code).toBe(0);
    const { keys } = await answer<{ keys: { kid: string; state: string }[] }>(["key", "list"], kept);
    expect((await run(["key", "revoke", keys.find(({ state }) => state === "active")!.kid], kept)).code).toBe(0);
    const { code, out } = await eventually("the key is refused", async () => {
      const ended = await run(["doctor"], kept);
      return ended.out.includes("signing key") ? ended : undefined;
    });
    expect([code, out]).toEqual([0, expect.not.stringContaining("inside")]);
    token = (await signIn(worker(), { login: ADMIN })).access_token;
  });
});

describe("tail", () => {
  /** As wrangler prints a call of the Worker. */
  const call = (lines: readonly string[]) => `${JSON.stringify({ outcome: "ok", exceptions: [], logs: lines.map((line) => ({ message: [line] })), event: { request: { url: worker().url, method: "POST" } } }, null, 4)}\n`;
  const fails = () => post(worker(), "/auth/login", { login: ALICE, password: "a wrong one" });

  test("shows the events of a user as they happen", async () => {
    const pipe = join(home, "log");
    execFileSync("mkfifo", [pipe]);
    const words = ["tail", "--user", ALICE, "--event", "sign_in_refused", "--", "-c", "w.toml"];
    const { child, ended } = begin(words, at({ PATH: npx("live", `[ "$*" = "wrangler tail --format json -c w.toml" ] && exec cat '${pipe}'`) }));
    let shown = "";
    child.stdout!.on("data", (bytes: Buffer) => (shown += bytes.toString()));
    const log = createWriteStream(pipe);
    for (const count of [1, 2]) {
      const before = worker().logs.length;
      await (await fails()).text();
      await signIn(worker(), { login: ADMIN });
      const lines = await eventually("both are in the log", async () => {
        const since = worker().logs.slice(before);
        return since.some((line) => line.includes('"signed_in"')) && since.some((line) => line.includes('"sign_in_refused"')) ? since : undefined;
      });
      log.write(call(lines));
      // Before the log goes on.
      await eventually("it is shown", async () => shown.split("\n").length === count + 1 || undefined);
    }
    log.end();
    expect((await ended).code).toBe(0);
    expect(shown).toMatch(/^(\d\d:\d\d:\d\d\.\d{3}Z refused sign_in_refused {6}cause=wrong_password .*\n){2}$/);
  });

  test("a log that ends early ends with 3, and is named", async () => {
    const ended = await run(["tail", "--", "--env", "staging"], at({ PATH: npx("ends", "echo 'You must be logged in' >&2; exit 7") }));
    expect(ended).toMatchObject({ code: 3, out: "" });
    expect(ended.err).toContain("You must be logged in");
    expect(ended.err).toContain("postern: `npx wrangler tail --format json --env staging` ended: exit status: 7");
  });

  test("a misspelt name is refused before a long wait", async () => {
    for (const [words, meant] of [[["--event", "sigend_in"], "signed_in"], [["--part", "databse"], "database"], [["--outcome", "alerts"], "alert"]] as const) {
      const ended = await run(["tail", ...words], at());
      expect([ended.code, ended.out], words.join(" ")).toEqual([2, ""]);
      expect(ended.err).toContain(meant);
    }
  });

  test("a user who cannot be looked up is named", async () => {
    expect(await run(["tail", "--user", "nobody@example.com"], at())).toMatchObject({ code: 1, err: "postern: user nobody@example.com does not exist\n" });
    expect((await run(["tail", "--user", ALICE], at({ POSTERN_TOKEN: "a.b.c" }))).code).toBe(4);
    expect((await run(["tail", "--user", ALICE], at({ POSTERN_URL: "http://127.0.0.1:9" }))).code).toBe(3);
  });
});

test("help says what each is for, and with which words", async () => {
  for (const [command, ...words] of [["cost", "--span"], ["doctor", "--upgrade", "--settings"], ["tail", "--event", "--user", "--request"]] as [string, ...string[]][]) {
    const { code, out } = await run([command, "--help"]);
    expect(code).toBe(0);
    for (const word of ["Usage: postern", ...words]) expect(out, command).toContain(word);
  }
});
