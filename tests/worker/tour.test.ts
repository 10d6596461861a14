// The tour that `make dev` prints, pasted into a shell as a newcomer would: every line must do what the text says.
import { execFile, spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { settings } from "./support/config.ts";
import { shared } from "./support/postern.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../scripts/tour.sh", import.meta.url));
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

const postern = shared(() => ({ vars: settings() }));

test.skipIf(!hasCurl)("the lines of the tour, run in order", async () => {
  const { stdout: text } = await run(script, [postern().url]);
  // What is to be pasted is indented; the rest is for reading.
  const lines = text.split("\n").filter((line) => line.startsWith("  "));
  const { stdout: output } = await run("bash", ["-c", `set -u\n${lines.join("\n")}`]);

  const statuses = [...output.matchAll(/^HTTP\/1\.1 (\d+)/gm)].map((match) => Number(match[1]));
  expect(statuses, output).toEqual([401, 403, 200, 204, 401]);
  for (const part of ["portcullis", '"pong": true', '"roles":[]', '"sessions":[', '"keys":[', "invalid_grant"]) {
    expect(output).toContain(part);
  }
});
