// What must not pass while isolates know different things, and what everybody may call without harm; `make proof NAME=revocation` plays
// the same with the settings of a deployment.
import { expect, test } from "vitest";
import { lateRefreshes, readyzByEverybody } from "../proofs/revocation/scenes.ts";

test("a revoked client gains nothing by a refresh where nobody knows", { timeout: 120_000 }, async () => {
  // The bound is a third of max_age and reread, 4 s; a busy machine is given as long again.
  const seen = await lateRefreshes({ reread: 2, max_age: 6 }, 8_000, 20_000);
  expect(seen.issued, "refreshes were granted after the revocation").toBeGreaterThanOrEqual(3);
  expect(seen.passedAfter).toBe(0);
  expect(seen.refused).toBeGreaterThan(100);
});

test("/readyz by everybody asks the key ring once in five seconds", { timeout: 120_000 }, async () => {
  const seen = await readyzByEverybody(500, 12);
  expect(Object.keys(seen.statuses)).toEqual(["200"]);
  // One more for the begin of the first period, and one for what was answered late.
  expect(seen.keyRing).toBeLessThanOrEqual(Math.ceil(seen.seconds / 5) + 1);
});
