// `make gate`: everything the gate promises, over real HTTP through workerd, with figures. ONLY="paths headers" picks parts.
import { headers } from "./headers.ts";
import { isGood, type Part } from "./part.ts";
import { paths } from "./paths.ts";

/** In the order in which they are played. */
const PARTS: Part[] = [paths, headers];

/** How many lines of each kind are shown: enough to see what they have in common. */
const SHOWN = 20;

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !PARTS.some((part) => part.name === name));
if (unknown.length > 0) throw new Error(`no part is called ${unknown.join(", ")}: ${PARTS.map((part) => part.name).join(", ")}`);

let cases = 0;
let bypasses = 0;
let leaks = 0;
let good = true;
for (const part of PARTS) {
  if (wanted.length > 0 && !wanted.includes(part.name)) continue;
  const begun = performance.now();
  const seen = await part.run();
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  console.log(
    `${part.name}: ${seen.cases} cases run, ${seen.bypasses.length} bypasses, ${seen.leaks.length} leaks, ` +
      `${seen.failures.length} failures (${seconds} s)`,
  );
  for (const figure of seen.figures) console.log(`  ${figure}`);
  for (const [kind, lines] of [["BYPASS", seen.bypasses], ["LEAK", seen.leaks], ["FAILURE", seen.failures]] as const) {
    for (const line of lines.slice(0, SHOWN)) console.log(`  ${kind}: ${line}`);
    if (lines.length > SHOWN) console.log(`  ... and ${lines.length - SHOWN} more`);
  }
  cases += seen.cases;
  bypasses += seen.bypasses.length;
  leaks += seen.leaks.length;
  good = good && isGood(seen);
}
console.log(`gate: ${cases} cases run, ${bypasses} bypasses, ${leaks} leaks`);
if (!good) process.exitCode = 1;
