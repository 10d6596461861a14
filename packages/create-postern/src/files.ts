// The files of the folder, from the answers.
import type { Answers } from "./answers.ts";

/** What the files need besides the answers. */
export interface Parts {
  /** What every Postern of this version has in common: a wrangler.toml without settings. */
  template: string;
  masterKey: string;
  /** The version of the package `postern`, as package.json takes it. */
  postern: string;
}

/** The wrangler that this version was tested with. */
const WRANGLER = "4.164.0";
/** The protected path that the folder begins with. */
const PATH = "/api/hello";
/** A scope that Alice, the demo user of the local profile, has. */
const SCOPE = "read:orders";

/** All files by their names. */
export function filesFor(name: string, answers: Answers, parts: Parts): Map<string, string> {
  const files = new Map([
    ["wrangler.toml", settings(name, answers, parts.template)],
    ["package.json", packageJson(name, answers, parts.postern)],
    [".dev.vars", devVars(parts.masterKey)],
    [".dev.vars.example", DEV_VARS_EXAMPLE],
    [".gitignore", "node_modules\n.wrangler\n.dev.vars*\n!.dev.vars.example\n"],
    [".github/workflows/deploy.yml", WORKFLOW],
    ["README.md", readme(name, answers)],
  ]);
  if (answers.upstream.kind === "demo") {
    files.set("demo/wrangler.toml", demoSettings(name, parts.template));
    files.set("demo/index.js", DEMO);
  }
  return files;
}

/** A text as TOML and JSON write it. */
const quoted = (text: string): string => JSON.stringify(text);

const date = (template: string): string => /^compatibility_date = .*$/m.exec(template)?.[0] ?? "";

function settings(name: string, { issuer, users, upstream }: Answers, template: string): string {
  const body = template.slice(template.indexOf("\nname = ") + 1);
  const at = body.indexOf("\n[") + 1;
  const head = body.slice(0, at).replace(/^name = .*$/m, `name = ${quoted(name)}`).trimEnd();
  const tables = body.slice(at).replace(/^database_name = .*$/m, `database_name = ${quoted(name)}`).trimEnd();
  const host = new URL(issuer).host;
  const address = host.endsWith(".workers.dev")
    ? ""
    : `\n# Its address: a custom domain, which wrangler creates in a zone of your account.\n[[routes]]\npattern = ${quoted(host)}\ncustom_domain = true\n`;
  return `#:schema ./node_modules/postern/dist/wrangler.schema.json
# The settings of Postern. They contain no secrets. On your machine, .dev.vars overrides [vars].
# After a change: npm run check
${head}
${address}
[vars]
POSTERN_ISSUER = ${quoted(issuer)}
${users.kind === "own" ? ownUsers : otherUsers(users)}
# The routes. The first route that matches a request decides.
${routes(users, upstream)}
${upstream.kind === "demo" ? `# The demo behind the gate: demo/index.js.\n[[services]]\nbinding = "DEMO"\nservice = ${quoted(`${name}-demo`)}\n\n` : ""}# ---- Every Postern needs what follows. Fill in the two ids that wrangler prints before you deploy (README.md). ----

${tables}
`;
}

const ownUsers = `# Everybody may create an account with POST /auth/register, and gets these scopes.
POSTERN_REGISTRATION = "open"
POSTERN_DEFAULT_SCOPES = [${quoted(SCOPE)}]
`;

function otherUsers({ issuer, audience }: { issuer: string; audience: string }): string {
  return `
# The issuer of your users' access tokens. The values must be exactly those of \`iss\` and \`aud\` in them.
[[vars.POSTERN_ISSUERS]]
issuer = ${quoted(issuer)}
audiences = [${quoted(audience)}]
# "at+jwt" is stricter, for issuers that follow RFC 9068.
typ = "any"
`;
}

function routes(users: Answers["users"], upstream: Answers["upstream"]): string {
  const target = upstream.kind === "demo" ? 'service = "DEMO"' : `upstream = ${quoted(upstream.url)}`;
  const rule = users.kind === "own" ? `scopes_all = [${quoted(SCOPE)}]` : `issuers = [${quoted(users.issuer)}]`;
  return `[[vars.POSTERN_ROUTES]]
name = "public"
path = "/public/{*rest}"
methods = ["GET"]
access = "public"
${target}

[[vars.POSTERN_ROUTES]]
name = "api"
path = "/api/{*rest}"
${rule}
${target}
`;
}

function packageJson(name: string, { users, upstream }: Answers, postern: string): string {
  const configs = upstream.kind === "demo" ? " -c wrangler.toml -c demo/wrangler.toml" : "";
  const tokens = users.kind === "own" ? "" : ` --tokens-of ${users.issuer}`;
  const demo = upstream.kind === "demo" ? "wrangler deploy -c demo/wrangler.toml && " : "";
  const content = {
    name,
    private: true,
    type: "module",
    scripts: {
      dev: `postern dev${configs} --try ${PATH}${tokens}`,
      check: "postern check wrangler.toml --local",
      migrate: "postern migrate",
      deploy: `postern check wrangler.toml && postern migrate && ${demo}wrangler deploy`,
    },
    dependencies: { postern },
    devDependencies: { wrangler: WRANGLER },
    // Programs that come as packages of their own; these scripts only look at them.
    allowScripts: { esbuild: true, sharp: true, workerd: true },
    // What the deploy button asks for.
    cloudflare: {
      bindings: {
        POSTERN_MASTER_KEY: { description: "The master secret: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='. Keep a copy." },
      },
    },
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

function devVars(masterKey: string): string {
  return `# The secrets of this machine, and what makes it differ from the deployment. Git ignores this file.
# With another master key, local sessions and keys are unreadable: delete .wrangler/state then, too.
POSTERN_MASTER_KEY="${masterKey}"
# Permits http, and adds the demo users alice@example.com and admin@example.com. Never deploy it.
POSTERN_PROFILE="local"
# Only a name in the access tokens: nothing connects to it, so it fits every port.
POSTERN_ISSUER="http://localhost:8787"
`;
}

/** The deploy button asks for the secrets of this file. */
const DEV_VARS_EXAMPLE = `# The secret of a deployment: openssl rand -base64 32 | tr '+/' '-_' | tr -d '='
POSTERN_MASTER_KEY=""
`;

function demoSettings(name: string, template: string): string {
  return `# The demo behind the gate: a Worker that knows nothing of tokens. Postern reaches it through a service binding.
name = ${quoted(`${name}-demo`)}
main = "index.js"
${date(template)}
# No public address: an API that trusts headers must be reachable through the gate alone.
workers_dev = false
`;
}

const DEMO = `// The demo behind the gate. The gate has verified the access token; the caller is in the X-Auth-* headers.
export default {
  fetch(request) {
    const caller = Object.fromEntries([...request.headers].filter(([name]) => name.startsWith("x-auth-")));
    return Response.json({ path: new URL(request.url).pathname, caller });
  },
};
`;

const WORKFLOW = `# Deploys what is pushed to main. Needs the secrets CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID of the repository.
name: deploy
on:
  push:
    branches: [main]
  workflow_dispatch:
permissions:
  contents: read
concurrency: deploy
jobs:
  deploy:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
      - uses: actions/setup-node@v4
        with:
          node-version: 24
          cache: npm
      - run: npm ci
      - run: npm run deploy
        env:
          CLOUDFLARE_API_TOKEN: \${{ secrets.CLOUDFLARE_API_TOKEN }}
          CLOUDFLARE_ACCOUNT_ID: \${{ secrets.CLOUDFLARE_ACCOUNT_ID }}
`;

function readme(name: string, { issuer, users, upstream }: Answers): string {
  const behind = upstream.kind === "demo" ? "a demo Worker (`demo/`)" : `\`${upstream.url}\``;
  const whose = users.kind === "own" ? "Postern's own users" : `the users of \`${users.issuer}\``;
  const isLocalUrl = upstream.kind === "url" && upstream.url.startsWith("http:");
  const first =
    users.kind === "own"
      ? "When it is ready it prints two lines that sign in the demo user Alice and make the first call."
      : "When it is ready it prints how to make the first call with an access token of your issuer. `npx postern token inspect --local` says why one is refused.";
  return `# ${name}

Postern in front of ${behind}, for ${whose}.

## On this machine

\`\`\`sh
npm run dev
\`\`\`

${first}

| file | |
|---|---|
| \`wrangler.toml\` | the settings: routes, issuers, bindings. An editor with TOML support completes them |
| \`.dev.vars\` | the secrets of this machine, and what makes it differ from the deployment. Not in git |
${upstream.kind === "demo" ? "| `demo/` | the Worker behind the gate. Replace it by your own, or set `upstream` in the routes |\n" : ""}| \`.github/workflows/deploy.yml\` | deploys what is pushed to main |

\`npm run check\` reports every mistake in the settings, with its line.

## Deploy

Once, with \`npx wrangler login\` before:
${isLocalUrl ? "\nSet `upstream` in `wrangler.toml` to your API's https URL first.\n" : ""}
\`\`\`sh
npx wrangler d1 create ${name}
npx wrangler kv namespace create POSTERN_KV
export POSTERN_MASTER_KEY=$(openssl rand -base64 32 | tr '+/' '-_' | tr -d '=')
printf %s "$POSTERN_MASTER_KEY" | npx wrangler secret put POSTERN_MASTER_KEY
\`\`\`

Put the two ids that are printed into \`wrangler.toml\`, and keep a copy of the master key in a safe place: without it, every user is signed out and every password is lost. Then, now and after every change:

\`\`\`sh
npm run deploy
\`\`\`

It checks the settings, applies migrations, and deploys to ${issuer}.

A deploy button for others, after you pushed this folder to a repository (replace \`YOU/${name}\`):

\`\`\`md
[![Deploy to Cloudflare](https://deploy.workers.cloudflare.com/button)](https://deploy.workers.cloudflare.com/?url=https://github.com/YOU/${name})
\`\`\`

## Upgrade

\`\`\`sh
npm update postern && npm run migrate && npm run deploy
\`\`\`

\`npm run check\` names what a new version needs and \`wrangler.toml\` lacks; copy it from \`node_modules/postern/dist/wrangler.toml\`.
`;
}
