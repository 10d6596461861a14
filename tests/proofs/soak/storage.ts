// A family that has rotated very often holds no more storage than a new one, and a refresh costs no more.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Postern } from "../../worker/harness.ts";
import { boot, granted, refresh, register, signIn, type Granted } from "./client.ts";
import { storedFamily, type Stored } from "./disk.ts";

export interface StorageFigures {
  rotations: number;
  afterFirst: Stored;
  afterLast: Stored;
  /** Bytes that the record has grown by beyond the digits of its rotation count: 0, if all is well. */
  growth: number;
  /** Medians in milliseconds: of the first rotations, of the last, and of a new family's measured in turns with the last. */
  refreshMs: { first: number; last: number; newFamilyInTurns: number };
  seconds: number;
}

/** Refreshes that one median is made of. */
const SAMPLE = 100;
/** Refreshes of another family before the first is timed, so that the Worker's code is compiled. */
const WARM_UP = 100;

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;
const rounded = (value: number): number => Math.round(value * 100) / 100;

async function timed(postern: Postern, family: Granted): Promise<[Granted, number]> {
  const begun = performance.now();
  const answer = await refresh(postern, family.refreshToken);
  return [granted(answer, `rotation ${family.rotation + 1}`), performance.now() - begun];
}

export async function storage(rotations: number): Promise<StorageFigures> {
  const persist = await mkdtemp(join(tmpdir(), "postern-storage-"));
  const begun = performance.now();
  let postern = await boot({}, { persist });
  try {
    await register(postern, "long@example.com");
    let family = await signIn(postern, "long@example.com");
    [family] = await timed(postern, family);
    await postern.dispose();
    const afterFirst = await storedFamily(persist);

    // The other users' files do not count: theirs are other objects, and the one looked for is found by its family.
    postern = await boot({}, { persist });
    let other = await warm(postern);
    const times: number[] = [];
    while (family.rotation < rotations - SAMPLE) {
      const [next, took] = await timed(postern, family);
      family = next;
      if (times.length < SAMPLE) times.push(took);
    }
    const first = median(times);
    const [late, fresh]: [number[], number[]] = [[], []];
    while (family.rotation < rotations) {
      let took: number;
      [family, took] = await timed(postern, family);
      late.push(took);
      [other, took] = await timed(postern, other);
      fresh.push(took);
    }
    await postern.dispose();
    const afterLast = await storedFamily(persist);
    const digits = String(family.rotation).length - 1;
    return {
      rotations: family.rotation,
      afterFirst,
      afterLast,
      growth: afterLast.familyBytes - afterFirst.familyBytes - digits,
      refreshMs: { first: rounded(first), last: rounded(median(late)), newFamilyInTurns: rounded(median(fresh)) },
      seconds: (performance.now() - begun) / 1000,
    };
  } finally {
    await postern.dispose();
    await rm(persist, { recursive: true, force: true });
  }
}

/** Compiles what is to be timed, and leaves a family of one rotation. Its user has two, so his object is not mistaken. */
async function warm(postern: Postern): Promise<Granted> {
  await register(postern, "warm@example.com");
  let family = await signIn(postern, "warm@example.com");
  for (let count = 0; count < WARM_UP; count += 1) [family] = await timed(postern, family);
  return signIn(postern, "warm@example.com");
}
