// Somebody else's issuer: its keys found, kept, let go and never fetched more often than needed.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { JWK } from "jose";
import { afterEach, expect, test } from "vitest";
import { bearer, expectProblem, json } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { Issuer, issuerKey, type Algorithm } from "./support/issuer.ts";
import { eventually } from "./support/poll.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

const cleanups: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function running(issuers: Issuer[], vars: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<Running> {
  const postern = await start({
    vars: settings({ POSTERN_ISSUERS: issuers.map((issuer) => issuer.setting(more)), ...vars }),
  });
  cleanups.push(async () => {
    await postern.dispose();
    expectNoSecrets(postern);
  });
  return postern;
}

async function issuerWith(...algorithms: Algorithm[]): Promise<Issuer> {
  const issuer = await Issuer.start(await Promise.all(algorithms.map((alg) => issuerKey(alg))));
  cleanups.push(() => issuer.stop());
  return issuer;
}

const call = (postern: Running, token: string) => postern.fetch("/api/orders", { headers: bearer(token) });

// Whatever the key.
test("one fetch of a key set serves many requests", async () => {
  const issuer = await issuerWith("ES256", "EdDSA", "RS256");
  const postern = await running([issuer], {});
  const tokens = await Promise.all(["ES256-1", "EdDSA-1", "RS256-1"].flatMap((kid) => Array.from({ length: 7 }, () => issuer.token(kid))));
  await Promise.all(tokens.map(async (token) => json(await call(postern, token))));
  // All at once on a cold cache: fetched by the issuer's object alone.
  expect(issuer.fetches).toBe(1);
  // A key that its issuer withdrew must not come back from a cache on the way.
  expect(issuer.asked).toMatchObject({ "cache-control": "no-cache" });
});

test("the origin is told whose user it is", async () => {
  const issuer = await issuerWith("ES256");
  const postern = await running([issuer], {});
  const token = await issuer.token("ES256-1", { sub: "théo", tenant_id: "globex" });
  const answer = await json<{ identity: Record<string, string> }>(await call(postern, token));
  expect(answer.identity).toMatchObject({
    "x-auth-issuer": issuer.iss,
    "x-auth-subject": "th%C3%A9o",
    "x-auth-tenant": "globex",
    "x-auth-client": "their-app",
  });
});

test("claims under the names that the issuer uses", async () => {
  const issuer = await issuerWith("ES256");
  const postern = await running([issuer], {}, { typ: "any", scope_claim: "permissions", roles_claim: "groups", tenant_claim: "org" });
  const token = await issuer.token(
    "ES256-1",
    { scope: undefined, permissions: ["read:orders"], groups: ["admin"], org: "acme" },
    { typ: "JWT" },
  );
  await json(await call(postern, token));
  await json(await postern.fetch("/reports/stats", { headers: bearer(token) }));
  await json(await postern.fetch("/t/acme/docs", { headers: bearer(token) }));
});

test("a withdrawn key's token is refused after the cache's age", async () => {
  const issuer = await issuerWith("ES256", "EdDSA");
  const postern = await running([issuer], { POSTERN_JWKS: { soft_age: 1, hard_age: 2, unknown_kid_cooldown: 1 } });
  const [withdrawn, kept] = [await issuer.token("ES256-1"), await issuer.token("EdDSA-1")];
  await json(await call(postern, withdrawn));
  await json(await call(postern, kept));
  issuer.unpublish("ES256-1");
  await eventually("the same token is refused", async () => {
    const response = await call(postern, withdrawn);
    if (response.status === 200) {
      await response.text();
      return undefined;
    }
    await expectProblem(response, 401, "invalid_token");
    return true;
  });
  await json(await call(postern, kept));
});

// Without waiting for the cache's age.
test("a new key is found by its first token", async () => {
  const issuer = await issuerWith("ES256");
  const postern = await running([issuer], { POSTERN_JWKS: { unknown_kid_cooldown: 1 } });
  await json(await call(postern, await issuer.token("ES256-1")));
  const fresh = await issuerKey("EdDSA", "fresh");
  (issuer.keys as Map<string, typeof fresh>).set("fresh", fresh);
  issuer.published = [...issuer.published, fresh.jwk];
  const token = await issuer.token("fresh");
  await eventually("the new key's token passes", async () => {
    const response = await call(postern, token);
    await response.text();
    return response.status === 200 ? true : undefined;
  });
});

// Tests RFC 8725 section 3.10: made-up kids do not make Postern fetch
test("denial of service: made-up kids cause no fetch storm", async () => {
  const issuer = await issuerWith("ES256");
  // The default cooldown, 30 s: this test is over before it ends.
  const postern = await running([issuer], {});
  await json(await call(postern, await issuer.token("ES256-1")));
  const before = issuer.fetches;
  const forged = await Promise.all(Array.from({ length: 30 }, (_, index) => issuer.token("ES256-1", {}, { kid: `made-up-${index}` })));
  for (const token of forged.slice(0, 10)) await expectProblem(await call(postern, token), 401, "invalid_token");
  await Promise.all(forged.slice(10).map(async (token) => expectProblem(await call(postern, token), 401, "invalid_token")));
  expect(issuer.fetches - before).toBeLessThanOrEqual(1);
  await json(await call(postern, await issuer.token("ES256-1")));
});

test("while the issuer is down, known keys keep working", async () => {
  const issuer = await issuerWith("ES256");
  const postern = await running([issuer], { POSTERN_JWKS: { soft_age: 1, hard_age: 600, unknown_kid_cooldown: 1, timeout: 1 } });
  await json(await call(postern, await issuer.token("ES256-1")));
  issuer.failure = { status: 500, body: "<h1>down</h1>" };
  const before = issuer.fetches;
  // A fresh token each time, so that none is answered from the cache of verified ones.
  await eventually("a fetch that fails", async () => {
    await json(await call(postern, await issuer.token("ES256-1")));
    return issuer.fetches > before ? true : undefined;
  });
  await json(await call(postern, await issuer.token("ES256-1")));
  await issuer.stop();
  await json(await call(postern, await issuer.token("ES256-1")));
});

// And not the caller's.
test.for([
  ["an error page", { status: 500, body: "<h1>no</h1>" }],
  ["HTML with 200", { status: 200, body: "<!doctype html><p>sign in" }],
  ["a set that is no set", { status: 200, body: '{"keys":{}}' }],
  ["a redirect", { status: 302, body: "" }],
  ["a set of a megabyte", { status: 200, body: `{"keys":[],"x":"${"x".repeat(1024 * 1024)}"}` }],
] as const)("an issuer without a key set is our fault: %s", async ([, failure]) => {
  const issuer = await issuerWith("ES256");
  issuer.failure = failure;
  const postern = await running([issuer], { POSTERN_JWKS: { timeout: 1 } });
  const response = await call(postern, await issuer.token("ES256-1"));
  expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  await expectProblem(response, 503, "unavailable");
});

// One key that cannot be used does not spoil the others.
test("a broken key set does not evict a good one", async () => {
  const issuer = await issuerWith("ES256");
  issuer.published = [
    { kty: "oct", k: "c2VjcmV0", kid: "shared-secret" },
    { kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "off-curve", alg: "ES256" },
    { kty: "future", kid: "unknown-type" },
    ...issuer.published,
  ];
  const postern = await running([issuer], { POSTERN_JWKS: { soft_age: 1, hard_age: 600, unknown_kid_cooldown: 1 } });
  await json(await call(postern, await issuer.token("ES256-1")));
  const before = issuer.fetches;
  issuer.failure = { status: 200, body: '{"keys":[]}' };
  await eventually("a fetch of the empty set", async () => {
    const response = await call(postern, await issuer.token("ES256-1"));
    await response.text();
    return issuer.fetches > before ? true : undefined;
  });
});

const ENCRYPTION = { kty: "RSA", use: "enc", alg: "RSA-OAEP", n: "AQAB", e: "AQAB" };

/** Odd key sets of real issuers; each is changed from a sound one, and the token passes. */
const ODD: [string, Algorithm, (jwk: JWK) => unknown[]][] = [
  ["an encryption key under the signing key's kid", "RS256", (jwk) => [{ ...ENCRYPTION, kid: jwk.kid }, jwk]],
  ["the same key three times", "ES256", (jwk) => [jwk, { ...jwk }, { ...jwk, x5t: "a/b" }]],
  ["null in every optional member", "ES256", (jwk) => [{ ...jwk, alg: null, use: null, key_ops: null, x5c: null, d: null }]],
  ["Ed25519 as alg of the key alone", "EdDSA", (jwk) => [{ ...jwk, alg: "Ed25519" }]],
  ["Ed25519 as alg of key and token", "Ed25519", (jwk) => [jwk]],
  ["an RSA key without alg", "RS256", ({ alg, ...jwk }) => [jwk]],
  ["an RSA key without alg, for PS256", "PS256", ({ alg, ...jwk }) => [jwk]],
  ["a zero octet before the modulus", "RS256", (jwk) => [{ ...jwk, n: zeroBefore(jwk.n as string), e: zeroBefore(jwk.e as string) }]],
  ["certificates of 200 KB, and garbage", "ES256", (jwk) => [{ ...jwk, x5c: ["A".repeat(200_000), 7] }]],
  ["200 keys", "ES256", (jwk) => [...Array.from({ length: 199 }, (_, index) => ({ ...jwk, kid: `other-${index}` })), jwk]],
  ["entries that are no keys", "ES256", (jwk) => [null, 7, "key", [], {}, { kty: null }, { kty: "EC", kid: 1 }, jwk]],
];

function zeroBefore(number: string): string {
  return Buffer.concat([Buffer.from([0]), Buffer.from(number, "base64url")]).toString("base64url");
}

test.for(ODD)("an odd key set serves: %s", async ([, algorithm, change]) => {
  const issuer = await issuerWith(algorithm);
  // A byte order mark and what nobody reads stand around each of them.
  issuer.text = ([jwk]) => `\ufeff\n{"issuer":{"a":1,"a":2},"keys":${JSON.stringify(change(jwk as JWK))}}`;
  const algorithms = algorithm === "PS256" ? ["PS256"] : ["ES256", "Ed25519", "RS256"];
  const postern = await running([issuer], {}, { algorithms });
  await json(await call(postern, await issuer.token(`${algorithm}-1`)));
});

// What is left out of the set is in the log.
// Tests RFC 7517 section 4.5: two keys of one kid are not tried in turn
test("two keys of one kid are refused for that kid", async () => {
  const issuer = await issuerWith("ES256", "EdDSA");
  const other = await issuerKey("ES256", "ES256-1");
  issuer.published = [...issuer.published, other.jwk, { ...ENCRYPTION, kid: "encryption" } as JWK];
  const postern = await running([issuer], {});
  await json(await call(postern, await issuer.token("EdDSA-1")));
  await expectProblem(await call(postern, await issuer.token("ES256-1")), 401, "invalid_token");
  expect(postern.logs.join("\n")).toMatch(/"event":"issuer_keys_changed".*"keys":3,"left_out":\["keys\[3\] \(kid \\"encryption\\"\): .*not_for_verification/);
});

// Tests RFC 8725 section 3.1: an algorithm that is not configured for an issuer is refused
test("an algorithm outside the configuration is refused", async () => {
  const issuer = await issuerWith("ES256", "RS256");
  const postern = await running([issuer], {}, { algorithms: ["ES256"] });
  await json(await call(postern, await issuer.token("ES256-1")));
  await expectProblem(await call(postern, await issuer.token("RS256-1")), 401, "invalid_token");
});

// Tests RFC 8725 section 3.9: another issuer's token must name our audience
test("a wrong audience or issuer is refused for their tokens", async () => {
  const issuer = await issuerWith("ES256");
  const postern = await running([issuer], {}, { audiences: ["https://theirs.example.test"] });
  await json(await call(postern, await issuer.token("ES256-1", { aud: "https://theirs.example.test" })));
  await expectProblem(await call(postern, await issuer.token("ES256-1")), 401, "invalid_token");
  await expectProblem(await call(postern, await issuer.token("ES256-1", { aud: "https://theirs.example.test", iss: "http://127.0.0.1:1" })), 401, "invalid_token");
});

// The calls of our own users refuse it.
// Tests RFC 8725 section 3.12: another issuer's token does not open our own calls
test("an external token is no sign-in of ours", async () => {
  const issuer = await issuerWith("ES256");
  const postern = await running([issuer], {});
  const token = await issuer.token("ES256-1");
  for (const path of ["/auth/me", "/auth/sessions"]) {
    await expectProblem(await postern.fetch(path, { headers: bearer(token) }), 401, "invalid_token");
  }
});

// After the configuration names another.
test("a stale key set: a former jwks_uri verifies nothing", async () => {
  const former = await issuerWith("ES256");
  const next = await Issuer.start([await issuerKey("EdDSA", "moved")]);
  cleanups.push(() => next.stop());
  const persist = await mkdtemp(join(tmpdir(), "postern-issuer-"));
  cleanups.push(() => rm(persist, { recursive: true, force: true }));
  const token = await former.token("ES256-1");
  const withKeysAt = async (jwks_uri: string) =>
    start({ persist, vars: settings({ POSTERN_ISSUERS: [former.setting({ jwks_uri })] }) });
  let postern = await withKeysAt(former.jwksUri);
  await json(await call(postern, token));
  await eventually("the key set is in KV", async () => ((await postern.kv.keys("jwks:")).length > 0 ? true : undefined));
  await postern.dispose();
  // An isolate of the next deployment knows nothing and asks KV first; the new place does not even answer.
  next.failure = { status: 500, body: "down" };
  postern = await withKeysAt(next.jwksUri);
  cleanups.push(() => postern.dispose());
  await expectProblem(await call(postern, token), 503, "unavailable");
  expect(next.fetches).toBeGreaterThan(0);
  next.failure = undefined;
  await eventually("the new place's keys decide", async () => {
    const { status } = await call(postern, token);
    return status === 401 ? true : undefined;
  });
});
