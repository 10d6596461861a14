// The tour that `make dev` prints, pasted into a shell as a newcomer would: every line must do what the text says.
import { execFile, spawnSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { settings } from "./support/config.ts";
import { shared } from "./support/postern.ts";

const run = promisify(execFile);
const script = fileURLToPath(new URL("../../scripts/tour.sh", import.meta.url));
const hasCurl = spawnSync("curl", ["--version"]).status === 0;

const postern = shared(() => ({ vars: settings() }));

/** The lines typed at a prompt, as pasting does: what a shell does not take there is on standard error. */
function pasted(shell: string, lines: string[]): { stdout: string; stderr: string } {
  const quiet = shell === "zsh" ? ["-f", "-i", "-s"] : ["--norc", "--noprofile", "-i", "-s"];
  const { stdout, stderr } = spawnSync(shell, quiet, { input: `PS1= PS2= PROMPT=\n${lines.join("\n")}\nexit\n`, encoding: "utf8", env: { ...process.env, HISTFILE: "/dev/null" } });
  return { stdout, stderr };
}

// A zsh at a prompt knows no comments, unless it is told to: it would run them.
test.for(["bash", "zsh"])("the lines of the tour, pasted into %s, do what they say", async (shell) => {
  if (!hasCurl || spawnSync(shell, ["--version"]).status !== 0) return;
  const { stdout: text } = await run(script, [postern().url]);
  // What is to be pasted is indented; the rest is for reading.
  const lines = text.split("\n").filter((line) => line.startsWith("  "));
  expect(lines.filter((line) => line.trim().startsWith("#"))).toEqual([]);
  const { stdout: output, stderr } = pasted(shell, lines);
  expect(stderr).not.toMatch(/not found|no matches|parse error|syntax error|bad /);

  const statuses = [...output.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1]));
  expect(statuses, output).toEqual([401, 403, 200, 204, 401]);
  for (const part of ["portcullis", '"pong": true', '"roles":[]', '"sessions":[', '"keys":[', "invalid_grant"]) {
    expect(output).toContain(part);
  }
});

// The blocks of docs/start/tour.md, pasted one after the other, in the shells that people have.
test.for(["bash", "zsh"])("the tour page's blocks, pasted into %s, do what it says", async (shell) => {
  if (!hasCurl || spawnSync(shell, ["--version"]).status !== 0) return;
  const tour = await readFile(new URL("../../docs/start/tour.md", import.meta.url), "utf8");
  const blocks = [...tour.matchAll(/```sh\n([^]*?)```/g)].map(([, block = ""]) => block);
  expect(blocks.length).toBeGreaterThan(2);
  const lines = blocks.join("\n").replace("http://127.0.0.1:8787", postern().url).split("\n");
  expect(lines.filter((line) => line.trim().startsWith("#"))).toEqual([]);
  const { stdout: output, stderr } = pasted(shell, lines);
  expect(stderr).not.toMatch(/not found|no matches|parse error|syntax error|bad /);
  expect([...output.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => Number(match[1])), output).toEqual([401, 403, 200]);
  for (const part of ["portcullis", '"sessions":[', "invalid_grant"]) expect(output).toContain(part);
});
