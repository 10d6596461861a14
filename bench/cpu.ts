// What a request costs workerd in CPU: all contenders in one workerd, one block of requests each in turn, several rounds.
// The figure is what the operating system accounts to the process, so that what the client and the origin do does not
// count. By itself (`node bench/cpu.ts`) it prints and writes nothing, for work on the code:
//   BENCH_ONLY=hit,miss        lanes whose name holds one of these, and those that ratios compare them with
//   BENCH_ROUNDS=5 BENCH_BLOCK=300
//   BENCH_ALSO=before=folder   another build of Postern in the same run
import { builds, start, type Lane } from "./rig.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 9);
/** Requests of one contender before the next one's turn: long enough for the scheduler's accounting, short enough that
 * what disturbs the machine disturbs all. */
const BLOCK = Number(process.env["BENCH_BLOCK"] ?? 500);
const ONLY = (process.env["BENCH_ONLY"] ?? "").split(",").filter((part) => part !== "");

export interface Spread {
  median: number;
  min: number;
  max: number;
  rounds: number;
}

export interface CpuResults {
  /** Microseconds of CPU a request, by contender. */
  micros: Record<string, Spread>;
  ratios: Record<string, Spread>;
}

/** Which of a build's lanes is compared with which other. */
const RATIOS: Record<string, [ours: string, theirs: string]> = {
  gate_hit_vs_jose: ["hit", "jose, ES256"],
  gate_hit_vs_noop_js: ["hit", "JavaScript, no-op"],
  gate_hit_vs_noop_rust: ["hit", "Rust, no-op, `worker`'s macro"],
  gate_miss_vs_jose: ["miss, ES256", "jose, ES256"],
  gate_miss_vs_jose_eddsa: ["miss, EdDSA", "jose, EdDSA"],
  gate_miss_vs_jose_rs256: ["miss, RS256", "jose, RS256"],
  gate_miss_vs_webcrypto: ["miss, ES256", "webcrypto, ES256"],
  forward_vs_js: ["forwarding", "JavaScript, forwarding"],
};

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const round = (value = 0) => Math.round(value * 1000) / 1000;
  return { median: round(sorted[Math.floor(sorted.length / 2)]), min: round(sorted[0]), max: round(sorted.at(-1)), rounds: sorted.length };
}

function chosen(lanes: Lane[], names: Iterable<string>): Lane[] {
  if (ONLY.length === 0) return lanes;
  const wanted = new Set(lanes.filter(({ name }) => ONLY.some((part) => name.includes(part))).map(({ name }) => name));
  for (const name of names) {
    for (const [ours, theirs] of Object.values(RATIOS)) if (wanted.has(`${name}, ${ours}`)) wanted.add(theirs);
  }
  return lanes.filter(({ name }) => wanted.has(name));
}

export async function measure(): Promise<CpuResults> {
  const names = builds();
  const rig = await start(names);
  const lanes = chosen(rig.lanes, names.keys());
  const found = new Map<string, number[]>(lanes.map(({ name }) => [name, []]));
  try {
    // Two rounds so that all code is compiled and optimised.
    for (let round = -2; round < ROUNDS; round += 1) {
      for (const lane of lanes) {
        const micros = await rig.block(lane, BLOCK);
        if (round >= 0) found.get(lane.name)?.push(micros);
      }
    }
  } finally {
    await rig.stop();
  }
  const ratios: Record<string, Spread> = {};
  for (const name of names.keys()) {
    for (const [ratio, [ours, theirs]] of Object.entries(RATIOS)) {
      const [above, below] = [found.get(`${name}, ${ours}`), found.get(theirs)];
      if (!above || !below) continue;
      ratios[name === "Postern" ? ratio : `${name}: ${ratio}`] = spread(above.map((value, round) => value / (below[round] ?? Number.NaN)));
    }
  }
  return { micros: Object.fromEntries([...found].map(([name, values]) => [name, spread(values)])), ratios };
}

if (import.meta.main) {
  const { micros, ratios } = await measure();
  for (const [name, { median, min, max }] of Object.entries({ ...micros, ...ratios })) {
    console.log(name.padEnd(44), ...[median, min, max].map((value) => value.toFixed(name in ratios ? 2 : 0).padStart(6)));
  }
}
