// Access tokens that must not pass, each under the name of the attack or mistake that makes it. One that passes would be
// somebody else's identity.
import { generateKeyPairSync, randomBytes } from "node:crypto";
import { exportJWK, generateKeyPair, importPKCS8, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, expectProblem, json, signIn, type Tokens } from "./support/client.ts";
import { AUDIENCE, OWN_ISSUER, settings } from "./support/config.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import { altered, bitFlipped, claimsOf, encode, headerOf, withHmac, type JsonObject } from "./support/jwt.ts";
import { shared } from "./support/postern.ts";

/** The base point of nothing: an ES256 signature of r = s = 0 ("psychic signatures", CVE-2022-21449). */
const ZERO_SIGNATURE = Buffer.alloc(64).toString("base64url");

let issuer: Issuer;
let other: Issuer;
const postern = shared(async () => {
  issuer = await Issuer.start([await issuerKey("ES256"), await issuerKey("EdDSA"), await issuerKey("RS256")]);
  other = await Issuer.start([await issuerKey("ES256", "other-1"), await issuerKey("ES256", "other-2")]);
  return { vars: settings({ POSTERN_ISSUERS: [issuer.setting(), other.setting()], POSTERN_LEEWAY: 5 }) };
});
afterAll(() => Promise.all([issuer.stop(), other.stop()]));

let own: Tokens;
beforeAll(async () => {
  own = await signIn(postern());
});

const call = (token: string) => postern().fetch("/api/orders", { headers: bearer(token) });
const now = () => Math.floor(Date.now() / 1000);

async function expectRefused(token: string): Promise<void> {
  const response = await call(token);
  expect(response.headers.get("www-authenticate")).toContain('error="invalid_token"');
  await expectProblem(response, 401, "invalid_token");
}

describe("sound ones pass, or the refusals below would show nothing", () => {
  test("our own", async () => {
    await json(await call(own.access_token));
  });

  test.for(["ES256-1", "EdDSA-1", "RS256-1"])("a trusted issuer's, signed with %s", async (kid) => {
    await json(await call(await issuer.token(kid)));
  });

  // And with unknown claims.
  // Tests RFC 7519 section 4.1.3: one of several audiences may be ours
  test("with several audiences, one of them ours", async () => {
    await json(await call(await issuer.token("ES256-1", { aud: ["https://else.example.test", AUDIENCE], extra: { deep: [1] } })));
  });

  // In any case (RFC 9068, section 4).
  // Tests RFC 9068 section 4: typ is at+jwt or application/at+jwt, in any case
  test("with a typ as a full media type", async () => {
    await json(await call(await issuer.token("ES256-1", {}, { typ: "application/at+jwt" })));
    await json(await call(await issuer.token("ES256-1", {}, { typ: "AT+JWT" })));
  });

  test("expired or not yet valid within the leeway", async () => {
    await json(await call(await issuer.token("ES256-1", { iat: now() - 60, exp: now() - 1 })));
    await json(await call(await issuer.token("ES256-1", { nbf: now() + 3 })));
  });
});

describe("our own, tampered with", () => {
  const attacks: [string, () => string][] = [
    ["one bit of the signature flipped", () => bitFlipped(own.access_token)],
    ["no signature", () => `${own.access_token.split(".").slice(0, 2).join(".")}.`],
    ["the signature cut off with its dot", () => own.access_token.split(".").slice(0, 2).join(".")],
    ["a signature of zeros (CVE-2022-21449)", () => [...own.access_token.split(".").slice(0, 2), ZERO_SIGNATURE].join(".")],
    ["the scope raised", () => altered(own.access_token, { claims: { scope: "read:orders admin" } })],
    ["another subject", () => altered(own.access_token, { claims: { sub: "somebody-else" } })],
    ["a later expiry", () => altered(own.access_token, { claims: { exp: now() + 86_400 } })],
    ["a header member added", () => altered(own.access_token, { header: { x: 1 } })],
    ["the header's JSON written otherwise", () => {
      const [, claims, signature] = own.access_token.split(".");
      return [encode(JSON.stringify(headerOf(own.access_token), null, 1)), claims, signature].join(".");
    }],
    ["a fourth part", () => `${own.access_token}.e30`],
    ["a fifth part, as an encrypted token has", () => `${own.access_token}.e30.e30`],
    ["the last character's spare bits set (another spelling of the same signature)", () => {
      const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
      const last = alphabet.indexOf(own.access_token.at(-1) ?? "");
      return own.access_token.slice(0, -1) + alphabet[last ^ 1];
    }],
    ["padding added", () => `${own.access_token}==`],
  ];

  test.for(attacks)("%s", async ([, forge]) => {
    await expectRefused(forge());
  });

  // Nothing of the forged ones was remembered.
  test("a sound one right after", async () => {
    await json(await call(own.access_token));
  });
});

describe("algorithm attacks", () => {
  const none = (alg: string) => `${encode({ alg, typ: "at+jwt", kid: "ES256-1" })}.${encode(claims())}.`;
  const claims = (): JsonObject => ({
    iss: issuer.iss, aud: AUDIENCE, sub: "x", client_id: "x", jti: "x", iat: now(), exp: now() + 300, scope: "read:orders",
  });

  // Tests RFC 7519 section 6: unsecured tokens are refused
  // Tests RFC 8725 section 3.2: alg none is refused in any case of letters
  test.for(["none", "None", "NONE", "nOnE", ""])("alg %j without a signature", async (alg) => {
    await expectRefused(none(alg));
    await expectRefused(`${none(alg)}${ZERO_SIGNATURE}`);
  });

  // In every form that a library might use.
  // Tests RFC 8725 section 2.1: the public key is no HMAC secret
  test("alg confusion: HS256 with the public key as secret", async () => {
    const { pem, jwk } = issuer.key("RS256-1");
    const secrets = [pem, pem.trim(), pem.replaceAll("\n", ""), JSON.stringify(jwk), jwk.n ?? "", Buffer.from(jwk.n ?? "", "base64url")];
    for (const secret of secrets) {
      for (const alg of ["HS256", "RS256"]) {
        await expectRefused(withHmac({ alg, kid: "RS256-1", typ: "at+jwt" }, claims(), secret));
      }
    }
  });

  test("HS256 with an empty secret", async () => {
    await expectRefused(withHmac({ alg: "HS256", kid: "ES256-1", typ: "at+jwt" }, claims(), Buffer.alloc(1)));
  });

  // Tests RFC 8725 section 3.1: the key decides the algorithm
  test.for([
    ["RS256 named for an EC key", "ES256-1", "RS256"],
    ["ES256 named for an RSA key", "RS256-1", "ES256"],
    ["PS256 named for a key published for RS256", "RS256-1", "PS256"],
    ["ES256 named for an Ed25519 key", "EdDSA-1", "ES256"],
  ] as const)("the key decides the algorithm, not the header: %s", async ([, kid, alg]) => {
    const token = await issuer.token(kid);
    await expectRefused(altered(token, { header: { alg } }));
  });

  test("PS256 really signed with the key published for RS256", async () => {
    const pkcs8 = await crypto.subtle.exportKey("pkcs8", issuer.key("RS256-1").privateKey);
    const pem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(pkcs8).toString("base64")}\n-----END PRIVATE KEY-----`;
    const key = await importPKCS8(pem, "PS256");
    await expectRefused(await new SignJWT(claims()).setProtectedHeader({ alg: "PS256", kid: "RS256-1", typ: "at+jwt" }).sign(key));
  });

  // Tests RFC 7518 section 3.4: a signature is R and S side by side, not DER
  test("an ES256 signature in DER, as other protocols write it", async () => {
    const token = await issuer.token("ES256-1");
    const raw = Buffer.from(token.split(".")[2] ?? "", "base64url");
    const integer = (bytes: Buffer) => {
      const body = (bytes[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.of(0), bytes]) : bytes;
      return Buffer.concat([Buffer.of(2, body.length), body]);
    };
    const both = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
    const der = Buffer.concat([Buffer.of(0x30, both.length), both]);
    await expectRefused([...token.split(".").slice(0, 2), der.toString("base64url")].join("."));
  });
});

describe("key attacks", () => {
  /** Signed by the attacker, with whatever header makes a careless verifier take his key. */
  async function withOwnKey(header: (jwk: JsonObject) => JsonObject): Promise<string> {
    const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
    const jwk = { ...(await exportJWK(publicKey)), kid: "ES256-1", alg: "ES256" };
    return new SignJWT(claimsOf(await issuer.token("ES256-1")))
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: "ES256-1", ...header(jwk) })
      .sign(privateKey);
  }

  test.for([
    ["another key under a published kid", () => ({})],
    ["the key in the header itself (jwk)", (jwk: JsonObject) => ({ jwk })],
    ["a key set of the attacker's (jku)", () => ({ jku: "http://127.0.0.1:9/jwks.json" })],
    ["a certificate of the attacker's (x5u)", () => ({ x5u: "http://127.0.0.1:9/cert.pem" })],
    ["path traversal in kid", () => ({ kid: "../../../dev/null" })],
    ["SQL in kid", () => ({ kid: "x' UNION SELECT 'a" })],
    ["__proto__ as kid", () => ({ kid: "__proto__" })],
    ["an empty kid", () => ({ kid: "" })],
  ] as [string, (jwk: JsonObject) => JsonObject][])("%s", async ([, header]) => {
    await expectRefused(await withOwnKey(header));
  });

  test.for([
    ["a number", 1],
    ["an object", {}],
    ["an array", ["ES256-1"]],
    ["another key's of the same issuer", "EdDSA-1"],
    ["unknown", "never-published"],
    ["in another case", "es256-1"],
  ] as const)("kid is %s", async ([, kid]) => {
    const { privateKey } = issuer.key("ES256-1");
    const signed = await new SignJWT(claimsOf(await issuer.token("ES256-1")))
      .setProtectedHeader({ alg: "ES256", typ: "at+jwt", kid: kid as string })
      .sign(privateKey);
    await expectRefused(signed);
  });

  // Keys are not tried in turn.
  // Tests RFC 8725 section 3.1: keys are not tried in turn
  test("no kid passes only while one key can be meant", async () => {
    await json(await call(await issuer.token("ES256-1", {}, { kid: undefined })));
    await expectRefused(await other.token("other-1", {}, { kid: undefined }));
    await expectRefused(await other.token("other-2", {}, { kid: undefined }));
  });

  // Tests RFC 8725 section 3.8: keys of one issuer verify no token of another
  test("one trusted issuer speaks for another", async () => {
    await expectRefused(await other.token("other-1", { iss: issuer.iss }));
    await expectRefused(await other.token("other-1", { iss: OWN_ISSUER }));
    await expectRefused(await issuer.token("ES256-1", { iss: other.iss }));
  });

  test("an external issuer's key under one of our own kids", async () => {
    const { kid } = headerOf(own.access_token) as { kid: string };
    await expectRefused(await issuer.token("ES256-1", { ...claimsOf(own.access_token) }, { kid }));
  });

  // Tests RFC 7518 section 3.3: an RSA key of 1024 bits is refused
  test("a 1024-bit RSA key in a trusted set is no key", async () => {
    const weak = generateKeyPairSync("rsa", { modulusLength: 1024 });
    const jwk = { ...weak.publicKey.export({ format: "jwk" }), kid: "weak", alg: "RS256", use: "sig" };
    issuer.published = [...issuer.published, jwk];
    const signed = `${encode({ alg: "RS256", kid: "weak", typ: "at+jwt" })}.${encode(claimsOf(await issuer.token("ES256-1")))}`;
    const { createSign } = await import("node:crypto");
    const signature = createSign("sha256").update(signed).sign(weak.privateKey).toString("base64url");
    await expectRefused(`${signed}.${signature}`);
  });
});

describe("claims that are wrong under a sound signature", () => {
  test.for([
    ["expired", () => ({ iat: now() - 120, exp: now() - 60 })],
    ["expired long ago", () => ({ iat: 1, exp: 100 })],
    ["expired before it was issued", () => ({ exp: now() - 1 })],
    ["not valid yet", () => ({ nbf: now() + 60 })],
    ["issued in the future", () => ({ iat: now() + 600, exp: now() + 900 })],
    ["without exp", () => ({ exp: undefined })],
    ["with exp as a text", () => ({ exp: String(now() + 300) })],
    ["with exp as an infinity in disguise", () => ({ exp: 1e308 })],
    ["with a negative exp", () => ({ exp: -1 })],
    ["with exp null", () => ({ exp: null })],
    ["with nbf as a text", () => ({ nbf: "0" })],
    ["for another audience", () => ({ aud: "https://else.example.test" })],
    ["for an audience that begins like ours", () => ({ aud: `${AUDIENCE}.evil.example.test` })],
    ["for a prefix of our audience", () => ({ aud: AUDIENCE.slice(0, -1) })],
    ["for no audience", () => ({ aud: undefined })],
    ["for an empty list of audiences", () => ({ aud: [] })],
    ["for an audience in an object", () => ({ aud: { 0: AUDIENCE } })],
    ["of an unknown issuer", () => ({ iss: "https://evil.example.test" })],
    ["of an issuer that begins like a trusted one", () => ({ iss: `${issuer.iss}/` })],
    ["of no issuer", () => ({ iss: undefined })],
    ["with a list of issuers", () => ({ iss: [issuer.iss] })],
    ["without a subject", () => ({ sub: undefined })],
    ["with a number as its subject", () => ({ sub: 1 })],
    ["with an empty subject", () => ({ sub: "" })],
  ] as [string, () => JsonObject][])("%s", async ([, claims]) => {
    await expectRefused(await issuer.token("ES256-1", claims()));
  });

  test("a scope that only contains the needed one is not it", async () => {
    for (const scope of ["read:orders2", "xread:orders", "READ:ORDERS", "read:orders\twrite", "read:orders,write:orders", "", undefined]) {
      const response = await call(await issuer.token("ES256-1", { scope }));
      expect([401, 403], JSON.stringify(scope)).toContain(response.status);
      await response.text();
    }
  });

  // Tests RFC 7519 section 4: a claim that is given twice is refused
  test("the same claim twice: two readers would see two users", async () => {
    const { privateKey } = issuer.key("ES256-1");
    const claims = JSON.stringify(claimsOf(await issuer.token("ES256-1")));
    const doubled = `{"sub":"admin",${claims.slice(1)}`;
    const signed = `${encode({ alg: "ES256", kid: "ES256-1", typ: "at+jwt" })}.${encode(doubled)}`;
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, Buffer.from(signed));
    await expectRefused(`${signed}.${Buffer.from(signature).toString("base64url")}`);
  });

  // A user's claims do not become another's headers.
  test("header injection: control characters in sub", async () => {
    const token = await issuer.token("ES256-1", { sub: "a\r\nx-auth-roles: admin" });
    const response = await postern().fetch("/echo", { headers: bearer(token) });
    if (response.status === 200) {
      const { headers } = (await response.json()) as { headers: [string, string][] };
      expect(headers.filter(([name]) => name === "x-auth-roles")).toEqual([]);
    } else {
      await expectProblem(response, 401, "invalid_token");
    }
  });
});

describe("headers that are wrong under a sound signature", () => {
  // Tests RFC 8725 section 3.11: a token of another typ is no access token
  // Tests RFC 9068 section 5: an ID token or logout token is no access token
  test.for([
    ["an ID token: typ JWT", { typ: "JWT" }],
    ["no typ", { typ: undefined }],
    ["another token's typ", { typ: "dpop+jwt" }],
    ["a logout token's typ", { typ: "logout+jwt" }],
    ["typ as a number", { typ: 1 }],
  ] as [string, JsonObject][])("%s (cross-JWT confusion, RFC 8725 section 2.8)", async ([, header]) => {
    await expectRefused(await issuer.token("ES256-1", {}, header));
  });

  /** jose refuses to make these, so they are signed by hand. */
  async function signedByHand(header: JsonObject, payload?: string): Promise<string> {
    const { privateKey } = issuer.key("ES256-1");
    const claims = payload ?? JSON.stringify(claimsOf(await issuer.token("ES256-1")));
    const signed = `${encode({ alg: "ES256", kid: "ES256-1", typ: "at+jwt", ...header })}.${encode(claims)}`;
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, Buffer.from(signed));
    return `${signed}.${Buffer.from(signature).toString("base64url")}`;
  }

  test("signed by hand it is sound", async () => {
    await json(await call(await signedByHand({})));
  });

  test.for([
    ["a critical extension that nobody understands", { crit: ["x"], x: 1 }],
    ["an empty list of critical extensions", { crit: [] }],
    ["an unencoded payload (RFC 7797)", { b64: false, crit: ["b64"] }],
    ["a compressed payload", { zip: "DEF", crit: ["zip"] }],
  ] as [string, JsonObject][])("%s", async ([, header]) => {
    await expectRefused(await signedByHand(header));
  });

  // Tests RFC 7519 section 7.2: the claims are a JSON object
  test.for(["[]", "null", "1", "", "not JSON", '{"sub":'])("claims that are no JSON object: %j", async (payload) => {
    await expectRefused(await signedByHand({}, payload));
  });
});

describe("noise", () => {
  test.for([".", "..", "a", "a.b", "a..c", ".b.", "e30.e30.e30", "e30.e30.", randomBytes(300).toString("base64url")])("%s", async (token) => {
    await expectRefused(token);
  });
});
