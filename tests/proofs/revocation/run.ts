// `node tests/proofs/revocation/run.ts`: from a revocation that was answered to its refusal at the gate, by level; what each level
// costs workerd in CPU for a request; the same while KV takes no writes; a client that is refreshed after its revocation; and
// what calls of /readyz by everybody ask of the key ring. ONLY="kv client" plays some of it.
import { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { startWorkers, statusOf } from "../issuers/workers.ts";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { bearer, post, signIn } from "../../worker/support/client.ts";
import { settings } from "../../worker/support/config.ts";
import { cpu, workerd } from "../../worker/support/cpu.ts";
import { growth, METRICS_TOKEN, scrape } from "../../worker/support/metrics.ts";
import { lateRefreshes, readyzByEverybody } from "./scenes.ts";

const TRIES = 100;
const ROUNDS = 9;
const REQUESTS = 1_000;
const CONCURRENCY = 8;
const LEVELS = ["none", "feed", "strong"] as const;
const ROUTES = LEVELS.map((revocation) => ({ name: revocation, path: `/${revocation}`, service: "ORIGIN", strip_prefix: `/${revocation}`, revocation, scopes_all: ["nobody:has"] }));

const sorted = (values: number[]) => values.toSorted((a, b) => a - b);
const median = (values: number[]) => sorted(values)[Math.floor(values.length / 2)] ?? 0;

/** 403 is a token that is good, and lacks the scope; so no origin's work is counted. */
const status = async (postern: Postern, path: string, token: string) => {
  const response = await postern.fetch(path, { headers: bearer(token) });
  await response.text();
  return response.status;
};

async function delays(reread: number): Promise<void> {
  const postern = await startPostern({ vars: settings({ POSTERN_REVOCATION: { reread, max_age: reread * 10 }, POSTERN_REFRESH: { max_families: 500 }, POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } }, ROUTES) });
  try {
    const sessions = [];
    for (let index = 0; index < 2 * TRIES; index += 1) sessions.push(await signIn(postern));
    let strong = 0;
    for (const session of sessions.slice(0, TRIES)) {
      if ((await status(postern, "/strong", session.access_token)) !== 403) throw new Error("not good to begin with");
      await (await post(postern, "/auth/logout", { refresh_token: session.refresh_token })).text();
      if ((await status(postern, "/strong", session.access_token)) === 401) strong += 1;
    }
    console.log(`strong: refused with the next request in ${strong} of ${TRIES}`);
    if (strong < TRIES) process.exitCode = 1;

    // Spread over an interval, so that they meet every phase of it.
    const took = await Promise.all(
      sessions.slice(TRIES).map(async (session, index) => {
        if ((await status(postern, "/feed", session.access_token)) !== 403) throw new Error("not good to begin with");
        await delay((index * reread * 1000) / TRIES);
        await (await post(postern, "/auth/logout", { refresh_token: session.refresh_token })).text();
        const revoked = performance.now();
        while ((await status(postern, "/feed", session.access_token)) !== 401) {
          if (performance.now() - revoked > 4 * reread * 1000 + 10_000) throw new Error("never refused");
          await delay(200);
        }
        return performance.now() - revoked;
      }),
    );
    const seconds = (milliseconds = 0) => (milliseconds / 1000).toFixed(1);
    console.log(`feed, read again every ${reread} s: from revoke returned to refused p50 ${seconds(median(took))} s, max ${seconds(sorted(took).at(-1))} s, ${TRIES} tries`);
  } finally {
    await postern.dispose();
  }
}

async function costs(): Promise<void> {
  const workers = await startWorkers(1, { POSTERN_ROUTES: ROUTES, POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } });
  const [url] = workers.urls;
  if (url === undefined) throw new Error("no Worker");
  const pid = workerd();
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const found = new Map<string, number[]>();
  try {
    const answer = await fetch(new URL("/auth/login", url), { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ login: "alice@example.com", password: "correct horse battery staple", delivery: "body" }) });
    const { access_token: token } = (await answer.json()) as { access_token: string };
    for (let count = -1; count < ROUNDS; count += 1) {
      for (const level of LEVELS) {
        const before = cpu(pid);
        let left = REQUESTS;
        await Promise.all(
          Array.from({ length: CONCURRENCY }, async () => {
            while (left-- > 0) {
              const got = await statusOf(agent, url, `/${level}`, token);
              if (got !== 403) throw new Error(`${level}: ${got}`);
            }
          }),
        );
        // The first round warms up.
        if (count >= 0) found.set(level, [...(found.get(level) ?? []), (cpu(pid) - before) / REQUESTS]);
      }
    }
  } finally {
    agent.destroy();
    await workers.stop();
  }
  const each = LEVELS.map((level) => `${level} ${median(found.get(level) ?? []).toFixed(0)} us`);
  console.log(`CPU of workerd a request, median of ${ROUNDS} rounds of ${REQUESTS}: ${each.join(", ")}`);
}

/** KV serves reads and takes no writes: what is revoked meanwhile, and how long it passes. */
async function readOnlyKv(minutes: number): Promise<void> {
  const vars = settings({ POSTERN_METRICS_TOKEN: METRICS_TOKEN, POSTERN_REFRESH: { max_families: 500 }, POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } }, ROUTES);
  const postern = await startPostern({ breakable: true, direct: true, vars });
  const BOUND_S = 90;
  try {
    const sessions = [];
    for (let index = 0; index < 10 * minutes; index += 1) sessions.push(await signIn(postern));
    // It fails right after a write: so its copy is gone by for as long as any.
    await (await post(postern, "/auth/logout", { refresh_token: (await signIn(postern)).refresh_token })).text();
    await delay(3_000);
    for (const { access_token } of sessions) {
      if ((await status(postern, "/feed", access_token)) !== 403) throw new Error("not good to begin with");
    }
    const before = await scrape(postern);
    await postern.break({ POSTERN_KV: "takes-no-writes" });
    const took = await Promise.all(
      sessions.map(async ({ access_token, refresh_token }, index) => {
        await delay((index * minutes * 60_000) / sessions.length);
        await (await post(postern, "/auth/logout", { refresh_token })).text();
        const revoked = performance.now();
        while ((await status(postern, "/feed", access_token)) !== 401) {
          if (performance.now() - revoked > 4 * BOUND_S * 1000) throw new Error("never refused");
          await delay(500);
        }
        return (performance.now() - revoked) / 1000;
      }),
    );
    const longest = Math.max(...took);
    const failures = growth(before, await scrape(postern))['postern_revocation_feed_writes_total{result="failure"}'] ?? 0;
    const ready = await postern.fetch("/readyz");
    console.log(`KV takes no writes for ${minutes} min: ${took.length} tokens revoked, the longest passed ${longest.toFixed(1)} s of ${BOUND_S} s; postern_revocation_feed_writes_total{result="failure"} rose by ${failures}; /readyz ${ready.status} ${await ready.text()}`);
    if (longest > BOUND_S || failures === 0 || ready.status !== 503) process.exitCode = 1;
  } finally {
    await postern.dispose();
  }
}

async function lateRefreshesOfAClient(): Promise<void> {
  const seen = await lateRefreshes({ reread: 30, max_age: 300 }, 90_000, 150_000);
  console.log(`a revoked client, refreshed in 3 isolates that do not know: ${seen.issued} tokens issued late; at feed and strong ${seen.refused} refusals, ${seen.passedWithin} passes within 90 s, ${seen.passedAfter} after`);
  if (seen.passedAfter > 0 || seen.issued === 0) process.exitCode = 1;
}

async function readyz(): Promise<void> {
  const seen = await readyzByEverybody(2_000, 20);
  const each = (seen.keyRing / seen.seconds).toFixed(2);
  console.log(`/readyz by everybody: ${Math.round(seen.calls / seen.seconds)} a second for ${seen.seconds.toFixed(0)} s, ${JSON.stringify(seen.statuses)}; the key ring was asked ${seen.keyRing} times, ${each} a second`);
  if (seen.keyRing > seen.seconds / 5 + 2) process.exitCode = 1;
}

const PARTS: Record<string, () => Promise<void>> = {
  delays: () => delays(Number(process.env["REREAD"] ?? 30)),
  costs,
  kv: () => readOnlyKv(Number(process.env["MINUTES"] ?? 4)),
  client: lateRefreshesOfAClient,
  readyz,
};
const only = process.env["ONLY"]?.split(" ").filter((part) => part !== "");
for (const [name, play] of Object.entries(PARTS)) if (only === undefined || only.length === 0 || only.includes(name)) await play();
