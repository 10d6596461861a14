// The scenarios of `make proof NAME=soak` in small: a minute instead of a quarter of an hour. Each failure names its seed.
import { describe, expect, test } from "vitest";
import { boot } from "../proofs/soak/client.ts";
import { garbage } from "../proofs/soak/garbage.ts";
import { races } from "../proofs/soak/races.ts";
import { seedOfRun } from "../proofs/soak/random.ts";
import { storage } from "../proofs/soak/storage.ts";
import { storm } from "../proofs/soak/storm.ts";
import { ATTACKS, theft } from "../proofs/soak/theft.ts";

const seed = seedOfRun();

describe(`seed ${seed}`, () => {
  // One successor for each token.
  test("10 families with 20 refreshes at once each: none ends", async () => {
    const postern = await boot();
    try {
      const figures = await storm(postern, 10, 20, 10);
      expect(figures).toMatchObject({ distinctSuccessors: { 1: 10 }, refused: 0, falselyRevoked: 0 });
    } finally {
      await postern.dispose();
    }
  });

  // In random histories and at the right distance; honest devices are not taken for thieves.
  test("thieves are found within the bound", async () => {
    const figures = await theft(seed, 5, 0, 5);
    expect(figures.failures).toEqual([]);
    expect(figures.wrongDistances).toBe(0);
    for (const attack of ATTACKS) expect(figures.detected[attack], attack).toBe(attack === "none" ? 0 : 5);
  });

  // With refreshes in flight.
  test("nothing is accepted after a logout has returned", async () => {
    const postern = await boot();
    try {
      const figures = await races(postern, seed, 12);
      expect(figures).toMatchObject({ acceptedAfter: 0, bystandersEnded: 0, failures: [] });
      expect(figures.refusedAfter).toBeGreaterThan(0);
    } finally {
      await postern.dispose();
    }
  });

  test("garbage of eleven kinds does not reach an Account object", async () => {
    const figures = await garbage(seed, 330);
    expect(figures).toMatchObject({ objectAsked: 0, objectsMade: 0, otherAnswers: 0 });
    expect(figures.countedForGenuine).toBe(figures.genuine);
  });

  test("a family's record grows by its rotation count's digits", async () => {
    const { growth, afterFirst, afterLast } = await storage(120);
    expect(growth).toBe(0);
    expect(afterLast).toMatchObject({ rows: afterFirst.rows, pages: afterFirst.pages });
  });
});
