// Randomness that can be had again: the same seed gives the same histories, so that a failure can be looked at.

export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 up to, not including, 1 (SplitMix32). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let z = this.#state;
    z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32;
  }

  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  oneOf<T>(list: readonly T[]): T {
    const found = list[this.between(0, list.length - 1)];
    if (found === undefined) throw new Error("nothing to choose from");
    return found;
  }

  bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.between(0, 255)));
  }
}

/** SEED of the environment, or one of its own. */
export function seedOfRun(): number {
  const given = process.env["SEED"];
  if (given === undefined || given === "") return Date.now() % 2 ** 32;
  const seed = Number(given);
  if (!Number.isInteger(seed) || seed < 0) throw new Error("SEED is a whole number, not negative");
  return seed;
}
