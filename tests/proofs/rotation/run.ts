// `make proof NAME=rotation`: three rotations under constant traffic, the last one a change of algorithm, and what was refused.
import { playRotations } from "./play.ts";

const ROTATIONS = 3;

const played = await playRotations(ROTATIONS);
for (const { kid, alg, seconds, tokens } of played.signers) {
  console.log(`from ${seconds.toFixed(1).padStart(5)} s  ${alg}  ${kid}  signed ${tokens}`);
}
console.log(
  `rotations: ${played.signers.length - 1}; keys in the set: ${played.largestSet} at most; ` +
    `${played.left} of ${played.signers.length} signers have left it`,
);
for (const { name, verified, refused, late } of played.tallies) {
  const words = late > 0 ? ` (and ${late} answers came after the token's end)` : "";
  console.log(`${name}: verified ${verified}, refused ${refused.length}${words}`);
  for (const refusal of refused.slice(0, 5)) console.log(`  ${refusal}`);
}
for (const skipped of played.skipped) console.log(`skipped: ${skipped}`);
const refused = played.tallies.reduce((sum, tally) => sum + tally.refused.length, 0);
const verified = played.tallies.reduce((sum, tally) => sum + tally.verified, 0);
console.log(`issued ${played.issued}, verified ${verified}, refused ${refused}`);
const changed = new Set(played.signers.map(({ alg }) => alg)).size === 2;
if (refused > 0 || played.signers.length <= ROTATIONS || !changed) process.exitCode = 1;
