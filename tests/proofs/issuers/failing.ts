// `node tests/proofs/issuers/failing.ts`: every fault at once, each with an issuer of its own, to the hard age and past it.
import { setTimeout as delay } from "node:timers/promises";
import { startPostern } from "../../worker/harness.ts";
import { bearer } from "../../worker/support/client.ts";
import { settings } from "../../worker/support/config.ts";
import { ANSWERS, FaultyIssuer, type Fault } from "./faulty.ts";

const SOFT_AGE = 1;
const HARD_AGE = 12;
const COOLDOWN = 1;
/** Around the hard age an answer may be either: the object's clock and ours are asked at different moments. */
const BLUR_MS = 1_500;
const PAUSE_MS = 150;
/** Until a recovered issuer must serve again: the breaker's pauses so far were 2, 4 and 8 s. */
const RECOVERY_MS = 20_000;

const faults = (Object.keys(ANSWERS) as Fault[]).filter((fault) => fault !== "good");
const issuers = await Promise.all(faults.map(() => FaultyIssuer.start()));
const postern = await startPostern({
  vars: settings({
    POSTERN_ISSUERS: issuers.map((issuer) => issuer.setting()),
    POSTERN_JWKS: { soft_age: SOFT_AGE, hard_age: HARD_AGE, unknown_kid_cooldown: COOLDOWN, timeout: 1 },
  }),
});

/** A token that was never seen, so that the key set is needed. */
async function status(issuer: FaultyIssuer): Promise<number> {
  const response = await postern.fetch("/echo", { headers: bearer(await issuer.token()) });
  await response.text();
  return response.status;
}

let good = true;
async function play(fault: Fault, issuer: FaultyIssuer): Promise<string> {
  if ((await status(issuer)) !== 200) throw new Error(`${fault}: not good to begin with`);
  const known = issuer.fetches.at(-1) ?? 0;
  issuer.fault = fault;
  const before = { good: 0, other: 0 };
  const after = { 503: 0, 200: 0, other: 0 };
  for (;;) {
    const age = Date.now() - known;
    if (age > HARD_AGE * 1000 + 2 * BLUR_MS) break;
    const found = await status(issuer);
    const then = Date.now() - known;
    if (then < HARD_AGE * 1000 - BLUR_MS) before[found === 200 ? "good" : "other"] += 1;
    else if (age > HARD_AGE * 1000 + BLUR_MS) after[found === 503 || found === 200 ? found : "other"] += 1;
    await delay(PAUSE_MS);
  }
  const fetches = issuer.fetches.length - 1;
  issuer.fault = "good";
  const from = Date.now();
  while ((await status(issuer)) !== 200) {
    if (Date.now() - from > RECOVERY_MS) break;
    await delay(PAUSE_MS);
  }
  const recovered = (Date.now() - from) / 1000;
  const serves = fault === "one bad entry";
  good &&= before.other === 0 && after.other === 0 && issuer.followed === 0 && recovered < RECOVERY_MS / 1000;
  good &&= serves ? after[503] === 0 && after[200] > 0 : after[200] === 0 && after[503] > 0;
  return (
    `${fault.padEnd(22)} to the hard age: ${before.good} x 200, ${before.other} others; ` +
    `after it: ${after[503]} x 503, ${after[200]} x 200, ${after.other} others; ` +
    `fetches meanwhile ${fetches}; recovered in ${recovered.toFixed(1)} s`
  );
}

try {
  console.log(`soft age ${SOFT_AGE} s, hard age ${HARD_AGE} s, cooldown ${COOLDOWN} s, timeout 1 s`);
  const lines = await Promise.all(faults.map((fault, index) => play(fault, issuers[index] as FaultyIssuer)));
  console.log(lines.join("\n"));
} finally {
  await postern.dispose();
  await Promise.all(issuers.map((issuer) => issuer.stop()));
}
if (!good) process.exitCode = 1;
