// The file of cases that every verifier must judge alike: tests/vectors/origin.json.
import { readFileSync, writeFileSync } from "node:fs";
import { expect, test } from "vitest";
import { KeySet, OriginError, verifyAccessToken, verifyAssertion, type Caller, type Kind } from "../src/index.ts";

interface Vectors {
  now: number;
  issuer: string;
  audiences: Record<Kind, string>;
  key_sets: Record<string, string>;
  cases: { name: string; kind: Kind; values: string[]; key_set: string; request?: { method: string; target: string }; verdict: "valid" | "invalid"; reason?: string; caller?: object }[];
}

const vectors = JSON.parse(readFileSync(new URL("../../../tests/vectors/origin.json", import.meta.url), "utf8")) as Vectors;
const now = () => vectors.now * 1_000;

const plain = (caller: Caller) => ({
  subject: caller.subject,
  issuer: caller.issuer,
  client: caller.client ?? null,
  session: caller.session ?? null,
  tenant: caller.tenant ?? null,
  scopes: [...caller.scopes].sort(),
  roles: [...caller.roles].sort(),
});

// Tests RFC 8725 section 3.1: the algorithm is the key's, whatever the header says
// Tests RFC 8725 section 3.11: an assertion and an access token do not pass for each other
test("each verdict of the vectors is that of the file", async () => {
  const wrong: string[] = [];
  const verdicts: Record<string, string> = {};
  for (const one of vectors.cases) {
    const keys = new KeySet(`${vectors.issuer}/keys`, { now, fetch: async () => new Response(vectors.key_sets[one.key_set]) });
    const name = one.kind === "assertion" ? "X-Postern-Assertion" : "Authorization";
    const rawHeaders = one.values.flatMap((value) => ["accept", "*/*", name, value]);
    const verify = one.kind === "assertion" ? verifyAssertion : verifyAccessToken;
    let found: string;
    try {
      const carrier = { rawHeaders, method: one.request?.method, url: one.request?.target };
      const bound = one.request !== undefined;
      const caller = await verify(carrier, { issuer: vectors.issuer, audience: vectors.audiences[one.kind], keys, bound, now });
      found = "valid";
      expect(plain(caller), one.name).toEqual(one.caller);
    } catch (error) {
      if (!(error instanceof OriginError)) throw error;
      found = error.reason;
    }
    verdicts[one.name] = found;
    const right = one.verdict === "valid" ? found === "valid" : found !== "valid" && (one.reason ?? found) === found;
    if (!right) wrong.push(`${one.name}: ${found} instead of ${one.reason ?? one.verdict}`);
  }
  if (process.env["ORIGIN_VERDICTS"] !== undefined) writeFileSync(process.env["ORIGIN_VERDICTS"], JSON.stringify(verdicts));
  expect(wrong).toEqual([]);
  expect(vectors.cases.filter((one) => one.verdict === "invalid").length).toBeGreaterThan(300);
});
