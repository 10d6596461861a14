// What a request costs workerd in CPU: all contenders in one workerd, one block of requests each in turn, round by round.
// The figure is what the operating system accounts to the process, so that what the client and the origin do does not
// count. By itself (`node bench/cpu.ts`) it prints and writes nothing, for work on the code:
//   BENCH_ONLY=hit,miss        lanes whose name holds one of these, and those that ratios compare them with
//   BENCH_ROUNDS=30            at most
//   BENCH_SECONDS=200          at most, without starting and warming up
//   BENCH_BLOCK=100            requests of one lane before the next one's turn
//   BENCH_ALSO=before=folder   another build of Postern in the same run
import { ordinary } from "./lanes.ts";
import { builds, start, type Lane } from "./rig.ts";
import { measured, type Found, type Pairs } from "./rounds.ts";

/** Long enough for the scheduler's accounting, short enough that what disturbs the machine disturbs all. */
const BLOCK = Number(process.env["BENCH_BLOCK"] ?? 100);
const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 1000);
/** What is left of five minutes beside refreshes, counts and starting. */
const SECONDS = Number(process.env["BENCH_SECONDS"] ?? 180);
const ONLY = (process.env["BENCH_ONLY"] ?? "").split(",").filter((part) => part !== "");

/** Which of a build's lanes is compared with which other. */
const RATIOS: Pairs = {
  gate_hit_vs_jose: ["hit", "jose, ES256"],
  gate_hit_vs_noop_js: ["hit", "JavaScript, no-op"],
  gate_hit_vs_noop_rust: ["hit", "Rust, no-op, `worker`'s macro"],
  gate_hit_vs_better_auth: ["hit", "better-auth, session check"],
  gate_miss_vs_jose: ["miss, ES256", "jose, ES256"],
  gate_miss_vs_jose_eddsa: ["miss, EdDSA", "jose, EdDSA"],
  gate_miss_vs_jose_rs256: ["miss, RS256", "jose, RS256"],
  gate_miss_vs_webcrypto: ["miss, ES256", "webcrypto, ES256"],
  forward_vs_js: ["forwarding", "JavaScript, forwarding"],
  forward_assertion_vs_js: ["forwarding, assertion alone", "JavaScript, forwarding"],
  forward_public_vs_js: ["forwarding a public route", "JavaScript, forwarding"],
  forward_service_vs_js: ["forwarding to a service binding", "JavaScript, forwarding to a service binding"],
};

/** The ratios of every build; those of others have its name in front, and one of each of their lanes is to this build's. */
function pairs(names: string[], lanes: Lane[]): Pairs {
  const found: Pairs = {};
  const there = new Set(lanes.map(({ name }) => name));
  for (const name of names) {
    for (const [ratio, [ours, theirs]] of Object.entries(RATIOS)) {
      if (there.has(`${name}, ${ours}`) && there.has(theirs)) found[name === "Postern" ? ratio : `${name}: ${ratio}`] = [`${name}, ${ours}`, theirs];
    }
    if (name === "Postern") continue;
    for (const { worker, name: lane } of lanes) {
      const same = lane.replace(`${name}, `, "Postern, ");
      if (worker === name && there.has(same)) found[`Postern / ${lane}`] = [same, lane];
    }
  }
  return found;
}

function chosen(lanes: Lane[], names: Iterable<string>): Lane[] {
  if (ONLY.length === 0) return lanes;
  const wanted = new Set(lanes.filter(({ name }) => ONLY.some((part) => name.includes(part))).map(({ name }) => name));
  for (const name of names) {
    for (const [ours, theirs] of Object.values(RATIOS)) if (wanted.has(`${name}, ${ours}`)) wanted.add(theirs);
  }
  return lanes.filter(({ name }) => wanted.has(name));
}

export async function measure(): Promise<Found> {
  const found = builds();
  const rig = await start(ordinary(found));
  try {
    const lanes = chosen(rig.lanes, found.keys());
    return await measured(rig, lanes, pairs([...found.keys()], lanes), { block: BLOCK, seconds: SECONDS, rounds: ROUNDS });
  } finally {
    await rig.stop();
  }
}

if (import.meta.main) {
  const { micros, ratios, rounds } = await measure();
  for (const [name, { median, low, high }] of Object.entries({ ...micros, ...ratios })) {
    console.log(name.padEnd(52), ...[median, low, high].map((value) => value.toFixed(name in ratios ? 3 : 0).padStart(7)));
  }
  console.log(rounds);
}
