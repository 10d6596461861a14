// Waiting for something that happens by itself: look, and look again, until a deadline that only a failure reaches.
import { setTimeout as delay } from "node:timers/promises";

const DEADLINE_MS = 15_000;
const PAUSE_MS = 25;

/** The first value that is not undefined. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined> | T | undefined, deadlineMs = DEADLINE_MS): Promise<T> {
  const deadline = Date.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${deadlineMs} ms`);
    await delay(PAUSE_MS);
  }
}

/** Waits until the clock's second is past `second` (NumericDate), for what is measured in seconds. */
export async function pastSecond(second: number): Promise<void> {
  await delay(Math.max(0, (second + 1) * 1000 - Date.now()));
}
