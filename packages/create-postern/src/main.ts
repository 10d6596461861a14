// `npm create postern`: makes a folder with a Postern that runs.
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { relative } from "node:path";
import { createInterface } from "node:readline/promises";
import { parseArgs } from "node:util";
import { answers } from "./answers.ts";
import { Failed } from "./failed.ts";
import { filesFor } from "./files.ts";
import { install } from "./install.ts";
import { make, placeFor } from "./place.ts";

const HELP = `Makes a folder with a Postern that runs on your machine and can be deployed to Cloudflare.

Usage: npm create postern@latest [FOLDER] -- [OPTIONS]

  FOLDER             the folder to make; it names the Worker, too (my-auth)
  --yes              ask nothing; what is not given has its default
  --issuer URL       the address of the deployment (https://auth.example.com)
  --users WHO        own, or the URL of another issuer (own)
  --audience TEXT    the aud of the other issuer's access tokens
  --upstream WHAT    demo, or the URL of your API (demo)
  --no-install       do not install the dependencies
  --postern SPEC     the version of the package postern, or a tarball (the newest of this version)
`;

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      yes: { type: "boolean", short: "y", default: false },
      issuer: { type: "string" },
      users: { type: "string" },
      audience: { type: "string" },
      upstream: { type: "string" },
      "no-install": { type: "boolean", default: false },
      postern: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  // npm takes a --yes before the two dashes for itself.
  const isQuiet = values.yes || process.env["npm_config_yes"] === "true";
  if (values.help) {
    process.stdout.write(HELP);
    return;
  }
  if (positionals.length > 1) throw new Failed(`only one folder can be made, not ${positionals.length}: npm create postern@latest my-auth`);
  const place = placeFor(positionals[0] ?? "my-auth");
  const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as { version: string };
  const terminal = !isQuiet && process.stdin.isTTY === true ? createInterface({ input: process.stdin, output: process.stdout }) : undefined;
  if (terminal === undefined && !isQuiet) throw new Failed("there is no terminal to ask on: pass --yes (npm create postern@latest my-auth -- --yes)");
  const answered = await answers(values, terminal && (async (question) => (await terminal.question(question)).trim()), console.log).finally(() => terminal?.close());
  const files = filesFor(place.name, answered, {
    template: readFileSync(new URL("./wrangler.toml", import.meta.url), "utf8"),
    masterKey: randomBytes(32).toString("base64url"),
    postern: values.postern ?? `^${version}`,
  });
  let manager = "npm";
  await make(place, files, async (folder) => {
    if (values["no-install"]) return;
    console.log("Installing postern and wrangler ...");
    manager = await install(folder);
  });
  const here = relative(process.cwd(), place.path);
  const steps = [here === "" ? "" : `cd ${here}`, values["no-install"] ? `${manager} install` : "", `${manager} run dev`].filter((step) => step !== "");
  console.log(`\nMade ${here === "" ? "this folder" : here}. Run it:\n\n  ${steps.join(" && ")}\n`);
}

try {
  await main();
} catch (error) {
  const isUsage = error instanceof TypeError && String((error as NodeJS.ErrnoException).code).startsWith("ERR_PARSE_ARGS");
  // Ctrl-C or Ctrl-D at a question.
  const isAborted = error instanceof Error && ["AbortError", "ABORT_ERR"].includes(error.name);
  if (!isUsage && !isAborted && !(error instanceof Failed)) throw error;
  console.error(isAborted ? "\ncreate-postern: nothing was made" : `create-postern: ${(error as Error).message.split("\n")[0]}`);
  process.exitCode = isUsage ? 2 : 1;
}
