// Scenes of `make proof NAME=revocation`: a client that is refreshed after its revocation, and calls of /readyz by anybody.
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { startWorkers, statusOf } from "../issuers/workers.ts";
import { bearer, type Tokens } from "../../worker/support/client.ts";
import { ADMIN, ALICE, PASSWORD } from "../../worker/support/config.ts";
import { METRICS_TOKEN } from "../../worker/support/metrics.ts";

const LEVELS = ["feed", "strong"] as const;
const ROUTES = LEVELS.map((revocation) => ({ name: revocation, path: `/${revocation}`, service: "ORIGIN", revocation, scopes_all: ["nobody:has"] }));
const ISOLATES = 3;

export interface LateRefreshes {
  /** Tokens that refreshes gave after the revocation. */
  issued: number;
  /** How often one passed a gate in the bound, and after it. */
  passedWithin: number;
  passedAfter: number;
  refused: number;
}

/**
 * A client is revoked in one isolate; three others, that do not know yet, are refreshed in a loop, or once. Every token of it is shown
 * at both levels of each, until `forMs` have passed.
 */
export async function lateRefreshes(revocation: { reread: number; max_age: number }, boundMs: number, forMs: number): Promise<LateRefreshes> {
  const workers = await startWorkers(1 + ISOLATES, {
    POSTERN_REVOCATION: revocation,
    POSTERN_ROUTES: ROUTES,
    POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
  });
  const agent = new Agent({ keepAlive: true });
  const seen: LateRefreshes = { issued: 0, passedWithin: 0, passedAfter: 0, refused: 0 };
  try {
    const [here, ...others] = workers.urls as [URL, ...URL[]];
    const call = (base: URL, path: string, body: unknown, token?: string) =>
      fetch(new URL(path, base), {
        method: "POST",
        headers: { "content-type": "application/json", ...(token === undefined ? {} : bearer(token)) },
        body: JSON.stringify(body),
      });
    const login = async (base: URL, name: string) => {
      const response = await call(base, "/auth/login", { login: name, password: PASSWORD, delivery: "body" });
      if (response.status !== 200) throw new Error(`login: ${response.status} ${await response.text()}`);
      return (await response.json()) as Tokens;
    };
    const operator = await login(here, ADMIN);
    const isolates = [];
    // Two sessions each. One goes on refreshing, and is ended by that; the other stops after its first late refresh, and only
    // its token's `auth_time` tells.
    for (const [number, url] of [...others, ...others].entries()) {
      const tokens = await login(url, number < ISOLATES ? ALICE : ADMIN);
      for (const level of LEVELS) {
        const status = await statusOf(agent, url, `/${level}`, tokens.access_token);
        if (status !== 403) throw new Error(`${level}: ${status}, and not good to begin with`);
      }
      isolates.push({ url, refreshToken: tokens.refresh_token, goesOn: number < ISOLATES, late: 0 });
    }
    // The next second: what is revoked is named by whole seconds.
    await delay(1_100);
    const order = await call(here, "/admin/revocations", { kind: "client", client_id: "first-party" }, operator.access_token);
    if (order.status !== 200) throw new Error(`revoke: ${order.status} ${await order.text()}`);
    const begun = performance.now();
    const tokens: string[] = [];
    const pause = Math.min(5_000, forMs / 20);
    while (performance.now() - begun < forMs) {
      for (const isolate of isolates) {
        if (isolate.late > 0 && !isolate.goesOn) continue;
        const response = await call(isolate.url, "/auth/refresh", { refresh_token: isolate.refreshToken });
        if (response.status === 200) {
          const next = (await response.json()) as Tokens;
          isolate.refreshToken = next.refresh_token;
          tokens.push(next.access_token);
          seen.issued += 1;
          isolate.late += 1;
        } else {
          await response.text();
        }
      }
      for (const url of others) {
        for (const token of tokens) {
          for (const level of LEVELS) {
            const passed = (await statusOf(agent, url, `/${level}`, token)) === 403;
            const after = performance.now() - begun;
            if (!passed) seen.refused += 1;
            else if (after <= boundMs) seen.passedWithin += 1;
            else seen.passedAfter += 1;
          }
        }
      }
      await delay(pause);
    }
  } finally {
    agent.destroy();
    await workers.stop();
  }
  return seen;
}

export interface Readiness {
  calls: number;
  seconds: number;
  statuses: Record<number, number>;
  /** Calls that the one KeyRing object got. */
  keyRing: number;
}

/** Anybody calls /readyz so often, for so long, over loopback. */
export async function readyzByEverybody(perSecond: number, seconds: number): Promise<Readiness> {
  const workers = await startWorkers(1, { POSTERN_ROUTES: ROUTES, POSTERN_METRICS_TOKEN: METRICS_TOKEN });
  const agent = new Agent({ keepAlive: true, maxSockets: 64 });
  try {
    const [url] = workers.urls as [URL];
    const keyRingCalls = async () => {
      const text = await (await fetch(new URL("/metrics", url), { headers: bearer(METRICS_TOKEN) })).text();
      return Number(/postern_object_latency_seconds_count\{object="key_ring"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    // The scrape asks the ring too, after it has read the counters: once for each, and so once in between.
    const before = await keyRingCalls();
    const statuses: Record<number, number> = {};
    let calls = 0;
    const one = () =>
      new Promise<void>((resolve, reject) => {
        request(new URL("/readyz", url), { agent }, (response) => {
          statuses[response.statusCode ?? 0] = (statuses[response.statusCode ?? 0] ?? 0) + 1;
          response.resume().on("end", resolve);
        })
          .on("error", reject)
          .end();
      });
    const begun = performance.now();
    const waiting: Promise<void>[] = [];
    while (performance.now() - begun < seconds * 1000) {
      const due = Math.floor(((performance.now() - begun) / 1000) * perSecond);
      for (; calls < due; calls += 1) waiting.push(one());
      await delay(5);
    }
    await Promise.all(waiting);
    const took = (performance.now() - begun) / 1000;
    return { calls, seconds: took, statuses, keyRing: (await keyRingCalls()) - before - 1 };
  } finally {
    agent.destroy();
    await workers.stop();
  }
}
