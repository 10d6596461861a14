// `make proof NAME=gate`: everything the gate promises, over real HTTP through workerd, with figures. Names pick parts, and --seconds=N
// says how long the load goes on.
import { parseArgs } from "node:util";
import { headers } from "./headers.ts";
import { load } from "./load.ts";
import { isGood, type Part } from "./part.ts";
import { paths } from "./paths.ts";
import { slow } from "./slow.ts";
import { streams } from "./streams.ts";
import { websocket } from "./websocket.ts";

const { values, positionals: wanted } = parseArgs({ allowPositionals: true, options: { seconds: { type: "string", default: "60" } } });
const seconds = Number(values.seconds);
if (!(seconds >= 5)) throw new Error(`--seconds is a number from 5 on, not ${values.seconds}`);

/** In the order in which they are played. */
const PARTS: Part[] = [paths, headers, streams, websocket, slow, load(seconds)];

/** How many lines of each kind are shown: enough to see what they have in common. */
const SHOWN = 20;

const unknown = wanted.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) throw new Error(`no part is called ${unknown.join(", ")}: ${PARTS.map((part) => part.name).join(", ")}`);

let cases = 0;
let bypasses = 0;
let leaks = 0;
let failures = 0;
let good = true;
for (const part of PARTS) {
  if (wanted.length > 0 && !wanted.includes(part.name)) continue;
  const begun = performance.now();
  const seen = await part.run();
  const took = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${part.name}: ${seen.cases} cases run, ${seen.bypasses.length} bypasses, ${seen.leaks.length} leaks, ` +
      `${seen.failures.length} failures (${took} s)`,
  );
  for (const figure of seen.figures) console.log(`  ${figure}`);
  for (const [kind, lines] of [["BYPASS", seen.bypasses], ["LEAK", seen.leaks], ["FAILURE", seen.failures]] as const) {
    for (const line of lines.slice(0, SHOWN)) console.log(`  ${kind}: ${line}`);
    if (lines.length > SHOWN) console.log(`  ... and ${lines.length - SHOWN} more`);
  }
  cases += seen.cases;
  bypasses += seen.bypasses.length;
  leaks += seen.leaks.length;
  failures += seen.failures.length;
  good = good && isGood(seen);
}
console.log(`gate: ${cases} cases run, ${bypasses} bypasses, ${leaks} leaks, ${failures} failures`);
if (!good) process.exitCode = 1;
