// Looks at a settings file before wrangler does, and says what is wrong with the file and the line to edit:
//
//   node scripts/check-settings.mjs FILE            before a deployment
//   node scripts/check-settings.mjs FILE --local    as on this machine, with the .dev.vars beside it
//   node scripts/check-settings.mjs FILE --quick    without the Worker: TOML and bindings alone
//
// What the variables mean is judged by the built Worker itself, started for a moment with nothing but them: there is no
// second reader that could be of another opinion. `postern config check` sees more (what is likely wrong, unreachable
// routes); this one needs nothing that is not there anyway.
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { parseEnv } from "node:util";
import { parse, TomlError } from "smol-toml";

const root = fileURLToPath(new URL("../", import.meta.url));
const [file, ...flags] = process.argv.slice(2);
const isLocal = flags.includes("--local");
/** The Worker must start and answer. A machine that is busy takes some seconds for it. */
const DEADLINE_MS = 30_000;
/** Stands in for the secret, which is in no file. */
const STAND_IN_KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";

const mistakes = [];
const wrong = (text) => mistakes.push(text);

function end() {
  if (mistakes.length === 0) process.exit(0);
  for (const text of mistakes) console.error(text);
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  console.error(`postern: ${count} in the settings, with which Postern serves nothing${isLocal ? "" : ", and nothing was deployed"}`);
  process.exit(1);
}

/** A file's tables; a mistake in its TOML ends everything, as nothing behind it can be trusted. */
function tables(path, shown) {
  const text = readFileSync(path, "utf8");
  try {
    return { text, toml: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    // Its own message goes on with the line itself, which may hold a secret.
    wrong(`${shown}:${error.line}:${error.column}: ${error.message.split("\n")[0].replace("Invalid TOML document: ", "")}`);
    return end();
  }
}

/** Where a variable stands in the file: ":31", or nothing when it cannot be told. */
function lineOf(text, path) {
  const [, name, index] = /^(\w+)(?:\[(\d+)\])?/.exec(path) ?? [];
  const lines = text.split("\n");
  const heads = lines.flatMap((line, at) => (new RegExp(`^\\s*\\[\\[vars\\.${name}\\]\\]`).test(line) ? [at] : []));
  const at = heads[Number(index ?? 0)] ?? lines.findIndex((line) => new RegExp(`^\\s*(\\[vars\\.${name}\\]|${name}\\s*=)`).test(line));
  return at === -1 || name === undefined ? "" : `:${at + 1}`;
}

/** What this version cannot do without, and the file lacks: an upgrade brought it. */
function checkBindings(toml, ours) {
  const lists = [
    ["kv_namespaces", (all) => all.kv_namespaces, "binding"],
    ["d1_databases", (all) => all.d1_databases, "binding"],
    ["durable_objects.bindings", (all) => all.durable_objects?.bindings, "name"],
  ];
  for (const [name, of, member] of lists) {
    const there = new Set([of(toml)].flat().map((one) => one?.[member]));
    const lacking = [of(ours)].flat().map((one) => one[member]).filter((one) => !there.has(one));
    if (lacking.length > 0) wrong(`${file}: ${name}: lacks ${lacking.join(", ")}, which this version requires. Copy the tables from wrangler.toml`);
  }
  const classes = (all) => (all.migrations ?? []).flatMap((step) => step.new_sqlite_classes ?? []);
  const lacking = classes(ours).filter((one) => !classes(toml).includes(one));
  if (lacking.length > 0 && toml.durable_objects !== undefined) {
    wrong(`${file}: migrations: lacks ${lacking.join(", ")}. Add the missing [[migrations]] from wrangler.toml, and do not change migrations that were deployed`);
  }
}

/** Where Cloudflare ends a variable of a deployed Worker, in bytes. */
const MAX_VARIABLE_BYTES = 5 * 1024;

function checkSizes(toml, place) {
  for (const [name, value] of Object.entries(toml.vars ?? {})) {
    const bytes = Buffer.byteLength(typeof value === "string" ? value : JSON.stringify(value));
    if (bytes <= MAX_VARIABLE_BYTES) continue;
    const what = name === "POSTERN_ROUTES" ? 'move the table to KV (docs/reference/routes.md, "A table in KV")' : "shorten it";
    wrong(`${place(name)}: ${name}: has ${bytes} bytes; a Worker's variable can have at most ${MAX_VARIABLE_BYTES}: ${what}`);
  }
}

function checkIds(toml) {
  const blank = (id) => typeof id === "string" && /^[0-]+$/.test(id);
  for (const [list, member, make] of [
    ["kv_namespaces", "id", "npx wrangler kv namespace create POSTERN_KV"],
    ["d1_databases", "database_id", "npx wrangler d1 create postern"],
  ]) {
    if ((toml[list] ?? []).some((one) => blank(one[member]))) wrong(`${file}: ${list}.${member}: is still the placeholder of zeros: \`${make}\` prints the real id`);
  }
}

/** What the Worker says of its variables. */
async function checkVariables(vars, place) {
  const { startWorkerd } = await import("../tests/worker/support/workerd.ts");
  const printed = [];
  const { toml: ours } = tables(join(root, "wrangler.toml"), "wrangler.toml");
  const workerd = startWorkerd({
    printed: (line) => printed.push(line),
    workers: [
      {
        name: "settings",
        modulesRoot: join(root, "build"),
        modules: [
          { type: "ESModule", path: join(root, "build/index.js") },
          { type: "CompiledWasm", path: join(root, "build/index_bg.wasm") },
        ],
        compatibilityDate: ours.compatibility_date,
        // As wrangler hands them on.
        bindings: JSON.parse(JSON.stringify(vars)),
        durableObjects: Object.fromEntries(
          ours.durable_objects.bindings.map(({ name, class_name }) => [name, { className: class_name, useSQLite: true }]),
        ),
      },
    ],
  });
  try {
    const { status } = await fetch(new URL("/healthz", await workerd.ready), { signal: AbortSignal.timeout(DEADLINE_MS) });
    if (status === 200) return;
    const told = () => printed.map((line) => /^configuration: ([^:]+): (.*)$/.exec(line)).filter((match) => match !== null);
    const count = () => Number(/"event":"config_refused".*?"mistakes":(\d+)/.exec(printed.join("\n"))?.[1] ?? Infinity);
    // The log comes beside the answer, and as a rule before it.
    for (let waited = 0; waited < 3000 && told().length < count(); waited += 50) await delay(50);
    for (const [, path, problem] of told()) wrong(`${place(path)}: ${path}: ${problem}`);
    if (told().length === 0) wrong(`${file}: the Worker does not start with these settings; it returned ${status}`);
  } finally {
    await workerd.dispose();
  }
}

if (file === undefined || !existsSync(file)) {
  console.error(`postern: ${file === undefined ? "no settings file is given" : `${file} does not exist`}`);
  process.exit(1);
}
const { text, toml } = tables(file, file);
const { toml: ours } = tables(join(root, "wrangler.toml"), "wrangler.toml");
const dev = join(dirname(file), ".dev.vars");
const hasSettings = Object.keys(toml.vars ?? {}).some((name) => name.startsWith("POSTERN_"));
if (!isLocal && relative(root, file) === "wrangler.toml" && !hasSettings) {
  wrong("wrangler.toml has no settings. Deploy your own file: npx wrangler deploy -c wrangler.production.toml (`make settings` creates it)");
  end();
}
checkBindings(toml, ours);
if (!isLocal) {
  checkIds(toml);
  checkSizes(toml, (name) => `${file}${lineOf(text, name)}`);
  if (toml.vars?.POSTERN_PROFILE === "local") wrong(`${file}${lineOf(text, "POSTERN_PROFILE")}: POSTERN_PROFILE: must not be "local": that profile adds two users with a public password`);
  for (const secret of ["POSTERN_MASTER_KEY", "POSTERN_METRICS_TOKEN"]) {
    if (toml.vars?.[secret] !== undefined) wrong(`${file}${lineOf(text, secret)}: ${secret}: is a secret and must not be in the file. Remove it, generate a new one, and run \`npx wrangler secret put ${secret} -c ${file}\``);
  }
}
if (!flags.includes("--quick")) {
  const own = isLocal && existsSync(dev) ? parseEnv(readFileSync(dev, "utf8")) : {};
  const vars = { POSTERN_MASTER_KEY: STAND_IN_KEY, ...toml.vars, ...own };
  const place = (path) => (Object.hasOwn(own, /^\w+/.exec(path)?.[0] ?? "") ? ".dev.vars" : `${file}${lineOf(text, path)}`);
  if (!isLocal) delete vars.POSTERN_PROFILE; // said above, and its consequences need not be
  await checkVariables(vars, place);
}
end();
