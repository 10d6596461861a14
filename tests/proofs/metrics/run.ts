// `make proof NAME=metrics`: 1 000 mixed requests with a SIGKILL of workerd in the middle; then /metrics must parse with Prometheus's
// own parser, and the counters must equal what the clients saw.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startPostern } from "../../worker/harness.ts";
import { settings } from "../../worker/support/config.ts";
import { METRICS_TOKEN, metricsText } from "../../worker/support/metrics.ts";
import { UrlOrigin } from "../../worker/support/origin.ts";
import { python } from "../../worker/support/python.ts";
import { Script } from "./play.ts";

const REQUESTS = 1000;
/** Those families that the script is the whole truth about. */
const WHOLE = /^postern_(sign_ins|refreshes|reuse_detected|access_refused|gate_requests|upstream_failures|faults|events)_total/;
/** Events of ours that no client asked for. */
const OWN_EVENTS = /event="key_/;

interface Family {
  type: string;
  samples: [string, Record<string, string>, number][];
}

const program = python("prometheus-client", "prometheus-client==0.26.0", "import prometheus_client");
if (program === undefined) throw new Error("no Python that has prometheus-client, and none could be made");
const parser = fileURLToPath(new URL("parse.py", import.meta.url));

function parse(text: string): Map<string, Family> {
  const { status, stdout, stderr } = spawnSync(program as string, [parser], { input: text, encoding: "utf8" });
  if (status !== 0) throw new Error(`the parser refuses the text: ${stderr}`);
  return new Map(Object.entries(JSON.parse(stdout) as Record<string, Family>));
}

function samples(families: Map<string, Family>): Map<string, number> {
  const flat = [...families.values()].flatMap(({ samples }) => samples);
  return new Map(
    flat.map(([name, labels, value]) => {
      const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
      return [pairs.length === 0 ? name : `${name}{${pairs.join(",")}}`, value];
    }),
  );
}

const folder = await mkdtemp(join(tmpdir(), "postern-metrics-"));
const origin = await UrlOrigin.start();
const options = {
  persist: folder,
  vars: settings(
    {
      POSTERN_METRICS_TOKEN: METRICS_TOKEN,
      // The cheapest that is allowed: hundreds of sign-ins, and none of them is what this is about.
      POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
    },
    [
      { name: "for-others", path: "/for-others", service: "ORIGIN", scopes_all: ["of:others"] },
      // Nobody listens there.
      { name: "down", path: "/down", upstream: "http://127.0.0.1:9", access: "public" },
      { name: "mute", path: "/hang", upstream: origin.url, access: "public", timeout_ms: 100 },
    ],
  ),
};
const script = new Script(Number(process.env["SEED"] ?? 1));
let postern = await startPostern(options);
let mistakes = 0;
try {
  const play = async (until: number) => {
    while (script.requests < until) await script.step(postern);
  };
  await play(REQUESTS / 2);
  // Reading flushes: from here on a kill loses nothing that was counted before.
  const before = samples(parse(await metricsText(postern)));
  await postern.killHard();
  postern = await startPostern(options);
  const restarted = samples(parse(await metricsText(postern)));
  const back = [...before].filter(([series, value]) => /_(total|count|bucket|sum)/.test(series) && (restarted.get(series) ?? 0) < value);
  console.log(`after a SIGKILL and a restart: ${back.length} of ${before.size} samples went back`);
  mistakes += back.length;
  await play(REQUESTS);

  const families = parse(await metricsText(postern));
  const told = samples(families);
  const all = new Set([...script.truth.keys(), ...[...told.keys()].filter((series) => WHOLE.test(series) && !OWN_EVENTS.test(series))]);
  for (const series of [...all].sort()) {
    const [truth, value] = [script.truth.get(series) ?? 0, told.get(series) ?? 0];
    if (truth !== value) mistakes += 1;
    console.log(`${truth === value ? "ok   " : "WRONG"} ${String(value).padStart(5)} of ${String(truth).padStart(5)}  ${series}`);
  }
  console.log(
    `prometheus-client parsed ${families.size} families, ${told.size} samples; ` +
      `${script.requests} requests, ${all.size} counters, ${mistakes} wrong`,
  );
} finally {
  await postern.dispose();
  await origin.stop();
  await rm(folder, { recursive: true });
}
if (mistakes > 0) process.exitCode = 1;
