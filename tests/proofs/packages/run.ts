// `make proof NAME=packages`: the packages as their users meet them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Machine, type Running } from "./machine.ts";
import { freePort } from "../../worker/support/port.ts";
import { startRegistry } from "./registry.ts";

const repository = join(import.meta.dirname, "../../..");
const tarballs = join(repository, "build/packages");
const root = mkdtempSync(join(tmpdir(), "postern-packages-"));
const machine = new Machine(root);
const work = join(root, "work");
mkdirSync(work);

const started = Date.now();
let checks = 0;
function say(text: string): void {
  console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${text}`);
}
function check(what: string, isTrue: boolean, detail = ""): void {
  checks += 1;
  if (!isTrue) throw new assert.AssertionError({ message: `${what}\n${detail}` });
}
const tarball = (name: string) => {
  const found = readdirSync(tarballs).find((file) => file.replace(/-\d.*$/, "") === name);
  assert(found !== undefined, `there is no tarball of ${name}: make dist`);
  return join(tarballs, found);
};

/** Runs what the terminal shows, in a shell that has curl and sed; what it prints. */
function paste(running: Running): string {
  const lines = running.output.split("\n").filter((line) => /^ {2}(token=|curl )/.test(line));
  assert.equal(lines.length, 2, running.output);
  return spawnSync("bash", ["-c", lines.join("\n")], { encoding: "utf8" }).stdout;
}

/** Ctrl-C, after which nothing listens any more. How npm ends then is npm's matter. */
async function stop(dev: Running, port: number): Promise<void> {
  await dev.interrupt();
  const isOpen = await new Promise<boolean>((done) => connect(port, "127.0.0.1", () => done(true)).on("error", () => done(false)));
  check("Ctrl-C ends all of it", !isOpen, dev.output);
}

const json = { "content-type": "application/json" };
async function signIn(base: string, login: string, password: string): Promise<{ status: number; token: string }> {
  const answer = await fetch(`${base}/auth/login`, { method: "POST", headers: json, body: JSON.stringify({ login, password, delivery: "body" }) });
  return { status: answer.status, token: answer.ok ? ((await answer.json()) as { access_token: string }).access_token : "" };
}
const BOB = ["bob@example.com", "a long enough passphrase"] as const;

/** From nothing to the first protected answer; the folder, still running, and the seconds. */
async function firstHour(folder: string, create: string[], port: number): Promise<{ path: string; dev: Running; seconds: Record<string, number> }> {
  const began = Date.now();
  const made = machine.run(work, create);
  check(`${create.join(" ")} succeeds`, made.status === 0, made.output);
  const created = Date.now();
  const path = join(work, folder);
  const dev = machine.start(path, ["npm", "run", "dev", "--", "--port", String(port)]);
  try {
    await dev.printed("Ctrl-C stops it");
    const ready = Date.now();
    const answer = paste(dev);
    check("the printed lines call the protected route", answer.includes('"x-auth-subject"') && answer.includes("/api/hello"), answer);
    const of = (from: number, to: number) => (to - from) / 1000;
    return { path, dev, seconds: { create: of(began, created), dev: of(created, ready), call: of(ready, Date.now()), all: of(began, Date.now()) } };
  } catch (error) {
    await dev.interrupt();
    throw error;
  }
}
const shown = (seconds: Record<string, number>) => Object.entries(seconds).map(([name, of]) => `${name} ${of.toFixed(1)} s`).join(", ");

/** What the package's program prints is what the native one prints. */
function compareWithNative(path: string, token: string, base: string): void {
  const native = join(repository, "target/debug/postern");
  const wrong = join(path, "wrong.toml");
  writeFileSync(wrong, `${readFileSync(join(path, "wrangler.toml"), "utf8").replace("scopes_all", "scope_all")}\n[broken`);
  writeFileSync(join(path, "token"), token);
  const cases = [
    ["config", "check", "wrangler.toml"],
    ["config", "check", "wrangler.toml", "--local"],
    ["config", "check", "wrangler.toml", "--json"],
    ["config", "check", "wrong.toml"],
    ["config", "check", "none.toml"],
    ["routes", "check", "--settings", "wrangler.toml"],
    ["routes", "explain", "GET", "https://auth.example.com/api/x", "--settings", "wrangler.toml", "--local", "--token-file", "token"],
    ["routes", "explain", "GET", "https://auth.example.com/api/%2e%2e", "--settings", "wrangler.toml", "--json"],
    ["token", "inspect", "--settings", "wrangler.toml", "--local"],
    ["token", "inspect", "--jwks", `${base}/.well-known/jwks.json`, "--json"],
    ["token", "inspect", "--jwks", "http://127.0.0.1:1/"],
    ["token", "inspect", "--jwks", "http://example.com/"],
    ["doctor"],
    ["doctor", "--settings", "wrangler.toml", "--local", "--json"],
    ["completions", "elvish", "extra"],
    ["config"],
  ];
  const environment = { POSTERN_URL: base };
  for (const words of cases) {
    const ours = machine.run(path, ["npx", "postern", ...words], environment, token);
    const theirs = spawnSync(native, words, { cwd: path, input: token, encoding: "utf8", env: { PATH: "", HOME: root, ...environment } });
    // Times move on, clap words what it does not know by what there is, and why a host or a file cannot be read is the system's word.
    const settled = (text: string) => text.replace(/ \(os error \d+\)/, "").replace("No such file", "no such file").replace(/\d+ (s|min|h)( \d+ s)?|\d+\.\d+ s/g, "TIME").replace(/could not be reached: .*?(\. Check|$)/gm, "could not be reached: WHY$1").replace(/\nUsage:[^]*$/, "");
    check(`postern ${words.join(" ")} exits alike`, ours.status === theirs.status, `${ours.status} and ${theirs.status}\n${ours.output}\n${theirs.stdout}${theirs.stderr}`);
    if (words[0] !== "config" || words.length > 1) assert.equal(settled(ours.output), settled(`${theirs.stdout}${theirs.stderr}`), words.join(" "));
    checks += 1;
  }
  for (const name of ["wrong.toml", "token"]) rmSync(join(path, name));
  say(`the package's program and the native one print the same, ${cases.length} times`);
}

/** In the running folder: what the first hour meets besides. */
async function around(path: string, dev: Running, port: number): Promise<void> {
  const base = `http://127.0.0.1:${port}`;
  check("no access token, no answer", (await fetch(`${base}/api/hello`)).status === 401);
  check("the public path answers", (await fetch(`${base}/public/x`)).status === 200);
  const registered = await fetch(`${base}/auth/register`, { method: "POST", headers: json, body: JSON.stringify({ login: BOB[0], password: BOB[1] }) });
  check("users register", registered.status < 300, String(registered.status));
  const { token } = await signIn(base, ...BOB);
  check("a registered user calls", (await fetch(`${base}/api/hello`, { headers: { authorization: `Bearer ${token}` } })).status === 200);

  const busy = machine.run(path, ["npm", "run", "dev", "--silent", "--", "--port", String(port)]);
  check("a busy port is one line", /^postern: port \d+ is in use by another program\. Choose a free one: npm run dev -- --port \d+$/.test(busy.output.trim()), busy.output);
  const sound = machine.run(path, ["npm", "run", "check", "--silent"]);
  check("npm run check", sound.status === 0 && sound.output.includes("is sound on this machine"), sound.output);
  const early = machine.run(path, ["npm", "run", "deploy", "--silent"]);
  check("npm run deploy stops at the ids that are missing", early.status === 1 && early.output.includes("placeholder of zeros") && !early.output.includes("wrangler 4"), early.output);
  compareWithNative(path, token, base);

  await stop(dev, port);
  const settings = join(path, "wrangler.toml");
  const text = readFileSync(settings, "utf8");
  writeFileSync(settings, text.replace("POSTERN_REGISTRATION", "POSTERN_REGISTRATON"));
  const refused = machine.run(path, ["npm", "run", "dev", "--silent", "--", "--port", String(port)]);
  check("a mistake is named before anything starts", refused.status === 1 && /wrangler\.toml:\d+: POSTERN_REGISTRATON: .*did you mean POSTERN_REGISTRATION/.test(refused.output), refused.output);
  writeFileSync(settings, text);
  const dry = machine.run(path, ["npx", "wrangler", "deploy", "--dry-run", "--outdir", join(root, "bundle")]);
  check("wrangler deploy --dry-run", dry.status === 0 && dry.output.includes("--dry-run: exiting now"), dry.output);
  say(`dry-run deploy: ${/Total Upload: (.*)/.exec(dry.output)?.[1] ?? ""}`);
  const demo = machine.run(path, ["npx", "wrangler", "deploy", "--dry-run", "-c", "demo/wrangler.toml"]);
  check("and of the demo", demo.status === 0, demo.output);
}

/** Every pair of answers makes a folder that wrangler takes. */
function variants(postern: string): void {
  for (const [name, words] of [
    ["own-url", ["--upstream", "https://origin.example.com"]],
    ["other-demo", ["--users", "https://id.example.com/realms/acme", "--audience", "orders"]],
    ["other-url", ["--users", "https://id.example.com/realms/acme", "--audience", "orders", "--upstream", "http://127.0.0.1:3000"]],
  ] as const) {
    const made = machine.run(work, ["npm", "exec", "--yes", `--package=${tarball("create-postern")}`, "--", "create-postern", name, "--yes", "--postern", postern, ...words]);
    check(name, made.status === 0, made.output);
    const sound = machine.run(join(work, name), ["npm", "run", "check", "--silent"]);
    check(`${name} is sound`, sound.status === 0 && sound.output.includes("0 warnings"), sound.output);
    const dry = machine.run(join(work, name), ["npx", "wrangler", "deploy", "--dry-run"]);
    check(`${name} can be deployed`, dry.status === 0, dry.output);
    rmSync(join(work, name), { recursive: true });
  }
  say("three other pairs of answers are sound, and wrangler takes them");
}

/** Ctrl-C while npm installs leaves nothing. */
async function interrupted(): Promise<void> {
  const before = readdirSync(work);
  const making = machine.start(work, ["npm", "exec", "--yes", `--package=${tarball("create-postern")}`, "--", "create-postern", "stopped", "--yes", "--postern", tarball("postern")]);
  await making.printed("Installing");
  await delay(300);
  check("an interrupted run fails", (await making.interrupt()) !== 0);
  assert.deepEqual(readdirSync(work), before);
  checks += 1;
  say("an interrupted run leaves nothing behind");
}

/** A tarball of the next version of `postern`, with one more migration. */
function nextVersion(): string {
  const folder = join(root, "next");
  mkdirSync(folder);
  spawnSync("tar", ["xzf", tarball("postern"), "-C", folder]);
  const file = join(folder, "package/package.json");
  const content = JSON.parse(readFileSync(file, "utf8")) as { version: string };
  const [major, minor, patch] = content.version.split(".");
  content.version = `${major}.${minor}.${Number(patch) + 1}`;
  writeFileSync(file, JSON.stringify(content));
  writeFileSync(join(folder, "package/dist/migrations/9999_proof.sql"), "CREATE TABLE proof (id INTEGER PRIMARY KEY);\n");
  const packed = spawnSync("npm", ["pack", "--silent", "--pack-destination", folder], { cwd: join(folder, "package"), encoding: "utf8" });
  return join(folder, packed.stdout.trim());
}

/** What is installed in a folder. */
const installed = (path: string) => (JSON.parse(readFileSync(join(path, "node_modules/postern/package.json"), "utf8")) as { version: string }).version;

async function fromRegistry(): Promise<void> {
  const uplink = spawnSync("npm", ["config", "get", "registry"], { encoding: "utf8" }).stdout.trim();
  const registry = await startRegistry(join(root, "registry"), uplink);
  // A token that is none: npm publishes with one alone.
  const userconfig = join(root, "npmrc");
  writeFileSync(userconfig, `registry=${registry.url}\n//${new URL(registry.url).host}/:_authToken=none\n`);
  const here = { npm_config_userconfig: userconfig };
  const publish = (file: string) => {
    const published = machine.run(work, ["npm", "publish", file, "--access", "public"], here);
    check(`${file} is published`, published.status === 0, published.output);
  };
  try {
    for (const file of readdirSync(tarballs)) publish(join(tarballs, file));
    const create = ["npm", "create", "--yes", "postern@latest"];
    const warm = machine.run(work, [...create, "warm", "--", "--yes"], here);
    check("npm create postern@latest", warm.status === 0, warm.output);
    const port = await freePort();
    const began = Date.now();
    const made = machine.run(work, [...create, "my-auth", "--", "--yes"], here);
    check("npm create postern@latest, again", made.status === 0, made.output);
    const path = join(work, "my-auth");
    const dev = machine.start(path, ["npm", "run", "dev", "--", "--port", String(port)], here);
    await dev.printed("Ctrl-C stops it");
    check("the first call", paste(dev).includes('"x-auth-subject"'));
    say(`from a registry with a warm cache: ${((Date.now() - began) / 1000).toFixed(1)} s from npm create to the first protected answer`);
    const base = `http://127.0.0.1:${port}`;
    await fetch(`${base}/auth/register`, { method: "POST", headers: json, body: JSON.stringify({ login: BOB[0], password: BOB[1] }) });
    await stop(dev, port);

    const old = installed(path);
    publish(nextVersion());
    const updated = machine.run(path, ["npm", "update", "postern"], here);
    check("npm update postern", updated.status === 0 && installed(path) !== old, updated.output);
    const migrated = machine.run(path, ["npm", "run", "migrate", "--", "--local"], here);
    check("npm run migrate", migrated.status === 0, migrated.output);
    const tables = machine.run(path, ["npx", "wrangler", "d1", "execute", "DB", "--local", "--json", "--command", "SELECT name FROM sqlite_master"], here);
    check("the new migration is applied", tables.output.includes('"proof"'), tables.output);
    const again = machine.start(path, ["npm", "run", "dev", "--", "--port", String(port)], here);
    await again.printed("Ctrl-C stops it");
    check("the user of the older version signs in", (await signIn(base, ...BOB)).status === 200);
    await stop(again, port);
    say(`npm update postern: ${old} became ${installed(path)}, with a migration and the users of before`);
  } finally {
    registry.stop();
  }
}

/** What editors and bundlers will say of the packages. */
function judgePackages(): string[] {
  const wrong: string[] = [];
  const bin = join(import.meta.dirname, "node_modules/.bin");
  for (const file of readdirSync(tarballs)) {
    const path = join(tarballs, file);
    // Every package is ESM alone, by design.
    for (const words of [
      ["publint", path, "--strict"],
      ["attw", path, "--profile", "esm-only", "--no-emoji", "--format", "table-flipped", "--exclude-entrypoints", "worker", "worker/index_bg.wasm", "settings.schema.json", "wrangler.schema.json", "wrangler.toml"],
    ]) {
      const [tool = "", ...rest] = words;
      // A package without an entry for code has no types to look at.
      if (tool === "attw" && file.startsWith("create-postern")) continue;
      const { status, stdout, stderr } = spawnSync(process.execPath, [join(bin, tool), ...rest], { encoding: "utf8" });
      const isGood = status === 0 && !/Suggestions:|Warnings:|Errors:/.test(stdout);
      say(`${tool.padEnd(8)}${file}: ${isGood ? "nothing to say" : "not content"}`);
      if (!isGood) wrong.push(`${tool} ${file}\n${stdout}${stderr}`);
    }
  }
  return wrong;
}

/** The settings' types in a project of a user's, however it resolves modules. */
function types(path: string): void {
  const project = join(path, "types.ts");
  writeFileSync(project, 'import { workerModule, type PosternSettings } from "postern";\nexport const settings: PosternSettings = { POSTERN_ISSUER: workerModule, POSTERN_LIMITS: "off", POSTERN_ROUTES: [{ path: "/x", service: "X" }] };\n// @ts-expect-error no such setting\nexport const wrong: PosternSettings = { POSTERN_ISSUER: "", POSTERN_ISSUR: "" };\n');
  for (const [module, resolution] of [["node16", "node16"], ["nodenext", "nodenext"], ["esnext", "bundler"]] as const) {
    const { status, stdout } = spawnSync(join(repository, "node_modules/.bin/tsc"), ["--noEmit", "--strict", "--target", "es2022", "--module", module, "--moduleResolution", resolution, "--types", "", project], { cwd: path, encoding: "utf8" });
    check(`types with ${resolution}`, status === 0, stdout);
  }
  rmSync(project);
  say("the settings' types hold with node16, nodenext and bundler");
}

try {
  const postern = tarball("postern");
  const create = (folder: string) => ["npm", "exec", "--yes", `--package=${tarball("create-postern")}`, "--", "create-postern", folder, "--yes", "--postern", postern];
  const port = await freePort();
  const cold = await firstHour("cold", create("cold"), port);
  say(`from tarballs with an empty cache: ${shown(cold.seconds)}`);
  await stop(cold.dev, port);
  const warm = await firstHour("my-tarball", create("my-tarball"), port);
  say(`from tarballs with a warm cache: ${shown(warm.seconds)}`);
  await around(warm.path, warm.dev, port);
  types(warm.path);
  variants(postern);
  await interrupted();
  await fromRegistry();
  const wrong = judgePackages();
  if (wrong.length > 0) throw new assert.AssertionError({ message: wrong.join("\n") });
  say(`${checks} checks, all as they should be`);
} finally {
  machine.end();
  if (existsSync(join(root, "registry/log")) && process.env["KEEP"]) cpSync(join(root, "registry/log"), join(tmpdir(), "verdaccio.log"));
  rmSync(root, { recursive: true, force: true });
}
