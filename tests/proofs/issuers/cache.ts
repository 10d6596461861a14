// `node tests/proofs/issuers/cache.ts`: what a request costs workerd in CPU when its token is in the cache of verified tokens and
// when it is not; and whether a removed key's cached token is refused once the new set is known.
import { Agent } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { startPostern } from "../../worker/harness.ts";
import { bearer } from "../../worker/support/client.ts";
import { settings } from "../../worker/support/config.ts";
import { Issuer, issuerKey } from "../../worker/support/issuer.ts";
import { startWorkers, statusOf } from "./workers.ts";
import { cpu, workerd } from "../../worker/support/cpu.ts";

const ROUNDS = 9;
const REQUESTS = 1_000;
const CONCURRENCY = 8;
const REMOVALS = 5;

const keys = await Promise.all(["kept", ...Array.from({ length: REMOVALS }, (_, index) => `removed-${index}`)].map((kid) => issuerKey("ES256", kid)));
const issuer = await Issuer.start(keys);
const vars = (soft_age: number) => ({ POSTERN_ISSUERS: [issuer.setting()], POSTERN_JWKS: { soft_age, unknown_kid_cooldown: 1 } });

const median = (values: number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

async function costs(): Promise<void> {
  const workers = await startWorkers(1, vars(86_400));
  const [url] = workers.urls;
  if (url === undefined) throw new Error("no Worker");
  const pid = workerd();
  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  // Refused for want of a scope, so that no origin's work is counted: 403 comes after everything about the token.
  const fresh = () => issuer.token("kept", { scope: "other" });
  async function round(path: string, tokens: (string | undefined)[], expected: number): Promise<number> {
    const before = cpu(pid);
    let next = 0;
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        while (next < tokens.length) {
          const found = await statusOf(agent, url as URL, path, tokens[next++]);
          if (found !== expected) throw new Error(`${path}: ${found} instead of ${expected}`);
        }
      }),
    );
    return (cpu(pid) - before) / tokens.length;
  }
  const known = await fresh();
  const plan = {
    "no token (401 at once)": { path: "/api/orders", status: 401, tokens: async () => Array<undefined>(REQUESTS).fill(undefined) },
    hit: { path: "/api/orders", status: 403, tokens: async () => Array<string>(REQUESTS).fill(known) },
    miss: { path: "/api/orders", status: 403, tokens: () => Promise.all(Array.from({ length: REQUESTS }, fresh)) },
  };
  const found = new Map<string, number[]>();
  try {
    for (let count = -1; count < ROUNDS; count += 1) {
      for (const [name, { path, status, tokens }] of Object.entries(plan)) {
        const spent = await round(path, await tokens(), status);
        // The first round warms up.
        if (count >= 0) found.set(name, [...(found.get(name) ?? []), spent]);
      }
    }
  } finally {
    agent.destroy();
    await workers.stop();
  }
  const [none = 0, hit = 0, miss = 0] = Object.keys(plan).map((name) => median(found.get(name) ?? []));
  console.log(`CPU of workerd a request, median of ${ROUNDS} rounds of ${REQUESTS}: no token ${none.toFixed(0)} us, hit ${hit.toFixed(0)} us, miss ${miss.toFixed(0)} us`);
  console.log(`miss : hit = ${(miss / hit).toFixed(2)}; over a request without token: hit +${(hit - none).toFixed(0)} us, miss +${(miss - none).toFixed(0)} us`);
}

async function removals(): Promise<void> {
  const postern = await startPostern({ vars: settings(vars(1)) });
  const status = async (token: string) => {
    const response = await postern.fetch("/echo", { headers: bearer(token) });
    await response.text();
    return response.status;
  };
  let refusedAtOnce = 0;
  try {
    for (let index = 0; index < REMOVALS; index += 1) {
      const kid = `removed-${index}`;
      const token = await issuer.token(kid);
      if ((await status(token)) !== 200) throw new Error("not good to begin with");
      issuer.unpublish(kid);
      // Past the soft age a request makes the Worker read the set; it is still judged by the old one.
      await delay(1_100);
      const before = issuer.fetches;
      await status(token);
      while (issuer.fetches === before) await delay(10);
      await delay(200);
      if ((await status(token)) === 401) refusedAtOnce += 1;
      if ((await status(await issuer.token("kept"))) !== 200) throw new Error("the key that was kept is refused");
    }
  } finally {
    await postern.dispose();
  }
  console.log(`cached tokens of removed keys refused on the next request after the set was known: ${refusedAtOnce} of ${REMOVALS}`);
  if (refusedAtOnce < REMOVALS) process.exitCode = 1;
}

try {
  await costs();
  await removals();
} finally {
  await issuer.stop();
}
