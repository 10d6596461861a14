/** A moment by both clocks of a page: one can be set, the other may stand still in a sleep. */
export interface Moment {
  wall: number;
  steady: number;
}

/** The moment so many milliseconds from now. */
export function moment(ms: number): Moment {
  return { wall: Date.now() + ms, steady: performance.now() + ms };
}

/** The milliseconds until then, by the clock that says less. */
export function left({ wall, steady }: Moment): number {
  return Math.min(wall - Date.now(), steady - performance.now());
}
