// What `make proof NAME=gate` is made of: parts that each play their cases and count.

/** What a part saw. Anything in `bypasses`, `leaks` or `failures` makes the run fail; each line says which case. */
export interface Report {
  /** Cases that were played. */
  cases: number;
  /** Requests that reached an origin by another rule than the one that decided. */
  bypasses: string[];
  /** What reached an origin, or left it, and must not. */
  leaks: string[];
  /** Whatever else did not come out as it must: a part's own promises. */
  failures: string[];
  /** Figures worth a line. */
  figures: string[];
}

export interface Part {
  name: string;
  run(): Promise<Report>;
}

export function report(): Report {
  return { cases: 0, bypasses: [], leaks: [], failures: [], figures: [] };
}

/** Whether nothing went wrong. */
export function isGood({ cases, bypasses, leaks, failures }: Report): boolean {
  return cases > 0 && bypasses.length + leaks.length + failures.length === 0;
}
