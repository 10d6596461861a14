#!/usr/bin/env node
// `postern` of the npm package: runs Postern on this machine, applies migrations, checks settings.
import { parseArgs } from "node:util";
import { Failed } from "./wrangler.ts";

const HELP = `Postern on this machine, and its program.

Usage: postern COMMAND

  dev [--port 8787] [-c FILE]      run Postern on this machine; applies the migrations first. With several -c the first
                                   one is Postern's. --try PATH prints how to call that path, and --tokens-of ISSUER
                                   says whose access tokens it takes
  migrate [--local] [-c FILE]      apply the migrations to the deployed database, or to that of this machine
  check [FILE] [--local]           report every mistake in wrangler.toml, before you deploy
  routes check | explain           check the route table; explain the answer to a request
  token inspect                    explain an access token from standard input
  doctor                           check a deployment from outside: POSTERN_URL=https://auth.example.com

The last four take --help. The operator's whole program, with users, sessions and keys, is a download of its own.
`;

/** The commands of the native program alone: they keep a sign-in, ask for passwords or write files. */
const NATIVE = new Set(["audit", "client", "init", "key", "login", "logout", "revoke", "session", "throttle", "user"]);

const [command, ...rest] = process.argv.slice(2);

async function main(): Promise<number> {
  switch (command) {
    case undefined:
    case "help":
    case "-h":
    case "--help":
      process.stdout.write(HELP);
      return command === undefined ? 2 : 0;
    case "dev": {
      const { values } = parseArgs({
        args: rest,
        options: {
          port: { type: "string", default: process.env["PORT"] ?? "8787" },
          config: { type: "string", short: "c", multiple: true, default: ["wrangler.toml"] },
          try: { type: "string" },
          "tokens-of": { type: "string" },
        },
      });
      const { dev } = await import("./dev.ts");
      return dev({ port: values.port, configs: values.config, path: values.try, issuer: values["tokens-of"] });
    }
    case "migrate": {
      const { values } = parseArgs({ args: rest, options: { local: { type: "boolean", default: false }, config: { type: "string", short: "c" } } });
      const { migrateLocal, migrateRemote } = await import("./migrate.ts");
      if (!values.local) return migrateRemote(values.config);
      await migrateLocal(values.config);
      return 0;
    }
    default: {
      if (NATIVE.has(command)) throw new Failed(`\`postern ${command}\` is a command of the operator's whole program, which is a download of its own (docs/reference/cli.md, "Install")`);
      const { run } = await import("./program.ts");
      return run(command === "check" ? ["config", "check", ...rest] : [command, ...rest]);
    }
  }
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS");
  if (!isUsage && !(error instanceof Failed)) throw error;
  console.error(`postern: ${(error as Error).message}`);
  process.exitCode = isUsage ? 2 : 1;
}
