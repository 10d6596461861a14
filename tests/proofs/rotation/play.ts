// A rotation under constant traffic, with a calendar of seconds in place of days.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { refreshed, signIn } from "../../worker/support/client.ts";
import { AUDIENCE, OWN_ISSUER, settings } from "../../worker/support/config.ts";
import { claimsOf, headerOf } from "../../worker/support/jwt.ts";
import { gate, jose, pyJwt, type Verifier } from "./verifiers.ts";

/**
 * A key is published for 4 s before it can sign and signs for 8 s; clients keep the set for 2 s (an eleventh of the 3 s
 * is the Worker's own, and `max-age` is whole seconds). As in production, the lead is longer than the clients' caches
 * and than the gate's soft age. Refused tokens would show that a key signed too early or left too soon.
 */
const KEYS = { publish_lead: 4, active_period: 8, client_cache: 3 };
const MAX_AGE = 2;
const LIFETIME = 6;
const LEEWAY = 1;

/** Sessions that refresh at the same time, and the pause of each between two refreshes. */
const SESSIONS = 4;
const PAUSE_MS = 60;
/** Tokens are verified when they are new and again when this much is left of them: their key must still be there. */
const AGAIN_BEFORE_END_MS = 1_200;
/** For a rotation to come that the calendar has in 8 s. */
const PATIENCE_MS = 60_000;

/** Milliseconds. */
const endOf = (token: string) => (claimsOf(token) as { exp: number }).exp * 1000;

export interface Tally {
  name: string;
  verified: number;
  refused: string[];
  /** Whose answer came after the token's end: no verdict on its key. */
  late: number;
}

export interface Played {
  issued: number;
  /** The signing keys in the order in which they were first seen. */
  signers: { kid: string; alg: string; seconds: number; tokens: number }[];
  /** The most keys the set held. */
  largestSet: number;
  /** Keys that signed and have left the set meanwhile. */
  left: number;
  tallies: Tally[];
  skipped: string[];
}

/**
 * Plays `rotations`, the last of them a change of algorithm (ES256 to EdDSA) by a restart on the same disk. PyJWT takes
 * part where there is a Python, unless `libraries` is "jose".
 */
export async function playRotations(rotations: number, libraries: "all" | "jose" = "all"): Promise<Played> {
  const persist = await mkdtemp(join(tmpdir(), "postern-rotation-"));
  const start = (algorithm: string, port: number) =>
    startPostern({
      persist,
      port,
      vars: settings({
        POSTERN_ACCESS_TOKEN_LIFETIME: LIFETIME,
        POSTERN_LEEWAY: LEEWAY,
        POSTERN_JWKS: { soft_age: 1, hard_age: 60, unknown_kid_cooldown: 30 },
        POSTERN_KEYS: { ...KEYS, algorithm },
        POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
      }),
    });
  let postern: Postern = await start("ES256", 0);
  const { url } = postern;
  const expected = { issuer: OWN_ISSUER, audience: AUDIENCE, maxAge: MAX_AGE };
  const python = libraries === "all" ? pyJwt(url, expected) : undefined;
  const verifiers: Verifier[] = [gate(() => postern), jose(url, expected), ...(python ? [python] : [])];
  const tallies = verifiers.map(({ name }): Tally => ({ name, verified: 0, refused: [], late: 0 }));
  const began = Date.now();
  const signers: Played["signers"] = [];
  let issued = 0;
  let largestSet = 0;
  let published: string[] = [];
  const later: Promise<void>[] = [];
  /** While the Worker is restarted nobody asks it: that it is away is no verdict on a token. */
  let open = Promise.withResolvers<void>();
  open.resolve();
  let over = false;

  async function verifyAll(token: string): Promise<void> {
    await open.promise;
    await Promise.all(
      verifiers.map(async (verifier, index) => {
        const wrong = await verifier.verify(token);
        const tally = tallies[index];
        if (tally === undefined) return;
        if (wrong === undefined) tally.verified += 1;
        else if (Date.now() >= endOf(token)) tally.late += 1;
        else tally.refused.push(`${JSON.stringify(headerOf(token))}: ${wrong}`);
      }),
    );
  }

  function note(token: string): void {
    issued += 1;
    const { kid, alg } = headerOf(token) as { kid: string; alg: string };
    const known = signers.find((signer) => signer.kid === kid);
    if (known) known.tokens += 1;
    else signers.push({ kid, alg, seconds: (Date.now() - began) / 1000, tokens: 1 });
  }

  async function client(): Promise<void> {
    let tokens = await signIn(postern);
    for (;;) {
      note(tokens.access_token);
      await verifyAll(tokens.access_token);
      later.push(
        (async (token) => {
          await delay(Math.max(0, endOf(token) - AGAIN_BEFORE_END_MS - Date.now()));
          await verifyAll(token);
        })(tokens.access_token),
      );
      await delay(PAUSE_MS);
      if (over) return;
      await open.promise;
      tokens = await refreshed(postern, tokens.refresh_token);
    }
  }

  async function watchSet(): Promise<void> {
    while (!over) {
      await open.promise;
      const { keys } = (await (await postern.fetch("/.well-known/jwks.json")).json()) as { keys: { kid: string }[] };
      published = keys.map(({ kid }) => kid);
      largestSet = Math.max(largestSet, keys.length);
      await delay(500);
    }
  }

  async function rotated(count: number): Promise<void> {
    const deadline = Date.now() + PATIENCE_MS;
    while (signers.length <= count) {
      if (Date.now() > deadline) throw new Error(`rotation ${count} did not come: ${JSON.stringify(signers)}`);
      await delay(50);
    }
  }

  const traffic = Promise.all([...Array.from({ length: SESSIONS }, client), watchSet()]);
  traffic.catch(() => {}); // reported below
  try {
    await Promise.race([traffic, rotated(rotations - 1)]);
    open = Promise.withResolvers<void>();
    // Requests that are out are answered before the Worker goes.
    await delay(1_000);
    await postern.dispose();
    postern = await start("EdDSA", Number(new URL(url).port));
    open.resolve();
    const before = signers.length;
    await Promise.race([traffic, rotated(before)]);
    // Until the last token of the former key has expired, and the key's retiring period begins to matter.
    await Promise.race([traffic, delay((LIFETIME + LEEWAY) * 1000)]);
  } finally {
    over = true;
    open.resolve();
    await traffic.finally(() => Promise.all(later)).finally(() => Promise.all([postern.dispose(), ...verifiers.map((one) => one.stop())]));
    await rm(persist, { recursive: true });
  }
  return {
    issued,
    signers,
    largestSet,
    left: signers.filter(({ kid }) => !published.includes(kid)).length,
    tallies,
    skipped: python ? [] : ["PyJWT: no Python with it here"],
  };
}
