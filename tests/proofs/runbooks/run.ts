// `make proof NAME=runbooks`: every incident of docs/guides/runbook.md on a Worker of its own, all at the same time and in real time,
// each with a Prometheus that has the rules of examples/prometheus. ONLY chooses some by a word of their names.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { unclaimed } from "./dashboard.ts";
import * as failures from "./failures.ts";
import * as attacks from "./incidents.ts";
import type { Incident, Played } from "./incidents.ts";
import { program, SCRAPE_SECONDS } from "./prometheus.ts";

const examples = fileURLToPath(new URL("../../../examples/prometheus/", import.meta.url));
const alertsOf = (name: string, pattern: RegExp): string[] => [...new Set([...readFileSync(`${examples}${name}`, "utf8").matchAll(pattern)].map(([, alert]) => alert ?? ""))].sort();

/** The rules are valid, and each fires and does not fire where its tests say so. */
function rules(): void {
  const promtool = (...words: string[]) => process.stdout.write(execFileSync(program("promtool"), words, { cwd: examples, encoding: "utf8" }));
  promtool("check", "rules", "postern.rules.yml");
  promtool("test", "rules", "postern.tests.yml");
  const alerts = alertsOf("postern.rules.yml", /- alert: (\w+)/g);
  const tests = readFileSync(`${examples}postern.tests.yml`, "utf8").split("  - name: ").slice(1);
  for (const alert of alerts) {
    const of = tests.filter((text) => text.includes(`alertname="${alert}"`)).join("");
    if (!of.includes("exp_samples: [{ value: 1 }]") || !of.includes("exp_samples: []")) throw new Error(`${alert} lacks a test where it fires, or one where it does not`);
  }
  const text = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");
  const table = text("docs/guides/monitoring.md");
  for (const alert of alerts) if (!table.includes(`| \`${alert}\``)) throw new Error(`docs/guides/monitoring.md lacks ${alert}`);
  for (const place of alertsOf("postern.rules.yml", /runbook: (\S+)/g)) {
    const [page = "", anchor] = place.split("#");
    const anchors = [...text(page).matchAll(/^#+ (.*)$/gm)].map(([, heading = ""]) => heading.toLowerCase().replace(/[^\w\s-]/g, "").replaceAll(" ", "-"));
    if (anchor !== undefined && !anchors.includes(anchor)) throw new Error(`${place}, which an alert names, is not there`);
  }
  console.log(`${alerts.length} alerts, each with tests where it fires and where it does not\n`);
}

const INCIDENTS: Record<string, Incident> = {
  "stolen refresh token": attacks.stolenRefreshToken,
  "leaked signing key": attacks.leakedKey,
  "leaked master secret": attacks.leakedMaster,
  "issuer down": failures.issuerDown,
  "issuer rotated badly": failures.issuerRotatedBadly,
  "password-guessing wave": attacks.guessing,
  "D1 restored": attacks.restored,
  "KV read-only": failures.kvReadOnly,
  "key ring unreachable": failures.objectUnreachable,
  "upstream's certificate expired": failures.expiredCertificate,
  "bad deployment rolled back": failures.badDeployment,
  "free plan: D1": failures.freeDatabase,
  "free plan: objects": failures.freeObjects,
};

function row(name: string, played: Played): string {
  const alert = typeof played.alert === "number" ? `${played.alert.toFixed(0)} (\`${played.alertName}\`)` : played.alert;
  const seen = typeof played.seen === "number" ? played.seen.toFixed(0) : played.seen;
  return `| ${name} | ${alert} | ${seen} | ${played.done.toFixed(1)} | ${played.honest} | ${played.attacker ?? ""} | ${played.told} |`;
}

rules();
const only = process.env["ONLY"];
const chosen = Object.entries(INCIDENTS).filter(([name]) => only === undefined || name.includes(only));
console.log(`${chosen.length} incidents at once; a scrape and an evaluation of the rules every ${SCRAPE_SECONDS} s; no time is simulated`);
const lines = await Promise.all(
  chosen.map(async ([name, incident]) => {
    try {
      const line = row(name, await incident());
      console.log(line);
      return line;
    } catch (error) {
      process.exitCode = 1;
      console.log(`FAIL ${name}: ${error instanceof Error ? error.stack : String(error)}`);
      return `| ${name} | FAILED | | | | | |`;
    }
  }),
);
console.log("\n| incident | cause to alert, s | cause to dashboard, s | alert to done, s | users | attacker | |\n|---|---|---|---|---|---|---|");
console.log(lines.join("\n"));
for (const name of only === undefined ? unclaimed("runbook") : []) {
  process.exitCode = 1;
  console.log(`FAIL docs/guides/runbook.md: no incident looked for what the dashboard is said to show: ${name}`);
}
process.exit();
