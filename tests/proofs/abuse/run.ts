// `make proof NAME=abuse`: guessing at one account from one address and from a thousand, with its owner signing in meanwhile, and
// what the time of a refusal tells. Figures mean something on the release build alone.
import { performance } from "node:perf_hooks";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { OWN_ISSUER, PASSWORD } from "../../worker/support/config.ts";
import { compare, median } from "./statistics.ts";

const GUESSES = 10_000;
const TRIES = 500;
/** Abreast, as one machine's flood: enough that the Worker is never waited for. */
const ABREAST = 16;
const VICTIM = "alice@example.com";

let failed = 0;
function verdict(what: string, holds: boolean): void {
  console.log(`  ${holds ? "ok  " : "FAIL"} ${what}`);
  if (!holds) failed += 1;
}

async function login(postern: Postern, body: Record<string, unknown>, ip: string): Promise<{ status: number; text: string; ms: number }> {
  const begun = performance.now();
  const response = await fetch(`${postern.url}/auth/login`, {
    method: "POST",
    headers: { "content-type": "application/json", "cf-connecting-ip": ip },
    body: JSON.stringify({ delivery: "body", ...body }),
  });
  const text = await response.text();
  return { status: response.status, text, ms: performance.now() - begun };
}

/** How many lines of the log have all these parts. */
function lines(postern: Postern, ...parts: string[]): number {
  return postern.logs.filter((line) => parts.every((part) => line.includes(part))).length;
}

/** `GUESSES` wrong passwords, from as many addresses (each in a network of its own), and the owner in between. */
async function guessing(addresses: number): Promise<void> {
  console.log(`\n${GUESSES} guesses at one account from ${addresses} address${addresses === 1 ? "" : "es"}`);
  const postern = await startPostern({ vars: { POSTERN_ISSUER: OWN_ISSUER, POSTERN_LIMITS: undefined } });
  try {
    const known = await login(postern, { login: VICTIM, password: PASSWORD }, "203.0.113.1");
    const { device_token } = JSON.parse(known.text) as { device_token: string };
    const statuses = new Map<number, number>();
    const refused: number[] = [];
    let next = 0;
    const begun = performance.now();
    async function attacker(): Promise<void> {
      while (next < GUESSES) {
        const n = next++;
        const address = n % addresses;
        const { status, ms } = await login(postern, { login: VICTIM, password: `guess number ${n}` }, `10.${address >> 8}.${address & 255}.1`);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        if (status === 429) refused.push(ms);
      }
    }
    const owner: number[] = [];
    async function owning(): Promise<void> {
      // From the middle of the attack on, four times: the device's own limit is five a minute.
      for (let part = 1; part <= 4; part += 1) {
        while (next < (GUESSES * part) / 5) await new Promise((resolve) => setTimeout(resolve, 5));
        // From the attacker's own address: the owner may share it.
        owner.push((await login(postern, { login: VICTIM, password: PASSWORD, device_token }, "10.0.0.1")).status);
      }
    }
    await Promise.all([...Array.from({ length: ABREAST }, attacker), owning()]);
    const seconds = (performance.now() - begun) / 1000;
    const stranger = await login(postern, { login: VICTIM, password: PASSWORD }, "198.51.100.77");
    const tried = lines(postern, '"sign_in_refused"', '"wrong_password"');
    const answers = [...statuses].sort().map(([status, count]) => `${count} x ${status}`);
    console.log(`  passwords tried: ${tried} of ${GUESSES}; answers: ${answers.join(", ")}; ${Math.round(seconds)} s, ${Math.round(GUESSES / seconds)} a second`);
    console.log(`  a refused guess, with ${ABREAST} abreast on one machine: ${median(refused).toFixed(2)} ms`);
    console.log(`  told: throttled ${lines(postern, '"event":"throttled"')}, locked ${lines(postern, '"event":"locked"')}, stuffing_detected ${lines(postern, '"event":"stuffing_detected"')}`);
    console.log(`  the owner on a known device: ${owner.join(", ")}; a stranger with the right password: ${stranger.status}`);
    verdict("no more passwords tried than the ladder allows: 6", tried <= 6);
    verdict("the owner signed in each time", owner.every((status) => status === 200));
    verdict("no guess got in, and no answer was a failure of ours", [...statuses.keys()].every((status) => status === 401 || status === 429));
    verdict("a stranger's right password is answered like a wrong one", stranger.status === 401 || stranger.status === 429);
  } finally {
    await postern.dispose();
  }
}

/** What the time tells: each kind is tried once in each round, so that whatever the machine does meets all of them. */
async function timing(): Promise<void> {
  console.log(`\nThe time of a refusal, ${TRIES} tries of each kind, interleaved`);
  const wide = { per_minute: 60_000, burst: 60_000 };
  const postern = await startPostern({
    vars: {
      POSTERN_ISSUER: OWN_ISSUER,
      POSTERN_REGISTRATION: "open",
      POSTERN_LIMITS: {
        ...Object.fromEntries(
          ["login_account", "login_ip", "login_network", "register_ip", "register_network"].map((name) => [name, wide]),
        ),
        account_lock: { delay_after: 1_000_000, lock_after: TRIES + 100, locks: [86_400] },
        ip_lock: { delay_after: 1_000_000, lock_after: 1_000_000 },
        accounts_per_network: { count: 1000 }, networks_per_account: { count: 1000 },
      },
    },
  });
  try {
    const users = ["wrong@example.com", "disabled@example.com", "locked@example.com"];
    for (const user of users) {
      await fetch(`${postern.url}/auth/register`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ login: user, password: PASSWORD }),
      });
    }
    await postern.sql("UPDATE users SET disabled = 1 WHERE login = 'disabled@example.com'");
    for (let n = 0; n < TRIES + 100; n += 1) await login(postern, { login: "locked@example.com", password: "no" }, "192.0.2.1");
    const kinds: Record<string, { login: string; password: string }> = {
      "wrong password": { login: "wrong@example.com", password: "a wrong guess" },
      "unknown user": { login: "nobody@example.com", password: "a wrong guess" },
      "locked account": { login: "locked@example.com", password: "a wrong guess" },
      "locked, right password": { login: "locked@example.com", password: PASSWORD },
      "disabled account": { login: "disabled@example.com", password: PASSWORD },
    };
    const names = Object.keys(kinds);
    const times: Record<string, number[]> = Object.fromEntries(names.map((name) => [name, []]));
    const bodies = new Set<string>();
    for (let round = -10; round < TRIES; round += 1) {
      // In another order each time: what one leaves to be done after its answer falls on any of the others.
      const places = new Map(names.map((name) => [name, Math.random()]));
      for (const name of names.toSorted((a, b) => (places.get(a) ?? 0) - (places.get(b) ?? 0))) {
        const answer = await login(postern, kinds[name] ?? {}, "192.0.2.1");
        bodies.add(`${answer.status} ${answer.text}`);
        if (round >= 0) times[name]?.push(answer.ms);
      }
    }
    verdict("one answer for all", bodies.size === 1 && [...bodies][0]?.startsWith("401") === true);
    const base = times["wrong password"] ?? [];
    console.log(`  wrong password: median ${median(base).toFixed(3)} ms`);
    for (const name of names.slice(1)) {
      const { difference, p } = compare(base, times[name] ?? []);
      console.log(`  ${name}: median ${median(times[name] ?? []).toFixed(3)} ms, ${(1000 * difference).toFixed(0)} us apart, Mann-Whitney p = ${p.toFixed(3)}`);
      // Two hundredths of what a refusal takes: below what a network between hides.
      verdict(`${name} is not told by its time`, p > 0.01 || Math.abs(difference) < 0.02 * median(base));
    }
  } finally {
    await postern.dispose();
  }
}

async function call(postern: Postern, path: string, body: unknown, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${postern.url}${path}`, {
    method: "POST",
    // workerd closes an idle connection after five seconds, maybe in the moment that it is used again.
    headers: { "content-type": "application/json", connection: "close", ...headers },
    body: JSON.stringify(body),
  });
  await response.text();
  return response.status;
}

const counted = (statuses: number[]): string =>
  [...new Set(statuses)].sort().map((status) => `${statuses.filter((one) => one === status).length} x ${status}`).join(", ");

const RESETS = 20;
const RACERS = 10;

/** One-time tokens, each presented by ten attackers at once, each of whom wants a password of his own. */
async function racing(): Promise<void> {
  console.log(`\n${RACERS} attackers race one reset token, ${RESETS} times`);
  // The harness's limits, which let everything through: it is the token that is to stop them.
  const postern = await startPostern({ vars: { POSTERN_ISSUER: OWN_ISSUER } });
  try {
    // Makes the local users.
    await login(postern, { login: VICTIM, password: PASSWORD }, "192.0.2.1");
    const winners: number[] = [];
    const signedIn: number[] = [];
    const all: number[] = [];
    for (let round = 0; round < RESETS; round += 1) {
      const seen = postern.logs.length;
      await call(postern, "/auth/password/reset-request", { login: VICTIM });
      let line: string | undefined;
      while ((line = postern.logs.slice(seen).find((text) => text.startsWith("notification: "))) === undefined) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const { token } = JSON.parse(line.slice("notification: ".length)) as { token: string };
      const password = (racer: number) => `password ${round} of racer ${racer}`;
      const statuses = await Promise.all(
        Array.from({ length: RACERS }, (_, racer) => call(postern, "/auth/password/reset", { token, new_password: password(racer) })),
      );
      all.push(...statuses);
      winners.push(statuses.filter((status) => status === 204).length);
      const tries = await Promise.all(
        Array.from({ length: RACERS }, (_, racer) => call(postern, "/auth/login", { login: VICTIM, password: password(racer), delivery: "body" })),
      );
      signedIn.push(tries.filter((status) => status === 200).length);
    }
    console.log(`  answers: ${counted(all)}; successes by round: ${winners.join(" ")}; passwords that then sign in: ${signedIn.join(" ")}`);
    verdict("of each token's racers exactly one succeeds", winners.every((count) => count === 1));
    verdict("and his password alone is in force", signedIn.every((count) => count === 1));
  } finally {
    await postern.dispose();
  }
}

const STOLEN_GUESSES = 1000;

/** Whoever has stolen an access token guesses the password that it takes to change it, from a thousand addresses. */
async function stolen(): Promise<void> {
  console.log(`\n${STOLEN_GUESSES} guesses of the current password with a stolen access token, from ${STOLEN_GUESSES} addresses`);
  const postern = await startPostern({ vars: { POSTERN_ISSUER: OWN_ISSUER, POSTERN_LIMITS: undefined } });
  try {
    const { text } = await login(postern, { login: VICTIM, password: PASSWORD }, "203.0.113.1");
    const { access_token } = JSON.parse(text) as { access_token: string };
    const statuses: number[] = [];
    let next = 0;
    const attacker = async (): Promise<void> => {
      while (next < STOLEN_GUESSES) {
        const n = next++;
        const body = { current_password: `guess number ${n}`, new_password: `${PASSWORD} again` };
        statuses.push(await call(postern, "/auth/password", body, { authorization: `Bearer ${access_token}`, "cf-connecting-ip": `10.${n >> 8}.${n & 255}.1` }));
      }
    };
    await Promise.all(Array.from({ length: ABREAST }, attacker));
    const tried = lines(postern, '"event":"password_refused"');
    const owner = await call(postern, "/auth/login", { login: VICTIM, password: PASSWORD, delivery: "body" }, { "cf-connecting-ip": "203.0.113.1" });
    console.log(`  passwords tried: ${tried} of ${STOLEN_GUESSES}; answers: ${counted(statuses)}; the owner signs in after it: ${owner}`);
    verdict("no more passwords tried than the ladder allows: 6", tried <= 6);
    verdict("nobody is locked out of the sign-in by it", owner === 200);
  } finally {
    await postern.dispose();
  }
}

const PARTS: Record<string, () => Promise<void>> = { one: () => guessing(1), many: () => guessing(1000), stolen, racing, timing };
const chosen = process.argv.length > 2 ? process.argv.slice(2) : Object.keys(PARTS);
for (const name of chosen) {
  const part = PARTS[name];
  if (!part) throw new Error(`no part ${name}; there are ${Object.keys(PARTS).join(", ")}`);
  await part();
}
if (failed > 0) {
  console.log(`\n${failed} failed`);
  process.exitCode = 1;
}
