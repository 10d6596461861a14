// The signed assertion as an origin checks it, and what nobody can do with it.
import { createHash } from "node:crypto";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, expectProblem, json, signIn, type Tokens } from "./support/client.ts";
import { AUDIENCE, OWN_ISSUER, settings } from "./support/config.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import { claimsOf, headerOf } from "./support/jwt.ts";
import { rawRequest, UrlOrigin, type Seen } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

const ORDERS = "https://orders.internal.example.test";

let origin: UrlOrigin;
let theirs: Issuer;
const postern = shared(async () => {
  origin = await UrlOrigin.start();
  theirs = await Issuer.start([await issuerKey("ES256", "theirs")]);
  return {
    vars: settings({ POSTERN_ISSUERS: [theirs.setting({ typ: "any" })] }, [
      { name: "orders", path: "/orders", upstream: origin.url, assertion: ORDERS },
      { name: "stock", path: "/stock", upstream: origin.url, assertion: true },
      { name: "strict", path: "/strict", upstream: origin.url, assertion: ORDERS, revocation: "strong" },
      { name: "maybe", path: "/maybe", upstream: origin.url, access: "optional", assertion: ORDERS },
      { name: "without", path: "/without", upstream: origin.url },
      { name: "bound", path: "/bound/{*rest}", upstream: `${origin.url}/base`, strip_prefix: "/bound", assertion: ORDERS, bind_assertion: true },
      { name: "alone", path: "/alone", upstream: origin.url, assertion: ORDERS, headers: "assertion", timeout_ms: "none" },
    ]),
  };
});
afterAll(async () => {
  await origin.stop();
  await theirs.stop();
});

let alice: Tokens;
beforeAll(async () => {
  alice = await signIn(postern());
});

async function assertionAt(path: string, token: string = alice.access_token): Promise<string> {
  const seen = await json<Seen>(await postern().fetch(path, { headers: bearer(token) }));
  const found = seen.headers.filter(([name]) => name.toLowerCase() === "x-postern-assertion");
  expect(found).toHaveLength(1);
  const [, value = ""] = found[0] ?? [];
  postern().secrets.addToken(value);
  return value;
}

// Tests RFC 8725 section 3.11: an assertion has a typ of its own
test("an origin verifies who is calling with our key set", async () => {
  const assertion = await assertionAt("/orders");
  const keys = createRemoteJWKSet(new URL("/.well-known/jwks.json", postern().url));
  const { payload, protectedHeader } = await jwtVerify(assertion, keys, {
    issuer: OWN_ISSUER,
    audience: ORDERS,
    typ: "postern-assertion+jwt",
    maxTokenAge: 60,
  });
  const { sub, sid } = claimsOf(alice.access_token);
  expect(Object.keys(protectedHeader).sort()).toEqual(["alg", "kid", "typ"]);
  expect(payload).toEqual({
    iss: OWN_ISSUER,
    aud: ORDERS,
    sub,
    sid,
    token_iss: OWN_ISSUER,
    client_id: "first-party",
    tenant_id: "acme",
    scope: "read:orders write:orders",
    roles: [],
    iat: expect.any(Number),
    exp: (payload.iat ?? 0) + 60,
  });
});

test("without an audience of its own it is the upstream's URL", async () => {
  expect(claimsOf(await assertionAt("/stock"))["aud"]).toBe(origin.url);
});

// The assertion is signed by us and says whose token it was.
test("another issuer's caller is named with that issuer", async () => {
  const token = await theirs.token("theirs", { sub: "mallory" });
  expect(claimsOf(await assertionAt("/orders", token))).toMatchObject({ iss: OWN_ISSUER, token_iss: theirs.iss, sub: "mallory" });
});

// And no other caller or audience.
test("one assertion serves many requests of one caller", async () => {
  const [first, second] = [await assertionAt("/orders"), await assertionAt("/orders")];
  // Signatures with ES256 differ each time: equal ones were signed once.
  expect(second).toBe(first);
  expect(await assertionAt("/stock")).not.toBe(first);
  const other = await signIn(postern());
  const theirsNow = claimsOf(await assertionAt("/orders", other.access_token));
  expect(theirsNow["sid"]).not.toBe(claimsOf(first)["sid"]);
});

// A caller without identity, and a route without the rule.
test("a public request and a plain route get no assertion", async () => {
  for (const [path, headers] of [["/maybe", {}], ["/without", bearer(alice.access_token)]] as const) {
    const seen = await json<Seen>(await postern().fetch(path, { headers }));
    expect(seen.headers.filter(([name]) => name.toLowerCase().startsWith("x-postern-assertion"))).toEqual([]);
  }
});

// By its method and the path and query that the origin gets, in whatever way the client wrote them.
test("a bound assertion is for one request", async () => {
  const signed = new Set<string>();
  for (const [method, path] of [["GET", "/bound/a%2Db?x='1'&y=%41 ü"], ["GET", "/bound/a-b"], ["DELETE", "/bound/a-b"], ["GET", "/bound/a-b?"], ["GET", "/bound/"]] as const) {
    const seen = await json<Seen>(await postern().fetch(path, { method, headers: bearer(alice.access_token) }));
    const [, assertion = ""] = seen.headers.find(([name]) => name.toLowerCase() === "x-postern-assertion") ?? [];
    postern().secrets.addToken(assertion);
    signed.add(assertion);
    const target = createHash("sha256").update(seen.url).digest("base64url");
    expect(claimsOf(assertion), seen.url).toMatchObject({ htm: method, target_sha256: target, aud: ORDERS, token_iss: OWN_ISSUER });
  }
  expect(signed.size).toBe(5);
});

// On a route that asks for it, and without a deadline.
test("headers = assertion sends the assertion alone", async () => {
  await assertionAt("/alone");
  const forged = { ...bearer(alice.access_token), "x-auth-subject": "root", "x-forwarded-for": "10.0.0.1" };
  const seen = await json<Seen>(await postern().fetch("/alone", { headers: forged }));
  const names = seen.headers.map(([name]) => name.toLowerCase()).filter((name) => /^x-(auth|postern|forwarded)/.test(name));
  expect(names.toSorted()).toEqual(["x-postern-assertion", "x-postern-hops", "x-postern-request-id"]);
});

describe("attacks", () => {
  // An origin may leak the one that it got.
  // Tests RFC 8725 section 3.12: an assertion is no access token
  test("replay: an assertion does not open the gate", async () => {
    const assertion = await assertionAt("/orders");
    expect(headerOf(assertion)["typ"]).toBe("postern-assertion+jwt");
    for (const path of ["/orders", "/stock", "/strict", "/maybe", "/without", "/echo"]) {
      await expectProblem(await postern().fetch(path, { headers: bearer(assertion) }), 401, "invalid_token");
    }
    for (const path of ["/auth/me", "/auth/sessions"]) {
      await expectProblem(await postern().fetch(path, { headers: bearer(assertion) }), 401, "invalid_token");
    }
  });

  // Also where any `typ` is taken.
  // Tests RFC 8725 section 2.8: another issuer's assertion is no access token
  test("another issuer's assertion opens nothing either", async () => {
    const token = await theirs.token("theirs", {}, { typ: "postern-assertion+jwt" });
    await expectProblem(await postern().fetch("/orders", { headers: bearer(token) }), 401, "invalid_token");
  });

  // However its header is spelled.
  test("forging: an assertion from the client never arrives", async () => {
    const forged: [string, string][] = [
      ["authorization", `Bearer ${alice.access_token}`],
      ["X-Postern-Assertion", "a.b.c"],
      ["x_postern_assertion", "a.b.c"],
      ["X-POSTERN_Assertion", "a.b.c"],
    ];
    for (const path of ["/orders", "/without"]) {
      const { body } = await rawRequest(postern().url, "GET", path, forged);
      expect(body).not.toContain("a.b.c");
    }
  });

  test("a caller who may not pass makes us sign nothing", async () => {
    const ended = await signIn(postern());
    await postern().fetch("/auth/logout", { method: "POST", headers: bearer(ended.access_token) });
    await expectProblem(await postern().fetch("/strict", { headers: bearer(ended.access_token) }), 401, "invalid_token");
  });
});

test("its audience can't be that of access tokens", async () => {
  expect(AUDIENCE).not.toBe(ORDERS);
});
