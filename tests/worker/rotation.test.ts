// One rotation under traffic, in short: `make proof NAME=rotation` plays three, and PyJWT verifies too.
import { expect, test } from "vitest";
import { playRotations } from "../proofs/rotation/play.ts";

// Under traffic, at the gate and at a client that caches the key set.
test("a change of the algorithm refuses no token", async () => {
  const played = await playRotations(1, "jose");
  expect(new Set(played.signers.map(({ alg }) => alg))).toEqual(new Set(["ES256", "EdDSA"]));
  for (const { refused, verified } of played.tallies) {
    expect(refused).toEqual([]);
    expect(verified).toBeGreaterThan(50);
  }
}, 120_000);
