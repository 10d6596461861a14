// Before the first test: the Worker, built by the same script as for a deployment. After the last: what all of them wrote
// is searched for every secret that any of them saw, and every event is held against its schema.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mistakesIn } from "./support/event-schema.ts";
import { beginRun, eventsOfRun, searchRun } from "./support/run.ts";

export default function buildTheWorker(): () => void {
  execFileSync(fileURLToPath(new URL("../../scripts/build.sh", import.meta.url)), { stdio: "inherit" });
  const folder = mkdtempSync(join(tmpdir(), "postern-run-"));
  beginRun(folder);
  return () => {
    try {
      lookBack();
    } finally {
      rmSync(folder, { recursive: true });
    }
  };
}

function lookBack(): void {
  const { secrets, forms, lines, leaks } = searchRun();
  const events = eventsOfRun();
  const mistakes = mistakesIn(events);
  const names = new Set(events.map(({ event }) => event));
  console.log(`\nleak test: ${secrets} secrets in ${forms} forms, ${lines} lines of output, ${leaks.length} found`);
  console.log(`audit events: ${events.length} of ${names.size} names, ${mistakes.length} against their schema`);
  for (const { secret, line } of leaks.slice(0, 10)) console.error(`LEAK ${secret} in: ${line}`);
  for (const mistake of mistakes.slice(0, 10)) console.error(`SCHEMA ${mistake}`);
  if (leaks.length > 0 || mistakes.length > 0) throw new Error("secrets in the output, or events against their schema");
}
