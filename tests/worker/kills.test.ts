// Twenty times SIGKILL at a random moment, with refreshes in flight: `make proof NAME=soak` does two hundred. In a file of its own,
// because starting workerd again takes a second or more each time.
import { expect, test } from "vitest";
import { kills } from "../proofs/soak/kills.ts";
import { seedOfRun } from "../proofs/soak/random.ts";

/** Restarts take 1 to 3 s each, by the load of the machine. */
const LIMIT_MS = 180_000;

const seed = seedOfRun();

// They end no honest session and undo no logout.
test(
  `seed ${seed}: 20 kills lose no answered rotation`,
  async () => {
    // Two disks side by side: half of the time is waiting for processes to come and go.
    const both = await Promise.all([kills(seed, 10), kills(seed + 1, 10)]);
    for (const figures of both) {
      expect(figures.failures).toEqual([]);
      expect(figures).toMatchObject({ rotationsLost: 0, familiesDead: 0, logoutsUndone: 0 });
      expect(figures.acknowledged).toBeGreaterThan(0);
      expect(figures.inFlight).toBeGreaterThan(0);
    }
  },
  LIMIT_MS,
);
