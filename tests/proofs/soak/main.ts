// The long run: every scenario at full size against the built Worker, with all figures printed. Run it with `make proof NAME=soak`.
//
//   node tests/proofs/soak/main.ts                 all of it, about a quarter of an hour
//   node tests/proofs/soak/main.ts kills theft     only these
//   SEED=1 node tests/proofs/soak/main.ts theft    the histories of an earlier run again
import { boot } from "./client.ts";
import { garbage } from "./garbage.ts";
import { kills } from "./kills.ts";
import { races } from "./races.ts";
import { seedOfRun } from "./random.ts";
import { storage } from "./storage.ts";
import { storm } from "./storm.ts";
import { ATTACKS, theft } from "./theft.ts";

/** What must be so, in words, and whether it is. */
type Verdicts = Record<string, boolean>;

const sum = (list: number[]): number => list.reduce((total, value) => total + value, 0);

async function withPostern<T>(work: (postern: Awaited<ReturnType<typeof boot>>) => Promise<T>): Promise<T> {
  const postern = await boot();
  try {
    return await work(postern);
  } finally {
    await postern.dispose();
  }
}

/** Theft with this reuse interval: seconds that the thief and the owner wait, so many histories play at once. */
async function thieves(seed: number, each: number, interval: number, abreast: number): Promise<[object, Verdicts]> {
  const figures = await theft(seed, each, interval, abreast);
  const attacks = ATTACKS.filter((attack) => attack !== "none");
  const played = sum(attacks.map((attack) => figures.histories[attack]));
  const detected = sum(attacks.map((attack) => figures.detected[attack]));
  return [
    figures,
    {
      [`thieves found out within the bound: ${detected} of ${played}`]: detected === played,
      "histories that went another way: 0": figures.failures.length === 0,
      "distances logged wrong: 0": figures.wrongDistances === 0,
    },
  ];
}

const SCENARIOS: Record<string, (seed: number) => Promise<[object, Verdicts]>> = {
  async storm() {
    const figures = await withPostern((postern) => storm(postern, 200, 50));
    return [
      figures,
      {
        "one distinct successor of 50 in all 200 families": figures.distinctSuccessors[1] === 200,
        "families falsely revoked: 0": figures.falselyRevoked === 0,
        "refreshes refused: 0": figures.refused === 0,
      },
    ];
  },
  theft: (seed) => thieves(seed, 100, 0, 4),
  "theft-interval": (seed) => thieves(seed, 40, 1, 20),
  async races(seed) {
    const figures = await withPostern((postern) => races(postern, seed, 200));
    return [
      figures,
      {
        "accepted after a revoke returned: 0": figures.acceptedAfter === 0,
        "other sessions ended: 0": figures.bystandersEnded === 0,
        "other answers: 0": figures.failures.length === 0,
        "refreshes were in flight": figures.inFlightGranted + figures.inFlightRefused > 0,
      },
    ];
  },
  async kills(seed) {
    const figures = await kills(seed, 200);
    const retried = figures.neededRetry.late + figures.neededRetry.withinReuseInterval;
    return [
      figures,
      {
        "acknowledged rotations lost: 0": figures.rotationsLost === 0,
        "honest families dead: 0": figures.familiesDead === 0,
        "acknowledged logouts undone: 0": figures.logoutsUndone === 0,
        "other answers: 0": figures.failures.length === 0,
        [`the retry row was needed: ${retried} times`]: retried > 0,
      },
    ];
  },
  async storage() {
    const figures = await storage(10_000);
    const { first, last, newFamilyInTurns } = figures.refreshMs;
    return [
      figures,
      {
        "the record grew by its digits alone": figures.growth === 0,
        "as many rows and pages as after the first rotation":
          figures.afterFirst.rows === figures.afterLast.rows && figures.afterFirst.pages === figures.afterLast.pages,
        // In turns on one machine, so that only the family differs; a quarter is what its noise comes to.
        [`a refresh costs the same: ${last} ms, ${newFamilyInTurns} ms for a new family, ${first} ms at the beginning`]:
          last < 1.25 * newFamilyInTurns,
      },
    ];
  },
  async garbage(seed) {
    const figures = await garbage(seed, 10_000);
    return [
      figures,
      {
        "Account objects asked: 0": figures.objectAsked === 0,
        "Account objects made: 0": figures.objectsMade === 0,
        "other answers than the refusal: 0": figures.otherAnswers === 0,
        "the counter counts: each genuine refresh once": figures.countedForGenuine === figures.genuine,
      },
    ];
  },
};

const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(SCENARIOS);
const seed = seedOfRun();
console.log(`seed ${seed}`);
let failed = 0;
for (const name of chosen) {
  const scenario = SCENARIOS[name];
  if (!scenario) throw new Error(`no scenario ${name}; there are ${Object.keys(SCENARIOS).join(", ")}`);
  console.log(`\n${name}`);
  const [figures, verdicts] = await scenario(seed);
  console.log(JSON.stringify(figures, null, 1).replaceAll(/\n(?= {2,}|\s*[}\]])\s*/g, " "));
  for (const [what, holds] of Object.entries(verdicts)) {
    console.log(`  ${holds ? "ok  " : "FAIL"} ${what}`);
    failed += holds ? 0 : 1;
  }
}
if (failed > 0) {
  console.log(`\n${failed} failed`);
  process.exitCode = 1;
}
