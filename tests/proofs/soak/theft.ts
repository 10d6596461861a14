// Thieves in random histories, on the real Worker: each must be found out within the bound that docs/concepts/refresh-families.md
// states for what he does. Histories without a thief stand beside them: those must not end.
import { setTimeout as delay } from "node:timers/promises";
import { Response as OriginResponse } from "miniflare";
import type { Postern } from "../../worker/harness.ts";
import { boot, call, families, granted, refresh, said, type Answer, type Granted } from "./client.ts";
import { Events } from "./events.ts";
import { Random } from "./random.ts";

/** What the thief does with what he stole. */
export const ATTACKS = ["none", "ancestor", "confirmed parent", "gate", "far ahead", "silent"] as const;
export type Attack = (typeof ATTACKS)[number];

export interface TheftFigures {
  seed: number;
  reuseInterval: number;
  histories: Record<Attack, number>;
  detected: Record<Attack, number>;
  /** Rotations between the theft's end and its finding, as logged, that differ from the real ones. */
  wrongDistances: number;
  /** Of the silent thief: the most visits of the owner that were granted before the family ended. */
  mostVisits: number;
  /** Rotations behind of the oldest token that was replayed. */
  farthest: number;
  failures: string[];
  seconds: number;
}

/**
 * The silent thief's bound: three rotations in a row that needed a late retry, and the next one ends the family. With one
 * visit of each to a rotation, the owner's fourth visit after the theft is refused at the latest.
 */
const SILENT_BOUND = 4;

/** Past it two rotations in a row that needed a late retry, honest losses and the silent thief could not be told apart. */
const MAX_LOSSES_IN_A_ROW = 1;

const OWNER = { "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0" };
const OTHER = { "user-agent": "python-requests/2.32" };

class Failure extends Error {}

/** One family and everything that is known about it. */
class History {
  readonly #postern: Postern;
  readonly #events: Events;
  readonly #interval: number;
  readonly #random: Random;
  /** Every refresh token there was, by rotation count. */
  readonly line: Granted[];
  #confirms = 0;
  #losses = 0;

  constructor(postern: Postern, events: Events, interval: number, random: Random, first: Granted) {
    this.#postern = postern;
    this.#events = events;
    this.#interval = interval;
    this.#random = random;
    this.line = [first];
  }

  get current(): Granted {
    const last = this.line.at(-1);
    if (!last) throw new Error("a history begins with a sign-in");
    return last;
  }

  present(token: Granted, headers = OWNER): Promise<Answer> {
    return refresh(this.#postern, token.refreshToken, headers);
  }

  async rotate(headers = OWNER): Promise<Granted> {
    const next = granted(await this.present(this.current, headers), "an honest refresh");
    if (next.rotation !== this.current.rotation + 1) throw new Failure(`rotation ${next.rotation} after ${this.current.rotation}`);
    this.line.push(next);
    return next;
  }

  /** Uses an access token at the gate, and waits until the Account object has noted it. */
  async useGate(token: Granted): Promise<void> {
    const status = await call(this.#postern, "/api/orders", token.accessToken);
    if (status !== 200) throw new Failure(`the gate answered ${status}`);
    this.#confirms += 1;
    await this.#events.asked(token.sessionId, "confirm", this.#confirms);
  }

  /** Until the reuse interval after the last rotation, and after its receipt, is over: it is the documents' first gap. */
  async afterInterval(): Promise<void> {
    if (this.#interval > 0) await delay(this.#interval * 1000 + 10);
  }

  /** What an honest device does: refreshes, lost answers, requests at the gate. */
  async honest(steps: number): Promise<void> {
    let confirmed = this.current.rotation === 0 ? -1 : this.current.rotation;
    for (let step = 0; step < steps; step += 1) {
      if (this.#random.chance(0.3) && confirmed < this.current.rotation) {
        await this.useGate(this.current);
        confirmed = this.current.rotation;
      } else if (this.#losses < MAX_LOSSES_IN_A_ROW && this.#random.chance(0.3)) {
        const [before, next] = [this.current, await this.rotate()];
        const again = granted(await this.present(before), "a retry after a lost answer");
        if (again.refreshToken !== next.refreshToken) throw new Failure("a retry got another successor");
        this.#losses += 1;
      } else {
        await this.rotate();
        this.#losses = 0;
      }
    }
    // One ordinary refresh at the end, so that the device's own losses do not shorten the thief's bound.
    await this.rotate();
  }

  /** The family has ended, for everybody; the log tells how far behind the token was that showed it. */
  async expectEnd(how: Answer, distance: number | "sign-in"): Promise<boolean> {
    if (how.granted) throw new Failure(`the theft was not found out: ${said(how)}`);
    for (const token of this.line.slice(-3)) {
      const answer = await this.present(token);
      if (answer.granted || answer.code !== "invalid_grant") throw new Failure(`a token of an ended family: ${said(answer)}`);
    }
    if (distance === "sign-in") return true;
    const event = await this.#events.arrives(this.current.sessionId, ({ event }) => event === "reuse_detected");
    return event?.distance === distance;
  }
}

interface Outcome {
  distanceRight: boolean;
  visits: number;
  farthest: number;
}

async function play(history: History, attack: Attack, random: Random): Promise<Outcome> {
  const outcome: Outcome = { distanceRight: true, visits: 0, farthest: 0 };
  const thief = random.chance(0.7) ? OWNER : OTHER;
  await history.honest(random.between(0, 8));

  switch (attack) {
    case "none": {
      await history.honest(random.between(1, 8));
      return outcome;
    }
    case "ancestor": {
      // Any token but the last two.
      await history.honest(random.between(1, 6));
      const stolen = random.oneOf(history.line.slice(0, -2));
      outcome.farthest = history.current.rotation - stolen.rotation;
      outcome.distanceRight = await history.expectEnd(await history.present(stolen, thief), outcome.farthest);
      return outcome;
    }
    case "confirmed parent": {
      const stolen = history.current;
      await history.useGate(await history.rotate());
      await history.afterInterval();
      outcome.farthest = 1;
      outcome.distanceRight = await history.expectEnd(await history.present(stolen, thief), 1);
      return outcome;
    }
    case "gate":
    case "far ahead": {
      // The thief goes ahead, and the owner's next visit must end it.
      const owners = history.current;
      const steps = attack === "gate" ? random.between(1, 4) : random.between(2, 6);
      for (let step = 0; step < steps; step += 1) await history.rotate(thief);
      if (attack === "gate") await history.useGate(history.current);
      await history.afterInterval();
      outcome.farthest = steps;
      outcome.distanceRight = await history.expectEnd(await history.present(owners), steps);
      return outcome;
    }
    case "silent": {
      // Each comes once for every rotation, in any order; neither uses the gate. Each keeps the successor he got.
      let [owners, thiefs] = [history.current, history.current];
      for (let turn = 1; turn <= SILENT_BOUND; turn += 1) {
        const order = random.chance(0.5) ? (["owner", "thief"] as const) : (["thief", "owner"] as const);
        for (const who of order) {
          await history.afterInterval();
          const answer = await (who === "owner" ? history.present(owners) : history.present(thiefs, thief));
          if (!answer.granted) {
            await history.expectEnd(answer, "sign-in");
            return outcome;
          }
          if (answer.rotation > history.current.rotation) history.line.push(answer);
          if (who === "owner") [owners, outcome.visits] = [answer, outcome.visits + 1];
          else thiefs = answer;
        }
      }
      throw new Failure(`the silent thief is not found out after ${SILENT_BOUND} visits of the owner`);
    }
  }
}

const none = (): Record<Attack, number> =>
  ({ none: 0, ancestor: 0, "confirmed parent": 0, gate: 0, "far ahead": 0, silent: 0 });

/** Plays `count` histories of each kind, `abreast` at a time. */
export async function theft(seed: number, count: number, reuseInterval: number, abreast: number): Promise<TheftFigures> {
  const postern = await boot(
    { POSTERN_REFRESH: { reuse_interval: reuseInterval }, POSTERN_DEFAULT_SCOPES: ["read:orders"] },
    { origin: () => new OriginResponse("{}"), spy: true },
  );
  const figures: TheftFigures = {
    seed, reuseInterval, histories: none(), detected: none(), wrongDistances: 0, mostVisits: 0, farthest: 0, failures: [], seconds: 0,
  };
  try {
    const opened = await families(postern, count * ATTACKS.length, 40, "theft");
    const events = new Events(postern.logs);
    const begun = performance.now();

    async function one(first: Granted, index: number): Promise<void> {
      // A seed for each history, so that their order on the machine does not matter.
      const random = new Random(seed + index * 7919);
      const attack = ATTACKS[index % ATTACKS.length] ?? "none";
      figures.histories[attack] += 1;
      const history = new History(postern, events, reuseInterval, random, first);
      try {
        const { distanceRight, visits, farthest } = await play(history, attack, random);
        figures.detected[attack] += attack === "none" ? 0 : 1;
        figures.wrongDistances += distanceRight ? 0 : 1;
        figures.mostVisits = Math.max(figures.mostVisits, visits);
        figures.farthest = Math.max(figures.farthest, farthest);
      } catch (error) {
        figures.failures.push(`history ${index} of seed ${seed} (${attack}): ${String(error)}`);
      }
    }

    for (let at = 0; at < opened.length; at += abreast) {
      await Promise.all(opened.slice(at, at + abreast).map((first, offset) => one(first, at + offset)));
    }
    figures.seconds = (performance.now() - begun) / 1000;
    return figures;
  } finally {
    await postern.dispose();
  }
}
