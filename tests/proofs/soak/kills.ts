// workerd is killed with SIGKILL at random moments while devices refresh, and started again on the same disk. Every
// rotation that was answered must hold, every device must be able to go on, every logout that was answered must stay.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Postern } from "../../worker/harness.ts";
import { boot, families, post, refresh, said, signIn, type Answer, type Granted } from "./client.ts";
import { Events } from "./events.ts";
import { Random } from "./random.ts";

export interface KillFigures {
  seed: number;
  rounds: number;
  devices: number;
  /** Rotations that were answered, in all rounds. */
  acknowledged: number;
  /** Devices that waited for an answer when workerd died. */
  inFlight: number;
  /** Of those, whose rotation was on the disk: the retry row gave them the successor. By how the retry was judged. */
  neededRetry: { withinReuseInterval: number; late: number };
  /** Answered rotations that the disk did not know: must be 0. */
  rotationsLost: number;
  /** Devices that were refused after the start: must be 0. */
  familiesDead: number;
  /** Logouts that were answered before the kill, and those of them whose session lived again: must be 0. */
  logouts: number;
  logoutsUndone: number;
  restartMs: { median: number; slowest: number };
  failures: string[];
  seconds: number;
}

/** Families of each user, in one Account object. */
const PER_USER = 3;
const USERS = 2;
/** When the kill comes, from the first refresh on: from before its answer to some ten rotations later. */
const LATEST_KILL_MS = 400;
/** Tabs that race, in the rounds with a reuse interval. */
const TABS = 2;

/** One device that keeps the rules for clients: it stores the answer before it goes on, and asks again without one. */
class Device {
  stored: Granted;
  waiting = false;
  acknowledged = 0;

  constructor(first: Granted) {
    this.stored = first;
  }

  /** Refreshes until the Worker is gone. */
  async run(postern: Postern, tabs: number, fail: (what: string) => void): Promise<void> {
    for (;;) {
      this.waiting = true;
      const presented = this.stored;
      const answers = await Promise.all(
        Array.from({ length: tabs }, () => refresh(postern, presented.refreshToken).catch(() => undefined)),
      );
      const arrived = answers.filter((answer) => answer !== undefined);
      for (const answer of arrived) this.#take(presented, answer, fail);
      if (arrived.length < tabs) return;
      this.waiting = false;
    }
  }

  #take(presented: Granted, answer: Answer, fail: (what: string) => void): void {
    if (!answer.granted) return fail(`refused while running: ${said(answer)}`);
    if (answer.rotation !== presented.rotation + 1) return fail(`rotation ${answer.rotation} after ${presented.rotation}`);
    if (this.stored === presented) this.acknowledged += 1;
    else if (this.stored.refreshToken !== answer.refreshToken) return fail("two tabs, two successors");
    this.stored = answer;
  }
}

const median = (list: number[]): number => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? 0;

export async function kills(seed: number, rounds: number): Promise<KillFigures> {
  const random = new Random(seed);
  const persist = await mkdtemp(join(tmpdir(), "postern-kills-"));
  const figures: KillFigures = {
    seed, rounds, devices: PER_USER * USERS, acknowledged: 0, inFlight: 0, neededRetry: { withinReuseInterval: 0, late: 0 },
    rotationsLost: 0, familiesDead: 0, logouts: 0, logoutsUndone: 0, restartMs: { median: 0, slowest: 0 }, failures: [], seconds: 0,
  };
  const restarts: number[] = [];
  const begun = performance.now();

  /** In turns with a reuse interval and without: the retry row is then judged by the one window or the other. */
  const start = (round: number) =>
    boot({ POSTERN_REFRESH: { reuse_interval: round % 2 === 0 ? 60 : 0 } }, { persist });

  /** What a device does when the Worker is there again: it presents what it has stored. */
  async function resume(device: Device, postern: Postern, events: Events, fail: (what: string) => void): Promise<void> {
    figures.acknowledged += device.acknowledged;
    device.acknowledged = 0;
    figures.inFlight += device.waiting ? 1 : 0;
    const { sessionId, rotation, refreshToken } = device.stored;
    const answer = await refresh(postern, refreshToken);
    if (!answer.granted) {
      figures.familiesDead += 1;
      const ahead = await events.arrives(sessionId, ({ cause }) => cause === "refresh_token_ahead_of_state");
      figures.rotationsLost += ahead ? 1 : 0;
      return fail(`a device that held rotation ${rotation}: ${said(answer)}`);
    }
    if (answer.rotation !== rotation + 1) fail(`rotation ${answer.rotation} after ${rotation}`);
    const event = await events.arrives(sessionId, ({ event }) => event === "refreshed" || event === "retried");
    if (event?.event === "retried") figures.neededRetry[event.late ? "late" : "withinReuseInterval"] += 1;
    // Two more: no run of lost answers may become so long that it is taken for the silent thief's.
    device.stored = answer;
    for (let more = 0; more < 2; more += 1) {
      const next = await refresh(postern, device.stored.refreshToken);
      if (!next.granted) return fail(`the refresh after the retry: ${said(next)}`);
      device.stored = next;
    }
  }

  let postern = await start(0);
  try {
    const devices = (await families(postern, PER_USER * USERS, PER_USER, "kills")).map((first) => new Device(first));

    for (let round = 0; round < rounds; round += 1) {
      const fail = (what: string) => void figures.failures.push(`round ${round} of seed ${seed}: ${what}`);
      // One more session of the first user, which is ended somewhere before or at the kill.
      const leaving = await signIn(postern, "kills-0@example.com");
      let left = false;
      const killAt = random.next() * LATEST_KILL_MS;
      const leaveAt = random.next() * killAt;

      const tabs = round % 2 === 0 ? TABS : 1;
      const running = devices.map((device) => device.run(postern, tabs, fail));
      const logout = delay(leaveAt)
        .then(() => post(postern, "/auth/logout", { refresh_token: leaving.refreshToken }))
        .then(({ status }) => void (left = status === 204), () => undefined);
      await delay(killAt);
      await postern.killHard();
      await Promise.all([...running, logout]);

      const restart = performance.now();
      postern = await start(round + 1);
      restarts.push(performance.now() - restart);
      const events = new Events(postern.logs);

      await Promise.all(devices.map((device) => resume(device, postern, events, fail)));

      figures.logouts += left ? 1 : 0;
      if (left && (await refresh(postern, leaving.refreshToken)).granted) figures.logoutsUndone += 1;
      // A session whose logout was not answered may live, and is ended now: else the limit would be reached.
      if (!left) await (await post(postern, "/auth/logout", { refresh_token: leaving.refreshToken })).text();
    }
  } finally {
    await postern.dispose();
    await rm(persist, { recursive: true, force: true });
  }
  figures.restartMs = { median: Math.round(median(restarts)), slowest: Math.round(Math.max(...restarts)) };
  figures.seconds = (performance.now() - begun) / 1000;
  return figures;
}
