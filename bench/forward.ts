// `make bench PART=forward`: where the microseconds of forwarding go. Plain JavaScript forwards (bench/peers/steps.js) with
// one thing more in each lane, beside Postern; each lane's difference to the plain one, in time and, where valgrind is, in
// instructions. `--render` writes the page anew from what was measured last.
//   BENCH_SECONDS=150 BENCH_ALSO=before=folder
import { hasValgrind } from "./counts.ts";
import { counted } from "./callgrind.ts";
import { ORIGIN, postern } from "./lanes.ts";
import type { Spread } from "./measure.ts";
import { peerScript } from "./bundle.ts";
import { made, onMachine, record, recorded, table } from "./pages.ts";
import { builds, plain, start, type Lane, type Place, type Roster } from "./rig.ts";
import { measured, type Pairs } from "./rounds.ts";

/** The names of bench/peers/steps.js, in the order of the table, with what they do. */
const STEPS: Record<string, string> = {
  plain: "`fetch(new Request(url, request))`",
  init: "the floor for what follows: `fetch(url, { method, headers, redirect, body })`",
  copied: "the headers copied, `Authorization` deleted",
  ten: "ten headers set on the copy",
  "ten kept": "the ten copied from a kept set, the request's own appended",
  "ten as they are": "the ten and the request's own, kept: nothing copied in JavaScript",
  assertion: "two headers set: an assertion of 600 characters, and the hops",
  uncached: "`cf: { cacheTtl: -1, cacheLevel: \"bypass\" }`",
  "no-store": "`cache: \"no-store\"`",
  signal: "an `AbortController`'s signal",
  deadline: "an `AbortController` and a timer, cleared with the answer",
  "AbortSignal.timeout": "`AbortSignal.timeout`, which would also end the answer's body",
  "headers read": "all headers read into one text",
  awaited: "an `async` function with `try` and `finally`",
  "answer looked at": "status and `set-cookie` of the answer",
  "answer copied": "`new Response(response.body, response)`",
  everything: "the ten kept, `cf`, the deadline, `try` and `finally`, the answer looked at",
};

/** Lanes of Postern by name, with what they do. */
const OURS: Record<string, [path: string, what: string]> = {
  "forwarding": ["/forward", "a verified token, ten headers set, `cf`, a deadline"],
  "forwarding, no deadline": ["/no-deadline", "the same without the deadline"],
  "forwarding, assertion alone": ["/assertion", "a verified token, two headers set, `cf`, no deadline"],
  "forwarding a public route": ["/public", "no token, four headers set, a deadline"],
};

/** Each lane of Postern with a service binding is compared with this one. */
const SERVICE = "service";

const EVERYTHING_TO_SERVICE = "everything, service";

async function roster(place: Place): Promise<Roster> {
  const { originUrl, compatibility } = place;
  const here = [
    { name: "forward", path: "/forward", upstream: originUrl },
    { name: "public", path: "/public", access: "public", upstream: originUrl },
    { name: "service", path: "/service", service: "ORIGIN" },
  ];
  // What builds before these settings do not know.
  const more = [
    { name: "no-deadline", path: "/no-deadline", upstream: originUrl, timeout_ms: "none" },
    { name: "assertion", path: "/assertion", upstream: originUrl, timeout_ms: "none", assertion: "https://orders.example", headers: "assertion" },
  ];
  const lanes: Lane[] = [...Object.keys(STEPS), SERVICE, EVERYTHING_TO_SERVICE].map((step) => plain(step, "steps", `/${encodeURI(step)}`));
  const all = builds();
  for (const name of all.keys()) {
    for (const [lane, [path]] of Object.entries(OURS)) {
      if (name === "Postern" || here.some((route) => route.path === path)) lanes.push(plain(`${name}, ${lane}`, name, path));
    }
    lanes.push(plain(`${name}, forwarding to a service binding`, name, "/service"));
  }
  return {
    workers: [
      { ...ORIGIN, ...compatibility },
      {
        name: "steps",
        modules: [{ type: "ESModule", path: "steps.js", contents: await peerScript("steps.js") }],
        ...compatibility,
        serviceBindings: { ORIGIN: "origin" },
        bindings: { ORIGIN_URL: originUrl },
      },
      ...[...all].map(([name, folder]) => postern(name, folder, name === "Postern" ? [...here, ...more] : here, place)),
    ],
    lanes,
  };
}

/** With what a lane is compared. */
const below = (lane: string): string => (lane.includes("service") ? SERVICE : "plain");

interface Forwarding {
  micros: Record<string, Spread>;
  ratios: Record<string, Spread>;
  differences: Record<string, Spread>;
  rounds: string;
  /** Thousands of instructions a request; empty without valgrind. */
  instructions: Record<string, number>;
}

async function measure(): Promise<Forwarding> {
  const rig = await start(roster);
  const pairs: Pairs = Object.fromEntries(
    rig.lanes.filter(({ name }) => name !== "plain" && name !== SERVICE).map(({ name }) => [name, [name, below(name)]]),
  );
  const found = await measured(rig, rig.lanes, pairs, { block: 100, seconds: Number(process.env["BENCH_SECONDS"] ?? 150), rounds: 1000 }).finally(() => rig.stop());
  return { ...found, instructions: hasValgrind() ? await counted("steps", () => start(roster)) : {} };
}

const found = process.argv.includes("--render") ? ((await recorded<Forwarding>("forward")) ?? (await measure())) : await measure();
await record("forward", found);

const digits = (value: number | undefined, places = 0) => (value === undefined ? "" : value.toFixed(places));
const what = (lane: string) => STEPS[lane] ?? OURS[lane.replace(/^[^,]+, /, "")]?.[1] ?? "";
const rows = Object.entries(found.micros).map(([lane, { median }]) => {
  const [more, ratio] = [found.differences[lane], found.ratios[lane]];
  const counts = found.instructions[lane];
  const least = found.instructions[below(lane)];
  return [
    lane,
    what(lane),
    digits(median),
    more ? `${digits(more.median)} (${digits(more.low)} to ${digits(more.high)})` : "",
    ratio ? `${digits(ratio.median, 2)} (${digits(ratio.low, 2)} to ${digits(ratio.high, 2)})` : "",
    digits(counts),
    counts !== undefined && least !== undefined && more ? digits(counts / least, 2) : "",
  ];
});
const head = ["", "what it does more", "µs", "µs more (95 %)", "ratio (95 %)", "1000 instructions", "ratio"];
const valgrind = Object.keys(found.instructions).length > 0 ? "Instructions are those of workerd in user space, by callgrind, where allocating is dearer than in a plain run; Postern's are not counted, since V8 does not optimise there." : "No instruction counts: valgrind is not installed.";
const text = `${table(head, rows)}\n\n${found.rounds}. ${valgrind}\n\n${onMachine}`;
await made("performance.md", "make bench PART=forward", text);
console.log(text);
process.exit(0);
