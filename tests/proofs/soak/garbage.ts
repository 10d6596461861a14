// Garbage in place of refresh tokens: refused, and the Account objects are not even asked. The calls that reach an object
// are counted at the object itself.
import { createHmac } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { boot, granted, post, refresh, register, signIn, type Granted } from "./client.ts";
import { objectFiles } from "./disk.ts";
import { Events } from "./events.ts";
import { Random } from "./random.ts";

const PREFIX = "prt_";
/** Where the parts of a token begin: docs/concepts/refresh-families.md, "The token". */
const ACCOUNT = 2;
const FAMILY = 18;
const COUNT = 34;
const MAC = 70;

const bytesOf = (token: string): Buffer => Buffer.from(token.slice(PREFIX.length), "base64url");
const tokenOf = (bytes: Buffer): string => PREFIX + bytes.toString("base64url");

function changed(token: string, change: (bytes: Buffer) => void): string {
  const bytes = Buffer.from(bytesOf(token));
  change(bytes);
  return tokenOf(bytes);
}

type Maker = (real: readonly string[], random: Random) => string;

/** Each makes one piece of garbage out of genuine tokens of live sessions. */
export const KINDS: Record<string, Maker> = {
  "any text": (_, random) => random.bytes(random.between(0, 200)).toString("latin1"),
  "right prefix, random bytes of any length": (_, random) => tokenOf(random.bytes(random.between(0, 200))),
  "right prefix and length, random bytes": (_, random) => tokenOf(random.bytes(86)),
  "right version, master and live account, the rest random": (real, random) =>
    tokenOf(Buffer.concat([bytesOf(random.oneOf(real)).subarray(0, FAMILY), random.bytes(86 - FAMILY)])),
  "one bit of a genuine token flipped": (real, random) =>
    changed(random.oneOf(real), (bytes) => {
      const at = random.between(0, bytes.length - 1);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << random.between(0, 7));
    }),
  "a genuine token with another account": (real, random) =>
    changed(random.oneOf(real), (bytes) => void random.bytes(16).copy(bytes, ACCOUNT)),
  "a genuine token with a higher rotation count": (real, random) =>
    changed(random.oneOf(real), (bytes) => void bytes.writeUInt32BE(bytes.readUInt32BE(COUNT) + random.between(1, 9), COUNT)),
  "a genuine token with another MAC": (real, random) =>
    changed(random.oneOf(real), (bytes) => void random.bytes(16).copy(bytes, MAC)),
  "a genuine token under a MAC of another key": (real, random) =>
    changed(random.oneOf(real), (bytes) => {
      createHmac("sha256", random.bytes(32)).update(bytes.subarray(0, MAC)).digest().copy(bytes, MAC, 0, 16);
    }),
  "a genuine token cut or lengthened": (real, random) => {
    const token = random.oneOf(real);
    return random.chance(0.5) ? token.slice(0, random.between(0, token.length - 1)) : token + random.oneOf(["A", "=", " ", "AAAA"]);
  },
  "two genuine tokens spliced": (real, random) => {
    const [a = "", b = ""] = real;
    const at = random.between(ACCOUNT + 1, MAC + 15);
    return tokenOf(Buffer.concat([bytesOf(a).subarray(0, at), bytesOf(b).subarray(at)]));
  },
};

/**
 * The refusal that a piece of garbage gets. A token under a master secret that this version does not have yet is not
 * judged (503): another version of a rollout may have made it. No object hears of that one either.
 */
function refusalOf(token: string, genuine: string): { status: number; code: string } {
  const bytes = token.startsWith(PREFIX) ? bytesOf(token) : Buffer.alloc(0);
  const [version, master] = bytesOf(genuine);
  const isNewer = bytes.length === bytesOf(genuine).length && tokenOf(bytes) === token && bytes[0] === version && (bytes[1] ?? 0) > (master ?? 0);
  return isNewer ? { status: 503, code: "unavailable" } : { status: 401, code: "invalid_grant" };
}

export interface GarbageFigures {
  seed: number;
  presented: number;
  kinds: Record<string, number>;
  /** Calls that reached an Account object meanwhile: must be 0. */
  objectAsked: number;
  /** Account objects that came to be meanwhile: must be 0. Limits and sums have objects of their own. */
  objectsMade: number;
  /** Answers that were not the refusal: must be 0. */
  otherAnswers: number;
  /** The check of the check: calls counted for one genuine refresh of each live session afterwards. */
  countedForGenuine: number;
  genuine: number;
  seconds: number;
}

/** One in ten goes to the logout, which takes refresh tokens too. */
const TO_LOGOUT = 0.1;
/** Requests in flight at once. */
const ABREAST = 16;

export async function garbage(seed: number, count: number): Promise<GarbageFigures> {
  const random = new Random(seed);
  const persist = await mkdtemp(join(tmpdir(), "postern-garbage-"));
  const postern = await boot({}, { persist, spy: true });
  try {
    const events = new Events(postern.logs);
    const live: Granted[] = [];
    for (const login of ["a@example.com", "b@example.com"]) {
      await register(postern, login);
      live.push(await signIn(postern, login));
    }
    await events.asked(live[1]?.sessionId ?? "", "open", 1);
    const [asksBefore, filesBefore] = [events.asks(), (await objectFiles(persist)).length];
    const real = live.map(({ refreshToken }) => refreshToken);
    const makers = Object.entries(KINDS);
    const kinds: Record<string, number> = {};
    let otherAnswers = 0;
    const begun = performance.now();

    async function present(index: number): Promise<void> {
      const [kind, make] = makers[index % makers.length] ?? ["", () => ""];
      let token = make(real, random);
      while (real.includes(token)) token = make(real, random);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
      const path = random.chance(TO_LOGOUT) ? "/auth/logout" : "/auth/refresh";
      const response = await post(postern, path, { refresh_token: token });
      const { code } = JSON.parse((await response.text()) || "{}") as { code?: string };
      const refusal = refusalOf(token, real[0] ?? "");
      if (response.status !== refusal.status || code !== refusal.code) otherAnswers += 1;
    }

    for (let at = 0; at < count; at += ABREAST) {
      await Promise.all(Array.from({ length: Math.min(ABREAST, count - at) }, (_, offset) => present(at + offset)));
    }
    const seconds = (performance.now() - begun) / 1000;

    // Lines come in order: once the genuine refreshes are in, so is everything before them.
    for (const { sessionId, refreshToken } of live) {
      granted(await refresh(postern, refreshToken), "a genuine token after the garbage");
      await events.asked(sessionId, "rotate", 1);
    }
    const genuine = live.reduce((sum, { sessionId }) => sum + events.asks(`Account was asked: rotate ${sessionId}`), 0);
    return {
      seed,
      presented: count,
      kinds,
      objectAsked: events.asks() - asksBefore - genuine,
      objectsMade: (await objectFiles(persist)).length - filesBefore,
      otherAnswers,
      countedForGenuine: genuine,
      genuine: live.length,
      seconds,
    };
  } finally {
    await postern.dispose();
    await rm(persist, { recursive: true, force: true });
  }
}
