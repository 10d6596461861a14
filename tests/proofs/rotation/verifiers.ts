// Those who verify during a rotation: our gate, and two libraries that others use.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { createRemoteJWKSet, jwtVerify } from "jose";
import type { Postern } from "../../worker/harness.ts";
import { bearer } from "../../worker/support/client.ts";
import { python } from "../../worker/support/python.ts";

export interface Expected {
  issuer: string;
  audience: string;
  /** The key set's `max-age`, seconds: how long each library may keep it. */
  maxAge: number;
}

export interface Verifier {
  name: string;
  /** What was wrong, or undefined. */
  verify(token: string): Promise<string | undefined>;
  stop(): Promise<void>;
}

export function gate(current: () => Postern): Verifier {
  return {
    name: "gate",
    async verify(token) {
      const response = await current().fetch("/echo", { headers: bearer(token) });
      const text = await response.text();
      return response.status === 200 ? undefined : `${response.status} ${text}`;
    },
    stop: async () => {},
  };
}

/**
 * jose with its cache. It may not fetch the set again because of an unknown kid (the cooldown never ends), only when the
 * set's time is over: a client that can learn of a new key by the calendar alone.
 */
export function jose(url: string, { issuer, audience, maxAge }: Expected): Verifier {
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", url), {
    cacheMaxAge: maxAge * 1000,
    cooldownDuration: 3_600_000,
  });
  return {
    name: "jose",
    async verify(token) {
      try {
        await jwtVerify(token, keys, { issuer, audience, typ: "at+jwt" });
        return undefined;
      } catch (error) {
        return String(error);
      }
    },
    stop: async () => {},
  };
}

/** PyJWT with PyJWKClient and its cache, in a process of its own; undefined where there is no Python to run it. */
export function pyJwt(url: string, { issuer, audience, maxAge }: Expected): Verifier | undefined {
  const program = python("pyjwt", "PyJWT[crypto]==2.15.1", "import jwt, cryptography");
  if (program === undefined) return undefined;
  const script = fileURLToPath(new URL("pyjwt.py", import.meta.url));
  const question = JSON.stringify({ jwks: `${url}/.well-known/jwks.json`, issuer, audience, max_age: maxAge });
  const child = spawn(program, [script, question], { stdio: ["pipe", "pipe", "inherit"] });
  const waiting: ((answer: string) => void)[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => waiting.shift()?.(line));
  return {
    name: "PyJWT",
    async verify(token) {
      const { promise, resolve } = Promise.withResolvers<string>();
      waiting.push(resolve);
      child.stdin.write(`${token}\n`);
      const answer = await promise;
      return answer === "ok" ? undefined : answer;
    },
    async stop() {
      child.stdin.end();
      if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
    },
  };
}
