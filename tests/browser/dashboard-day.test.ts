// The overview of a deployment that has a day behind it, with an hour of password guessing and an upstream that was away: what
// the charts look like with counts in them.
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { METRICS_TOKEN, metricsText } from "../worker/support/metrics.ts";
import { start } from "../worker/support/postern.ts";
import { enter } from "./administrator.ts";
import { picture, SURROUNDINGS } from "./app-scene.ts";
import { scene, webSettings } from "./scene.ts";

const QUARTER = 900;
const BUCKETS = 96;
const vars = () => webSettings({ POSTERN_PAGES: { name: "Acme Books" }, POSTERN_ADMIN: { dashboard: true }, POSTERN_METRICS_TOKEN: METRICS_TOKEN });
const folder = mkdtempSync(join(tmpdir(), "postern-day-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What is counted in a quarter of an hour: more by day than by night, and twice something that should not be. */
function counted(quarter: number): Record<string, number> {
  const busy = 1 - Math.cos((2 * Math.PI * quarter) / BUCKETS);
  // The same each time, and no straight line.
  const some = (most: number) => Math.round(most * (0.15 + busy / 2) * (1 + 0.18 * Math.sin(quarter * quarter)));
  const isGuessed = quarter >= 60 && quarter < 65;
  const isAway = quarter === 41 || quarter === 42;
  return {
    'postern_sign_ins{result="success"}': some(120),
    'postern_sign_ins{result="wrong_password"}': some(9) + (isGuessed ? 61 : 0),
    'postern_sign_ins{result="unknown_login"}': some(4) + (isGuessed ? 96 : 0),
    'postern_refreshes{decision="rotate"}': some(310),
    'postern_refreshes{decision="late_retry"}': some(3),
    'postern_gate_requests{route="orders",outcome="forwarded"}': some(5200),
    'postern_gate_requests{route="orders",outcome="unauthenticated"}': some(90),
    'postern_access_refused{code="expired"}': some(88),
    'postern_upstream_failures{route="orders",cause="unreachable"}': isAway ? 180 + quarter : 0,
    'postern_faults{part="upstream"}': isAway ? 180 + quarter : 0,
    'postern_throttled{limit="login-ip"}': isGuessed ? 240 + quarter : 0,
  };
}

/** The name of a series in the history: of several labels the last. */
const short = (series: string): string => series.replace(/^postern_(\w+)\{.*"(\w[\w-]*)"\}$/, "$1:$2");

/** Puts a day into a Metrics object's storage, as docs/reference/storage-schema.md describes it. */
function live(database: DatabaseSync): void {
  const write = database.prepare("INSERT OR REPLACE INTO records (kind, id, record) VALUES (?, ?, ?)");
  const now = Math.floor(Date.now() / 1000);
  const first = now - (now % QUARTER) - (BUCKETS - 1) * QUARTER;
  const sums: Record<string, number> = {};
  for (let quarter = 0; quarter < BUCKETS; quarter += 1) {
    const at = first + quarter * QUARTER;
    const mark = { at: [at], ...Object.fromEntries(Object.entries(sums).map(([series, sum]) => [short(series), [sum]])) };
    write.run("history_day", String((at / QUARTER) % BUCKETS), JSON.stringify(mark));
    for (const [series, count] of Object.entries(counted(quarter))) sums[series] = (sums[series] ?? 0) + count;
  }
  const totals = JSON.parse(database.prepare("SELECT record FROM records WHERE kind = 'metrics'").get()!["record"] as string) as { series: Record<string, number[]> };
  for (const [series, sum] of Object.entries(sums)) totals.series[series] = [(totals.series[series]?.[0] ?? 0) + sum];
  write.run("metrics", "totals", JSON.stringify(totals));
}

// One Metrics object exists when this Worker has sent its counts to it.
beforeAll(async () => {
  const before = await start({ persist: folder, vars: vars() });
  await metricsText(before);
  await before.dispose();
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".sqlite"));
  const lived = files.filter((name) => {
    const database = new DatabaseSync(join(folder, name));
    const has = (sql: string) => database.prepare(sql).get() !== undefined;
    const isMetrics = has("SELECT 1 FROM sqlite_master WHERE name = 'records'") && has("SELECT 1 FROM records WHERE kind = 'metrics'");
    if (isMetrics) live(database);
    database.close();
    return isMetrics;
  });
  expect(lived.length).toBe(1);
});

const on = scene(() => ({ persist: folder, vars: vars() }));

test.for(["light", "dark", "phone"])("a day with an attack is seen: %s", async (name) => {
  const context = await on().browser.newContext(SURROUNDINGS[name]);
  const page = await context.newPage();
  await enter(page, "/overview?span=day");
  const all = Array.from({ length: BUCKETS }, (_, quarter) => counted(quarter));
  const guesses = all.reduce((sum, of) => sum + (of['postern_sign_ins{result="wrong_password"}'] ?? 0) + (of['postern_sign_ins{result="unknown_login"}'] ?? 0), 0);
  expect(await page.locator("figure", { hasText: "Sign-ins" }).locator("figcaption").textContent()).toContain(`${guesses} refused or failed`);
  await page.evaluate(() => {
    const heading = [...document.querySelectorAll("h2")].find(({ textContent }) => textContent === "What was counted");
    window.scrollTo(0, (heading?.getBoundingClientRect().top ?? 0) - 24);
  });
  await picture(page, `dashboard-overview-${name}`);
  await context.close();
});
