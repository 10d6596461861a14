// `make bench PART=throughput`: requests a second of one core, by wrk (https://github.com/wg/wrk): workerd has a core for itself,
// wrk and the origin share another one. BENCH_SECONDS=5 for each figure.
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { promisify } from "node:util";
import { workerd } from "./measure.ts";
import { ordinary } from "./lanes.ts";
import { made, onMachine, record, table } from "./pages.ts";
import { builds, start } from "./rig.ts";

const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 5);
const CONNECTIONS = [1, 32, 256];
const LANES = ["JavaScript, no-op", "JavaScript, forwarding", "Postern, hit", "Postern, forwarding", "Postern, forwarding, assertion alone"];
/** The figure is the median of so many runs, each lane in its turn. */
const RUNS = 3;

if (spawnSync("wrk", ["-v"]).error || spawnSync("taskset", ["-V"]).error) {
  console.error("wrk and taskset are needed (Debian and Ubuntu: apt-get install wrk util-linux)");
  process.exit(1);
}

/** Requests a second. Without blocking: this process is the origin. */
async function wrk(url: URL, token: string, connections: number): Promise<number> {
  const { stdout: said } = await promisify(execFile)("taskset", ["-c", "1", "wrk", "-t1", `-c${connections}`, `-d${SECONDS}s`, "--timeout", "10s", "-H", `Authorization: Bearer ${token}`, "-H", "Accept: application/json", url.href]);
  // A refusal would be faster than the work.
  if (/Non-2xx|Socket errors/.test(said)) throw new Error(`${url.pathname}: ${said}`);
  return Number(/Requests\/sec:\s+([\d.]+)/.exec(said)?.[1]);
}

const rig = await start(ordinary(builds()));
execFileSync("taskset", ["-acp", "0", workerd()]);
execFileSync("taskset", ["-acp", "1", String(process.pid)]);
const figures: Record<string, number[][]> = {};
for (let run = 0; run < RUNS; run += 1) {
  for (const name of LANES) {
    const lane = rig.lanes.find((lane) => lane.name === name);
    if (!lane) throw new Error(`no lane ${name}`);
    await rig.first(lane);
    const [token = ""] = await rig.tokens(lane.algorithm);
    const runs = (figures[name] ??= CONNECTIONS.map(() => []));
    for (const [place, connections] of CONNECTIONS.entries()) runs[place]?.push(await wrk(rig.url(lane), token, connections));
  }
}
await rig.stop();
const median = (values: number[]) => Math.round(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN);
const medians = Object.fromEntries(Object.entries(figures).map(([name, runs]) => [name, runs.map(median)]));
await record("throughput", medians);
const rows = Object.entries(medians).map(([name, values]) => [name, ...values]);
const text = `${table(["requests a second", ...CONNECTIONS.map((count) => (count === 1 ? "1 connection" : `${count} connections`))], rows)}\n\nThe median of ${RUNS} runs of ${SECONDS} s.\n\n${onMachine}`;
await made("performance.md", "make bench PART=throughput", text);
console.log(text);
process.exit(0);
