// Refreshes against a logout: whatever was in flight, nothing sent after the logout's answer may be granted, and no token
// that was handed out on the way may serve.
import { setTimeout as delay } from "node:timers/promises";
import type { Postern } from "../../worker/harness.ts";
import { call, families, post, refresh, said, type Answer, type Granted } from "./client.ts";
import { Random } from "./random.ts";

/** The ways to end a session. */
const WAYS = ["logout by refresh token", "logout by access token", "session deleted", "logout everywhere"] as const;
type Way = (typeof WAYS)[number];

export interface RaceFigures {
  seed: number;
  races: Record<Way, number>;
  /** Refreshes granted before the logout's answer came. */
  grantedBefore: number;
  /** Refreshes that were in flight when the answer came, by what became of them. */
  inFlightGranted: number;
  inFlightRefused: number;
  /** Refreshes that were sent after the answer and refused. */
  refusedAfter: number;
  /** Refreshes that were sent after the answer and granted: must be 0. */
  acceptedAfter: number;
  /** Other sessions of the user that did not live on though only one was ended: must be 0. */
  bystandersEnded: number;
  failures: string[];
  seconds: number;
}

/** Tabs that race in each family. */
const TABS = 3;
/** Families of one user, all refreshing while one (or all) of them is ended. */
const FAMILIES = 3;
/** The logout comes somewhere in the first rounds of refreshes, which take 10 to 30 ms each. */
const LATEST_LOGOUT_MS = 80;

async function end(postern: Postern, way: Way, family: Granted): Promise<number> {
  switch (way) {
    case "logout by refresh token": {
      const response = await post(postern, "/auth/logout", { refresh_token: family.refreshToken });
      await response.text();
      return response.status;
    }
    case "logout by access token":
      return call(postern, "/auth/logout", family.accessToken, "POST");
    case "session deleted":
      return call(postern, `/auth/sessions/${family.sessionId}`, family.accessToken, "DELETE");
    case "logout everywhere":
      return call(postern, "/auth/logout-all", family.accessToken, "POST");
  }
}

export async function races(postern: Postern, seed: number, count: number): Promise<RaceFigures> {
  const random = new Random(seed);
  const figures: RaceFigures = {
    seed,
    races: Object.fromEntries(WAYS.map((way) => [way, 0])) as Record<Way, number>,
    grantedBefore: 0, inFlightGranted: 0, inFlightRefused: 0, refusedAfter: 0, acceptedAfter: 0, bystandersEnded: 0,
    failures: [], seconds: 0,
  };
  const opened = await families(postern, count * FAMILIES, FAMILIES, `races-${seed}`);
  const begun = performance.now();

  for (let race = 0; race < count; race += 1) {
    const own = opened.slice(race * FAMILIES, (race + 1) * FAMILIES);
    const way = WAYS[race % WAYS.length] ?? "logout everywhere";
    const [target] = own;
    if (!target) break;
    figures.races[way] += 1;
    const ended = way === "logout everywhere" ? own : [target];
    let over = false;

    /** Refreshes as fast as it goes, all tabs with the one token, until the logout is answered; and then once more. */
    async function tabs(family: Granted): Promise<Granted[]> {
      const line = [family];
      for (let last = false; ; last = over) {
        const current = line.at(-1) ?? family;
        const sentAfter = over;
        const seen = await Promise.all(
          Array.from({ length: TABS }, async () => ({ answer: await refresh(postern, current.refreshToken), answeredAfter: over })),
        );
        if (ended.includes(family)) for (const { answer, answeredAfter } of seen) note(answer, sentAfter, answeredAfter);
        const next = seen.map(({ answer }) => answer).find((answer) => answer.granted);
        if (next) line.push(next);
        if (last) return line;
        if (!next) {
          if (!ended.includes(family)) return line;
          // Ended while the logout's own answer is still on its way: ask on until it has come.
          continue;
        }
      }
    }

    function note(answer: Answer, sentAfter: boolean, answeredAfter: boolean): void {
      if (!answer.granted && answer.code !== "invalid_grant") figures.failures.push(`race ${race} (${way}): ${said(answer)}`);
      if (sentAfter) {
        if (answer.granted) figures.acceptedAfter += 1;
        else figures.refusedAfter += 1;
      } else if (answeredAfter) {
        if (answer.granted) figures.inFlightGranted += 1;
        else figures.inFlightRefused += 1;
      } else if (answer.granted) figures.grantedBefore += 1;
    }

    const running = own.map(tabs);
    await delay(random.next() * LATEST_LOGOUT_MS);
    const status = await end(postern, way, target);
    over = true;
    // By then the token may have been replaced twice: that is reuse, and ends the session as well.
    const isReuse = way === "logout by refresh token" && status === 401;
    if (status !== 204 && !isReuse) figures.failures.push(`race ${race} (${way}): the logout was answered with ${status}`);
    const lines = await Promise.all(running);

    // Whatever was handed out on the way.
    for (const [index, line] of lines.entries()) {
      const family = own[index];
      if (!family) continue;
      if (!ended.includes(family)) {
        const next = await refresh(postern, (line.at(-1) ?? family).refreshToken);
        if (!next.granted) figures.bystandersEnded += 1;
        continue;
      }
      for (const { refreshToken } of line) {
        if ((await refresh(postern, refreshToken)).granted) figures.acceptedAfter += 1;
        else figures.refusedAfter += 1;
      }
      if ((await call(postern, "/auth/me", (line.at(-1) ?? family).accessToken)) !== 401) figures.acceptedAfter += 1;
      else figures.refusedAfter += 1;
    }
  }
  figures.seconds = (performance.now() - begun) / 1000;
  return figures;
}
