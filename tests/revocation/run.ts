// `node tests/revocation/run.ts`: from a revocation that was answered to its refusal at the gate, by level, and what each
// level costs workerd in CPU for a request.
import { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { startWorkers, statusOf } from "../issuers/workers.ts";
import { startPostern, type Postern } from "../worker/harness.ts";
import { bearer, post, signIn } from "../worker/support/client.ts";
import { settings } from "../worker/support/config.ts";
import { cpu, workerd } from "../worker/support/cpu.ts";

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

await delays(Number(process.env["REREAD"] ?? 30));
await costs();
