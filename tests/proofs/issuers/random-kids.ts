// `node tests/proofs/issuers/random-kids.ts`: 10 000 requests with made-up kids, and with made-up signatures under the good kid and
// without kid, over several Workers, each in an isolate of its own, that share KV and the objects as the locations of one deployment do. How often is the issuer asked?
import { randomBytes } from "node:crypto";
import { Agent } from "node:http";
import { AUDIENCE } from "../../worker/support/config.ts";
import { encode } from "../../worker/support/jwt.ts";
import { FaultyIssuer } from "./faulty.ts";
import { startWorkers, statusOf } from "./workers.ts";

const REQUESTS = 10_000;
const WORKERS = 4;
const CONCURRENCY = 16;
/** The default of `unknown_kid_cooldown`, seconds. */
const COOLDOWN = 30;

const issuer = await FaultyIssuer.start();
const workers = await startWorkers(WORKERS, { POSTERN_ISSUERS: [issuer.setting()] });
const { urls } = workers;

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
function madeUp(number: number): string {
  const now = Math.floor(Date.now() / 1000);
  const kid = [randomBytes(12).toString("hex"), issuer.key.kid, undefined][number % 3];
  const header = { alg: "ES256", kid, typ: "at+jwt" };
  const claims = { iss: issuer.iss, aud: AUDIENCE, sub: "nobody", iat: now, exp: now + 300, jti: "x", client_id: "x" };
  return `${encode(header)}.${encode(claims)}.${randomBytes(64).toString("base64url")}`;
}

try {
  const statuses = new Map<number, number>();
  const began = Date.now();
  let sent = 0;
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (sent < REQUESTS) {
        const number = sent++;
        const found = await statusOf(agent, urls[number % WORKERS] as URL, "/echo", madeUp(number));
        statuses.set(found, (statuses.get(found) ?? 0) + 1);
      }
    }),
  );
  const seconds = (Date.now() - began) / 1000;
  const sound = await Promise.all(urls.map(async (url) => statusOf(agent, url, "/echo", await issuer.token())));
  const { fetches } = issuer;
  // One fetch to have a set at all; from then on one for each cooldown that has begun.
  const allowed = 1 + Math.ceil(seconds / COOLDOWN);
  const gaps = fetches.slice(1).map((at, index) => ((at - (fetches[index] ?? 0)) / 1000).toFixed(1));
  const counts = [...statuses].map(([code, count]) => `${count} x ${code}`).join(", ");
  console.log(
    `${sent} requests with made-up kids and signatures over ${WORKERS} Workers in ${seconds.toFixed(1)} s: ${counts}; ` +
      `fetches ${fetches.length} (allowed ${allowed}), seconds between them [${gaps.join(", ")}]; ` +
      `a sound token afterwards, at each Worker: ${sound.join(", ")}`,
  );
  if (fetches.length > allowed || statuses.size !== 1 || !statuses.has(401) || sound.some((code) => code !== 200)) process.exitCode = 1;
} finally {
  agent.destroy();
  await workers.stop();
  await issuer.stop();
}
