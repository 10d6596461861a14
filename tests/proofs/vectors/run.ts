// `make proof NAME=vectors`: every suite of published vectors through both verifiers, and what came of it.
//
// Natively published.rs judges. What its code asked its verifier is then asked of WebCrypto inside workerd. A
// vector that did not reach the verifier was refused by our own code, which is the same on the Worker.
import { spawnSync } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { startWorkerd } from "../../worker/support/workerd.ts";
import type { Question } from "./webcrypto.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Suite {
  name: string;
  cases: { id: number; label: "valid" | "invalid" | "acceptable"; question: Question | null }[];
}

/**
 * Vectors marked "acceptable" (RFC 8017 leaves them to the verifier) that WebCrypto refuses: the digest's parameters left
 * out instead of NULL. One that is refused no more fails the run as surely as one that is refused anew.
 */
const REFUSED_ACCEPTABLE: Record<string, number[]> = {
  "RSA PKCS#1 2048": [8],
  "RSA PKCS#1 3072": [8],
  "RSA PKCS#1 4096": [8],
  "RSA PKCS#1 8192": [8],
};

/** Runs tests of published.rs; its lines for the report. */
function cargoTest(filter: string[], env: Record<string, string> = {}): string[] {
  const run = spawnSync("cargo", ["test", "--quiet", "--package", "postern-vectors", "--", "--nocapture", "--test-threads=1", ...filter], {
    cwd: root,
    env: { ...process.env, ...env },
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (run.status !== 0) throw new Error(`the native vectors failed:\n${run.stdout}${run.stderr}`);
  // Without --quiet's marks of progress, which stand in front of what a test prints.
  return run.stdout.split("\n").map((line) => line.replace(/^[.i]+(?=native|json)/, ""));
}

const folder = await mkdtemp(join(tmpdir(), "postern-vectors-"));
const out = join(folder, "questions.json");
const native = cargoTest([]).filter((line) => line.startsWith("native ") || line.includes("not present"));
cargoTest(["--ignored", "write_the_questions"], { POSTERN_VECTORS_OUT: out });
const suites = JSON.parse(await readFile(out, "utf8")) as Suite[];
await rm(folder, { recursive: true });

const bundled = await build({
  entryPoints: [fileURLToPath(new URL("webcrypto.ts", import.meta.url))],
  bundle: true,
  format: "esm",
  target: "esnext",
  write: false,
});
const worker = startWorkerd({
  workers: [{ modules: true, script: bundled.outputFiles[0]?.text ?? "", compatibilityDate: "2026-07-01" }],
});
const url = await worker.ready;

console.log(native.join("\n"));
let failed = false;
for (const { name, cases } of suites) {
  const asked = cases.filter((one) => one.question !== null);
  const response = await fetch(url, { method: "POST", body: JSON.stringify(asked.map((one) => one.question)) });
  const verdicts = (await response.json()) as boolean[];
  const accepted = new Set(asked.filter((_, index) => verdicts[index] === true).map((one) => one.id));
  const wrong = cases.filter((one) => one.label !== "acceptable" && accepted.has(one.id) !== (one.label === "valid"));
  const refused = cases.filter((one) => one.label === "acceptable" && !accepted.has(one.id)).map((one) => one.id);
  const ledger = REFUSED_ACCEPTABLE[name] ?? [];
  const sameLedger = JSON.stringify(refused) === JSON.stringify(ledger);
  failed ||= wrong.length > 0 || !sameLedger;
  const notes = [
    `refused though acceptable: [${refused.join(", ")}]`,
    ...(sameLedger ? [] : [`THE LEDGER SAYS [${ledger.join(", ")}]`]),
    ...(wrong.length > 0 ? [`WRONG: ${wrong.map((one) => `${one.id} (${one.label})`).join(", ")}`] : []),
    `${cases.length - asked.length} refused before the verifier`,
  ];
  const good = String(cases.length - wrong.length).padStart(4);
  console.log(`WebCrypto  ${name.padEnd(18)} ${good} of ${String(cases.length).padEnd(4)}  ${notes.join("; ")}`);
}
await worker.dispose();
if (failed) process.exitCode = 1;
