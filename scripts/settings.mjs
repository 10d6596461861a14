// Makes a settings file of one's own out of wrangler.toml, which has what every Postern needs and no settings.
//
//   node scripts/settings.mjs local                             wrangler.local.toml: this machine, with the demo behind the gate
//   node scripts/settings.mjs production https://auth.example   wrangler.production.toml: what is deployed
//
// The local file is made anew as long as it has not been edited, so that an upgrade reaches it. An edited file is never
// touched.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** A file of the repository; those that are made go into the folder where this runs. */
const read = (name) => readFileSync(fileURLToPath(new URL(`../${name}`, import.meta.url)), "utf8");

function die(text) {
  console.error(`postern: ${text}`);
  process.exit(1);
}

/** The template in two halves: what must stand before every table, and the tables. */
function template() {
  const text = read("wrangler.toml");
  const strange = text.split("\n").findIndex((line) => /^\s*\[+(vars|routes?)\b/.test(line));
  if (strange >= 0) {
    die(`wrangler.toml:${strange + 1}: this file must not contain settings. Move them to wrangler.local.toml (for this machine) or ` +
      "wrangler.production.toml (for the deployment; `make settings` creates it), then run `git checkout wrangler.toml`, because upgrades change that file");
  }
  const body = text.slice(text.indexOf("\nname = ") + 1);
  const tables = body.indexOf("\n[") + 1;
  return { head: body.slice(0, tables).trimEnd(), tables: body.slice(tables).trimEnd() };
}

/** The tables, with a build that looks at this file before wrangler takes it. */
const tablesFor = (tables, file) => tables.replace('"scripts/build.sh wrangler.toml"', `"scripts/build.sh ${file}"`);

/** The example app that `make dev APP=NAME` serves. Its last route matches every path that the others leave. */
const app = process.env.APP;
const appBinding = () => `
# ---- The app: examples/${app}. ----

${read(`examples/${app}/binding.toml`).replace(/^(#.*\n)+/, "").trimEnd()}
`;

function local() {
  const { head, tables } = template();
  return `${head}

[vars]
POSTERN_PROFILE = "local"
# Only a name in the access tokens: nothing connects to it, so it fits every port.
POSTERN_ISSUER = "http://localhost:8787"
# For tests that sign in often: turns off all limits and lockouts. Allowed only in the local profile.
# POSTERN_LIMITS = "off"

# Add your routes here, before those of the demo: the first route that matches a request decides. An API on port 3000:
#
# [[vars.POSTERN_ROUTES]]
# path = "/notes/{*rest}"
# scopes_all = ["read:notes"]
# upstream = "http://127.0.0.1:3000"

# ---- The demo: its origin, and the routes to it (examples/origin). ----

${read("examples/origin/binding.toml").replace(/^(#.*\n)+/, "").trimEnd()}
${app ? appBinding() : ""}
# ---- Every deployment needs what follows, from wrangler.toml. ----

${tablesFor(tables, "wrangler.local.toml")}
`;
}

function production(issuer) {
  const { head, tables } = template();
  let host;
  try {
    const url = new URL(issuer);
    if (url.protocol !== "https:" || issuer.endsWith("/")) throw new Error("not like it");
    host = url.hostname;
  } catch {
    die("ISSUER must be the https URL of the deployment, without a slash at the end: `make settings ISSUER=https://auth.example.com`");
  }
  return `# The settings of a Postern deployment. They contain no secrets. Git ignores this file, so store a copy elsewhere.
# docs/reference/configuration.md has every setting, docs/reference/routes.md the routes.
${head}

# Its address: a custom domain, which wrangler creates.
[[routes]]
pattern = ${JSON.stringify(host)}
custom_domain = true

[vars]
POSTERN_ISSUER = ${JSON.stringify(issuer)}
POSTERN_AUDIENCE = ${JSON.stringify(issuer)}

# The routes. The first route that matches a request decides.
#
# [[vars.POSTERN_ROUTES]]
# path = "/api/{*rest}"
# scopes_all = ["read:orders"]
# upstream = "https://origin.example.com"

# ---- What every Postern needs, from wrangler.toml. Of this you fill in the two ids that wrangler prints. ----

${tablesFor(tables, "wrangler.production.toml")}
`;
}

const [kind, issuer = ""] = process.argv.slice(2);
if (kind === "local") {
  const file = "wrangler.local.toml";
  const head = (sum) =>
    `# The settings of Postern on this machine, for \`make dev\`. You can edit this file: git ignores it, and upgrades do not change\n` +
    `# an edited file. Delete it to get a new one. (${sum})\n`;
  const body = local();
  const sum = createHash("sha256").update(body).digest("hex").slice(0, 16);
  if (existsSync(file)) {
    const old = readFileSync(file, "utf8");
    const [, said, rest] = /^#.*\n#.*\((\w{16})\)\n([^]*)$/.exec(old) ?? [];
    const isEdited = said !== createHash("sha256").update(rest ?? "").digest("hex").slice(0, 16);
    if (app && isEdited && !old.includes("WEB_APP")) die(`${file} is edited, so it stays as it is. Add examples/${app}/binding.toml to it, or delete it`);
    if (rest === body || isEdited) process.exit(0);
  }
  writeFileSync(file, head(sum) + body);
  console.log(`postern: wrote ${file}, the settings of this machine`);
} else if (kind === "production") {
  const file = "wrangler.production.toml";
  if (existsSync(file)) die(`${file} already exists. Edit that file`);
  writeFileSync(file, production(issuer));
  console.log(`postern: wrote ${file}. docs/start/deploy.md has the remaining steps`);
} else {
  die("usage: settings.mjs local | production ISSUER");
}
