// Rounds of a rig: every lane once in each, until what is to be known is known well enough.
import { spread, type Spread } from "./measure.ts";
import type { Lane, Rig } from "./rig.ts";

/** A figure is known well enough when its median's interval reaches no further than this to either side. */
const NARROW = 0.02;
/** A round is noisy when workerd's threads had to wait for a core for more than this share of the time they ran. */
const NOISY = 0.1;
/** Fewer rounds have no interval of 95 %. */
const LEAST = 6;

/** What is compared: a name, and two lanes. */
export type Pairs = Record<string, [above: string, below: string]>;

export interface Limits {
  /** Requests of one lane before the next one's turn. */
  block: number;
  /** When to stop in any case. */
  seconds: number;
  rounds: number;
}

export interface Found {
  /** Microseconds of CPU a request, by lane. */
  micros: Record<string, Spread>;
  /** The ratio of two lanes, taken in each round. */
  ratios: Record<string, Spread>;
  /** The difference of two lanes in microseconds, taken in each round. */
  differences: Record<string, Spread>;
  /** How the rounds went, as a sentence. */
  rounds: string;
}

interface Round {
  micros: Map<string, number>;
  waited: number;
}

/** The quiet rounds; all of them when there are too few quiet ones. */
function counted(rounds: Round[]): Round[] {
  const quiet = rounds.filter(({ waited }) => waited <= NOISY);
  return quiet.length >= LEAST ? quiet : rounds;
}

const compared = (rounds: Round[], pairs: Pairs, how: (above: number, below: number) => number): Record<string, Spread> =>
  Object.fromEntries(
    Object.entries(pairs).map(([name, [above, below]]) => [name, spread(rounds.map(({ micros }) => how(micros.get(above) ?? Number.NaN, micros.get(below) ?? Number.NaN)))]),
  );

const isNarrow = ({ median, low, high }: Spread): boolean => Math.max(high - median, median - low) <= NARROW * median;

export async function measured(rig: Rig, lanes: Lane[], pairs: Pairs, { block, seconds, rounds: most }: Limits): Promise<Found> {
  // Twice unmeasured, so that all code is compiled and optimised.
  for (const lane of [...lanes, ...lanes]) await rig.block(lane, Math.max(block, 150));
  const rounds: Round[] = [];
  const begun = performance.now();
  const ratios = () => compared(counted(rounds), pairs, (above, below) => above / below);
  const isDone = () => {
    if (rounds.length < LEAST) return false;
    if (rounds.length >= most || performance.now() - begun > seconds * 1000) return true;
    return counted(rounds) !== rounds && Object.values(ratios()).every(isNarrow);
  };
  while (!isDone()) {
    const round: Round = { micros: new Map(), waited: 0 };
    for (const lane of lanes) {
      const { micros, waited } = await rig.block(lane, block);
      round.micros.set(lane.name, micros);
      round.waited += waited / lanes.length;
    }
    rounds.push(round);
  }
  const kept = counted(rounds);
  const wide = Object.entries(ratios()).filter(([, ratio]) => !isNarrow(ratio)).map(([name]) => name);
  const waits = spread(rounds.map(({ waited }) => waited * 100));
  const said = [
    `${rounds.length} rounds of ${block} requests in ${((performance.now() - begun) / 1000).toFixed(0)} s`,
    `workerd waited for a core for ${waits.median.toFixed(0)} % of the time it ran (${waits.min.toFixed(0)} to ${waits.max.toFixed(0)})`,
    kept === rounds ? `too few rounds were quiet (at most ${NOISY * 100} %), so that all count` : `${kept.length} quiet rounds count (at most ${NOISY * 100} %)`,
    wide.length === 0 ? `every interval is within ${NARROW * 100} % of its median` : `stopped at the limit with intervals wider than ${NARROW * 100} % to a side: ${wide.join(", ")}`,
  ];
  return {
    micros: Object.fromEntries(lanes.map(({ name }) => [name, spread(kept.map(({ micros }) => micros.get(name) ?? Number.NaN))])),
    ratios: ratios(),
    differences: compared(kept, pairs, (above, below) => above - below),
    rounds: said.join("; "),
  };
}
