// The cases of origin.json: each is right, or wrong in one thing, which its name says.
import { createHash, createHmac } from "node:crypto";

export type Algorithm = "ES256" | "RS256" | "EdDSA";
export type Kind = "assertion" | "access_token";

/** What signs: keys by their `kid`. */
export interface Signing {
  /** The public JWK, as it is published. */
  published(kid: string): Record<string, string>;
  /** The private JWK. */
  secret(kid: string): Record<string, string>;
  /** A signature in base64url. */
  signature(kid: string, input: string): string;
}

export interface Caller {
  subject: string;
  issuer: string;
  client: string | null;
  session: string | null;
  tenant: string | null;
  scopes: string[];
  roles: string[];
}

export interface OneRequest {
  method: string;
  /** Path and query as they are sent. */
  target: string;
}

export interface Case {
  name: string;
  kind: Kind;
  /** The values of the header `X-Postern-Assertion` or `Authorization`, one for each line. */
  values: string[];
  key_set: string;
  /** With it, the verifier demands that the assertion is for this request. */
  request?: OneRequest;
  verdict: "valid" | "invalid";
  /** The code of the refusal. Without one, a verifier may refuse for its own reason. */
  reason?: string;
  caller?: Caller;
}

/** A proof that has to do with programs on the real clock sets another time. */
export const NOW = Number(process.env["ORIGIN_NOW"] ?? 1_800_000_000);
/** Seconds that the verifier's clock and Postern's may differ. */
export const LEEWAY = 5;
export const ISSUER = "https://auth.example.com";
export const AUDIENCES: Record<Kind, string> = { assertion: "https://orders.internal.example.com", access_token: "https://api.example.com" };

const TYP: Record<Kind, string> = { assertion: "postern-assertion+jwt", access_token: "at+jwt" };
const CLAIMS: Record<Kind, Record<string, unknown>> = {
  assertion: {
    iss: ISSUER,
    aud: AUDIENCES.assertion,
    sub: "5f0c",
    iat: NOW - 10,
    exp: NOW + 50,
    token_iss: ISSUER,
    sid: "s-1",
    client_id: "first-party",
    tenant_id: "acme",
    scope: "read:orders write:orders",
    roles: ["clerk"],
  },
  access_token: {
    iss: ISSUER,
    sub: "5f0c",
    aud: AUDIENCES.access_token,
    exp: NOW + 540,
    iat: NOW - 60,
    jti: "t-1",
    client_id: "first-party",
    sid: "s-1",
    rot: 3,
    scope: "read:orders write:orders",
    roles: ["clerk"],
    tenant_id: "acme",
    amr: ["pwd"],
    auth_time: NOW - 3600,
  },
};

/** The documents of the key sets, by name; `usual` is that of a deployment in the middle of a rotation. */
export function KEY_SETS(signing: Signing): Record<string, string> {
  const set = (...keys: object[]) => JSON.stringify({ keys });
  const of = (kid: string) => signing.published(kid);
  const es1 = of("es-1");
  return {
    usual: set(es1, of("es-2"), of("rs-1"), of("ed-1")),
    one: set(es1),
    withdrawn: set(of("es-2")),
    two_of_one_name: set(es1, { ...of("es-2"), kid: "es-1" }),
    odd_entries: set({ kty: "oct", kid: "es-1", alg: "HS256", k: "c2VjcmV0" }, { kty: "XYZ", kid: "q" }, of("weak"), es1, { ...es1 }),
    private: set({ ...signing.secret("es-1"), kid: "es-1", use: "sig", alg: "ES256" }, of("es-2")),
    for_encryption: set({ ...es1, use: "enc" }, of("es-2")),
    for_signing_only: set({ ...es1, key_ops: ["sign"] }, of("es-2")),
    of_another_algorithm: set({ ...es1, alg: "ES384" }, of("es-2")),
    off_curve: set({ ...es1, x: of("es-2")["x"] }, of("es-2")),
    weak: set(of("weak"), es1),
    member_twice: `{"keys":[${JSON.stringify(es1).replace("{", `{"kid":"es-1",`)},${JSON.stringify(of("es-2"))}]}`,
  };
}

const encoded = (text: string | Uint8Array) => Buffer.from(text).toString("base64url");
/** The order of P-256 (FIPS 186-5). */
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const P256_BYTES = 32;

function scalar(value: bigint): Buffer {
  return Buffer.from(value.toString(16).padStart(2 * P256_BYTES, "0"), "hex");
}

interface Made {
  header?: Record<string, unknown>;
  headerText?: string | Uint8Array;
  claims?: Record<string, unknown>;
  claimsText?: string | Uint8Array;
  /** The key that signs; its `kid` is in the header unless `header` has another. */
  key?: string;
  /** What becomes of the signature. */
  signature?: (good: string, input: string) => string;
  keySet?: string;
}

export function cases(signing: Signing): Case[] {
  const list: Case[] = [];

  function token(kind: Kind, made: Made): string {
    const key = made.key ?? "es-1";
    const alg = { rs: "RS256", ed: "EdDSA", we: "RS256" }[key.slice(0, 2)] ?? "ES256";
    const header = made.headerText ?? JSON.stringify({ alg, typ: TYP[kind], kid: key === "mallory" ? "es-1" : key, ...made.header });
    const claims = made.claimsText ?? JSON.stringify({ ...CLAIMS[kind], ...made.claims });
    const input = `${encoded(header)}.${encoded(claims)}`;
    const good = signing.signature(key, input);
    return `${input}.${made.signature?.(good, input) ?? good}`;
  }

  const line = (kind: Kind, text: string) => (kind === "assertion" ? text : `Bearer ${text}`);
  const callerOf = (kind: Kind, claims: Record<string, unknown>): Caller => ({
    subject: claims["sub"] as string,
    issuer: (kind === "assertion" ? claims["token_iss"] : claims["iss"]) as string,
    client: (claims["client_id"] as string | undefined) ?? null,
    session: (claims["sid"] as string | undefined) ?? null,
    tenant: (claims["tenant_id"] as string | undefined) ?? null,
    scopes: [claims["scope"] ?? []].flat().flatMap((scope) => (scope as string).split(" ")).filter((scope) => scope !== "").sort(),
    roles: ([claims["roles"] ?? []].flat() as string[]).sort(),
  });
  const titled = (kind: Kind, name: string) => `${kind === "assertion" ? "assertion" : "access token"}: ${name}`;

  function valid(kind: Kind, name: string, made: Made = {}, values?: (text: string) => string[]): void {
    const text = token(kind, made);
    const claims = made.claimsText === undefined ? { ...CLAIMS[kind], ...made.claims } : CLAIMS[kind];
    list.push({
      name: titled(kind, name),
      kind,
      values: values?.(text) ?? [line(kind, text)],
      key_set: made.keySet ?? "usual",
      verdict: "valid",
      caller: callerOf(kind, JSON.parse(JSON.stringify(claims)) as Record<string, unknown>),
    });
  }

  function refused(kind: Kind, name: string, reason: string | undefined, values: string[], keySet = "usual"): void {
    list.push({ name: titled(kind, name), kind, values, key_set: keySet, verdict: "invalid", ...(reason === undefined ? {} : { reason }) });
  }
  const invalid = (kind: Kind, name: string, reason: string | undefined, made: Made) => refused(kind, name, reason, [line(kind, token(kind, made))], made.keySet);
  /** A token whose text is changed after it was signed. */
  const changed = (kind: Kind, name: string, reason: string, change: (text: string) => string, made: Made = {}) =>
    refused(kind, name, reason, [line(kind, change(token(kind, made)))]);

  for (const kind of ["assertion", "access_token"] as const) {
    const other = kind === "assertion" ? "access_token" : "assertion";
    const plain = CLAIMS[kind];
    const text = JSON.stringify(plain);
    const head = (members: string) => `{"alg":"ES256","kid":"es-1","typ":"${TYP[kind]}"${members}}`;
    /** The claims with more text inside the object. */
    const within = (more: string) => `${text.slice(0, -1)},${more}}`;

    valid(kind, "as Postern writes it");
    valid(kind, "signed with RS256", { key: "rs-1" });
    valid(kind, "signed with EdDSA", { key: "ed-1" });
    valid(kind, "alg is Ed25519 (RFC 9864)", { key: "ed-1", header: { alg: "Ed25519" } });
    valid(kind, "signed with the other key of a rotation", { key: "es-2" });
    valid(kind, "typ with application/ before it", { header: { typ: `application/${TYP[kind]}` } });
    valid(kind, "typ in capitals", { header: { typ: TYP[kind].toUpperCase() } });
    valid(kind, "aud is a list with ours in it", { claims: { aud: ["https://other.example", AUDIENCES[kind]] } });
    valid(kind, "no kid, and one key that fits", { header: { kid: undefined }, keySet: "one" });
    valid(kind, "exp passed 4 s ago", { claims: { exp: NOW - 4 } });
    valid(kind, "iat is 5 s ahead", { claims: { iat: NOW + 5 } });
    valid(kind, "nbf is 5 s ahead", { claims: { nbf: NOW + 5 } });
    valid(kind, "exp has a fraction and an exponent", { claimsText: text.replace(`"exp":${plain["exp"]}`, `"exp":1.8000000505e9`) });
    valid(kind, "the other s of the same signature", {
      signature(good) {
        const bytes = Buffer.from(good, "base64url");
        const s = BigInt(`0x${bytes.subarray(P256_BYTES).toString("hex")}`);
        return encoded(Buffer.concat([bytes.subarray(0, P256_BYTES), scalar(ORDER - s)]));
      },
    });
    valid(kind, "claims that no verifier knows", { claims: { extra: { deep: [1, { a: null }] } } });
    valid(kind, "without the claims that may be missing", { claims: { sid: undefined, tenant_id: undefined, scope: undefined, roles: undefined, amr: undefined, auth_time: undefined, rot: undefined } });
    valid(kind, "scope is empty", { claims: { scope: "" } });
    valid(kind, "scope is a list", { claims: { scope: ["read:orders"] } });
    valid(kind, "roles is one text", { claims: { roles: "clerk" } });
    valid(kind, "sub is not ASCII", { claims: { sub: "zoë 名 😀" } });
    valid(kind, "names of claims have escapes", { claimsText: text.replace('"sub"', '"\\u0073ub"') });
    valid(kind, "white space between the claims", { claimsText: JSON.stringify(plain, null, 2).replaceAll("\n", "\r\n\t") });
    valid(kind, "64 levels deep", { claimsText: within(`"x":${"[".repeat(63)}${"]".repeat(63)}`) });
    valid(kind, "beside unusable keys in the set", { keySet: "odd_entries" });

    // The text as a whole.
    changed(kind, "two parts", "not_three_parts", (whole) => whole.split(".").slice(0, 2).join("."));
    changed(kind, "four parts", "not_three_parts", (whole) => `${whole}.x`);
    changed(kind, "five parts, as a JWE has", "encrypted", (whole) => `${whole}.x.y`);
    changed(kind, "no signature", "missing_signature", (whole) => whole.replace(/[^.]*$/, ""));
    changed(kind, "nothing but dots", "missing_signature", () => "..");
    changed(kind, "one word", "not_three_parts", () => "null");
    changed(kind, "padding behind the signature", "not_base64url", (whole) => `${whole}==`);
    changed(kind, "other bits behind the signature", "not_base64url", (whole) => whole.slice(0, -1) + String.fromCharCode(whole.charCodeAt(whole.length - 1) + 1));
    changed(kind, "base64 instead of base64url", "not_base64url", (whole) => whole.replace(/\.[^.]([^.]*)$/, ".+$1"));
    changed(kind, "white space inside", kind === "assertion" ? "not_base64url" : "invalid_request", (whole) => whole.replace(".", ". "));
    invalid(kind, "longer than 8192 bytes", "too_large", { claims: { padding: "x".repeat(6_000) } });

    // The header.
    invalid(kind, "header is not JSON", "malformed_header", { headerText: "alg=ES256" });
    invalid(kind, "header is a list", "malformed_header", { headerText: "[]" });
    invalid(kind, "header is empty", "malformed_header", { headerText: "" });
    invalid(kind, "header has a byte order mark", "malformed_header", { headerText: `\ufeff${head("")}` });
    invalid(kind, "header is not UTF-8", "malformed_header", { headerText: Buffer.concat([Buffer.from(head("").slice(0, -1)), Buffer.from([0x2c, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])]) });
    invalid(kind, "header has alg twice", "malformed_header", { headerText: head(`,"alg":"none"`) });
    invalid(kind, "header has kid twice, once escaped", "malformed_header", { headerText: head(`,"\\u006bid":"es-2"`) });
    invalid(kind, "text behind the header", "malformed_header", { headerText: `${head("")}{}` });

    // The algorithm.
    const unsigned = (alg: string) => ({ header: { alg }, signature: () => "" });
    changed(kind, "alg none, without a signature", "missing_signature", (whole) => whole, unsigned("none"));
    for (const none of ["none", "None", "nOnE"]) invalid(kind, `alg ${none}, with a signature`, "alg_none", { header: { alg: none } });
    invalid(kind, "HMAC with the public key as its secret", "alg_symmetric", {
      header: { alg: "HS256" },
      signature: (_, input) => createHmac("sha256", JSON.stringify(signing.published("es-1"))).update(input).digest("base64url"),
    });
    invalid(kind, "alg is missing", "missing_alg", { header: { alg: undefined } });
    invalid(kind, "alg is empty", "alg_unsupported", { header: { alg: "" } });
    invalid(kind, "alg is a list", "malformed_header_member", { header: { alg: ["ES256"] } });
    invalid(kind, "alg in small letters", "alg_unsupported", { header: { alg: "es256" } });
    invalid(kind, "alg ES512", "alg_unsupported", { header: { alg: "ES512" } });
    invalid(kind, "alg ES384, with which Postern never signs", "alg_not_allowed", { header: { alg: "ES384" } });
    invalid(kind, "alg PS256, with a key for RS256", "alg_not_allowed", { header: { alg: "PS256" }, key: "rs-1" });
    invalid(kind, "alg RS256, with a key for ES256", "alg_mismatch", { header: { alg: "RS256" } });

    // The key.
    invalid(kind, "kid is unknown", "unknown_key", { header: { kid: "es-9" } });
    invalid(kind, "kid is a path", "unknown_key", { header: { kid: "../../dev/null" } });
    invalid(kind, "kid is a name that every object has", "unknown_key", { header: { kid: "__proto__" } });
    invalid(kind, "kid is empty", "malformed_header_member", { header: { kid: "" } });
    invalid(kind, "kid is a number", "malformed_header_member", { header: { kid: 1 } });
    invalid(kind, "kid is null", "malformed_header_member", { header: { kid: null } });
    invalid(kind, "kid has 257 bytes", "malformed_header_member", { header: { kid: "k".repeat(257) } });
    invalid(kind, "no kid, and several keys that fit", "ambiguous_key", { header: { kid: undefined } });
    invalid(kind, "kid of another key", "bad_signature", { header: { kid: "es-2" } });
    invalid(kind, "two keys of one kid in the set", "ambiguous_key", { keySet: "two_of_one_name" });
    invalid(kind, "the key was withdrawn", "unknown_key", { keySet: "withdrawn" });
    invalid(kind, "the set has the private key", "unknown_key", { keySet: "private" });
    invalid(kind, "the key is for encryption", "unknown_key", { keySet: "for_encryption" });
    invalid(kind, "the key is not for verification", "unknown_key", { keySet: "for_signing_only" });
    invalid(kind, "the key's alg is not its curve's", "unknown_key", { keySet: "of_another_algorithm" });
    invalid(kind, "the key is not on its curve", "unknown_key", { keySet: "off_curve" });
    // The set is refused, or this entry of it.
    invalid(kind, "the key has a member twice", undefined, { keySet: "member_twice" });
    invalid(kind, "an RSA key of 1024 bits", "unknown_key", { key: "weak", keySet: "weak" });

    // The kind of token.
    invalid(kind, "typ is missing", "wrong_typ", { header: { typ: undefined } });
    for (const typ of ["JWT", "logout+jwt", "dpop+jwt", "", `text/${TYP[kind]}`, `${TYP[kind]} `]) invalid(kind, `typ is ${JSON.stringify(typ)}`, "wrong_typ", { header: { typ } });
    invalid(kind, "typ is a list", "malformed_header_member", { header: { typ: [TYP[kind]] } });
    invalid(kind, `typ of an ${other === "assertion" ? "assertion" : "access token"}, all else right`, "wrong_typ", { header: { typ: TYP[other] } });
    refused(kind, `an ${other === "assertion" ? "assertion" : "access token"} in its place`, "wrong_typ", [line(kind, token(other, {}))]);

    // Members that would choose a key, or change what is signed.
    const stranger = signing.published("mallory");
    for (const [member, value] of Object.entries({
      jku: "https://mallory.example/jwks.json",
      x5u: "https://mallory.example/chain.pem",
      jwk: stranger,
      x5c: ["MIIB"],
      crit: ["exp"],
      b64: false,
      zip: "DEF",
      enc: "A256GCM",
    })) {
      invalid(kind, `${member} in the header`, "forbidden_header", { header: { [member]: value }, key: member === "jwk" ? "mallory" : "es-1" });
    }
    invalid(kind, "a member of the header that no verifier knows", "unknown_header", { header: { nonce: "1" } });

    // The signature.
    invalid(kind, "signed by a stranger", "bad_signature", { key: "mallory" });
    invalid(kind, "a bit of the signature is turned", "bad_signature", { signature: (good) => (good.startsWith("A") ? "B" : "A") + good.slice(1) });
    invalid(kind, "a signature of zeros", "bad_signature", { signature: () => encoded(new Uint8Array(64)) });
    invalid(kind, "a signature of the order of the curve", "bad_signature", { signature: () => encoded(Buffer.concat([scalar(ORDER), scalar(ORDER)])) });
    invalid(kind, "a signature in DER", "wrong_signature_length", {
      signature(good) {
        const bytes = Buffer.from(good, "base64url");
        const integer = (part: Buffer) => Buffer.concat([Buffer.from([2, 33, 0]), part]);
        const both = Buffer.concat([integer(bytes.subarray(0, P256_BYTES)), integer(bytes.subarray(P256_BYTES))]);
        return encoded(Buffer.concat([Buffer.from([0x30, both.length]), both]));
      },
    });
    invalid(kind, "a signature that is a byte short", "wrong_signature_length", { signature: (good) => encoded(Buffer.from(good, "base64url").subarray(1)) });
    invalid(kind, "an Ed25519 signature that is a bit off", "bad_signature", { key: "ed-1", signature: (good) => (good.startsWith("A") ? "B" : "A") + good.slice(1) });
    invalid(kind, "an RSA signature with a byte in front", "wrong_signature_length", { key: "rs-1", signature: (good) => encoded(Buffer.concat([Buffer.from([0]), Buffer.from(good, "base64url")])) });
    changed(kind, "another subject behind the signature", "bad_signature", (whole) => {
      const [header = "", , signature = ""] = whole.split(".");
      return `${header}.${encoded(JSON.stringify({ ...plain, sub: "admin" }))}.${signature}`;
    });

    // The claims' JSON.
    invalid(kind, "claims are not JSON", "malformed_claims", { claimsText: "sub=admin" });
    invalid(kind, "claims are a list", "malformed_claims", { claimsText: `[${text}]` });
    invalid(kind, "claims are empty", "malformed_claims", { claimsText: "" });
    invalid(kind, "claims have a byte order mark", "malformed_claims", { claimsText: `\ufeff${text}` });
    invalid(kind, "claims are not UTF-8", "malformed_claims", { claimsText: Buffer.concat([Buffer.from(`${text.slice(0, -1)},"x":"`), Buffer.from([0xc3, 0x28]), Buffer.from(`"}`)]) });
    invalid(kind, "sub twice", "malformed_claims", { claimsText: within(`"sub":"admin"`) });
    invalid(kind, "sub twice, once escaped", "malformed_claims", { claimsText: within(`"\\u0073ub":"admin"`) });
    invalid(kind, "aud twice", "malformed_claims", { claimsText: within(`"aud":"https://other.example"`) });
    invalid(kind, "exp twice, equal", "malformed_claims", { claimsText: within(`"exp":${plain["exp"]}`) });
    invalid(kind, "a member twice deep inside", "malformed_claims", { claimsText: within(`"x":[{"a":1,"a":1}]`) });
    invalid(kind, "65 levels deep", "malformed_claims", { claimsText: within(`"x":${"[".repeat(64)}${"]".repeat(64)}`) });
    invalid(kind, "1500 levels deep", "malformed_claims", { claimsText: within(`"x":${"[".repeat(1_499)}${"]".repeat(1_499)}`) });
    invalid(kind, "a number out of range", "malformed_claims", { claimsText: within(`"x":1e400`) });
    invalid(kind, "a number of 400 digits", "malformed_claims", { claimsText: within(`"x":${"9".repeat(400)}`) });
    invalid(kind, "NaN", "malformed_claims", { claimsText: within(`"x":NaN`) });
    invalid(kind, "Infinity", "malformed_claims", { claimsText: within(`"x":Infinity`) });
    invalid(kind, "half a surrogate pair", "malformed_claims", { claimsText: within(`"x":"\\ud83d"`) });
    invalid(kind, "half a surrogate pair in a name", "malformed_claims", { claimsText: within(`"\\udc00":1`) });
    invalid(kind, "a control character in a text", "malformed_claims", { claimsText: within(`"x":"\u0001"`) });
    invalid(kind, "a comma behind the last claim", "malformed_claims", { claimsText: `${text.slice(0, -1)},}` });
    invalid(kind, "a number with a zero in front", "malformed_claims", { claimsText: within(`"x":01`) });
    invalid(kind, "a comment", "malformed_claims", { claimsText: within(`/**/"x":1`) });
    invalid(kind, "a form feed between claims", "malformed_claims", { claimsText: within(`\f"x":1`) });
    invalid(kind, "text behind the claims", "malformed_claims", { claimsText: `${text}{}` });

    // Issuer, audience, subject.
    for (const [name, iss] of Object.entries({
      "of another issuer": "https://auth.other.example",
      "iss has a slash at the end": `${ISSUER}/`,
      "iss begins with ours": `${ISSUER}.mallory.example`,
      "iss in capitals": ISSUER.toUpperCase(),
      "iss is empty": "",
    })) {
      invalid(kind, name, "wrong_issuer", { claims: { iss } });
    }
    invalid(kind, "iss is missing", "missing_claim", { claims: { iss: undefined } });
    invalid(kind, "iss is a list", "malformed_claim", { claims: { iss: [ISSUER] } });
    for (const [name, aud] of Object.entries({
      "for another audience": "https://other.example",
      "aud of the other kind of token": AUDIENCES[other],
      "aud begins with ours": `${AUDIENCES[kind]}.mallory.example`,
      "aud has a slash at the end": `${AUDIENCES[kind]}/`,
      "aud is an empty list": [],
      "aud is empty": "",
      "aud has ours inside a text": `${AUDIENCES[kind]} https://other.example`,
    })) {
      invalid(kind, name, "wrong_audience", { claims: { aud } });
    }
    invalid(kind, "aud is missing", "wrong_audience", { claims: { aud: undefined } });
    invalid(kind, "aud is a number", "malformed_claim", { claims: { aud: 1 } });
    invalid(kind, "aud is a list with a number", "malformed_claim", { claims: { aud: [AUDIENCES[kind], 1] } });
    invalid(kind, "aud is an object", "malformed_claim", { claims: { aud: { [AUDIENCES[kind]]: true } } });
    invalid(kind, "sub is missing", "missing_claim", { claims: { sub: undefined } });
    for (const [name, sub] of Object.entries({ "sub is empty": "", "sub is a number": 7, "sub is null": null, "sub is a list": ["5f0c"] })) {
      invalid(kind, name, "malformed_claim", { claims: { sub } });
    }

    // Times.
    invalid(kind, "expired 5 s ago", "expired", { claims: { exp: NOW - 5 } });
    invalid(kind, "expired an hour ago", "expired", { claims: { iat: NOW - 3_660, exp: NOW - 3_600 } });
    invalid(kind, "exp is missing", "missing_claim", { claims: { exp: undefined } });
    for (const [name, exp] of Object.entries({ "exp is a text": String(NOW + 50), "exp is null": null, "exp is true": true, "exp is negative": -1, "exp is beyond the year 9999": 253_402_300_800, "exp is 1e300": 1e300 })) {
      invalid(kind, name, "malformed_claim", { claims: { exp } });
    }
    invalid(kind, "iat is missing", "missing_claim", { claims: { iat: undefined } });
    invalid(kind, "iat is a text", "malformed_claim", { claims: { iat: "0" } });
    invalid(kind, "iat is 6 s ahead", "issued_in_future", { claims: { iat: NOW + 6 } });
    invalid(kind, "nbf is 6 s ahead", "not_yet_valid", { claims: { nbf: NOW + 6 } });
    invalid(kind, "nbf is a text", "malformed_claim", { claims: { nbf: "0" } });
    invalid(kind, "exp is iat", "impossible_dates", { claims: { iat: NOW, exp: NOW } });
    invalid(kind, "exp is before nbf", "impossible_dates", { claims: { exp: NOW + 2, nbf: NOW + 3 } });

    // Claims of another form.
    for (const [name, claims] of Object.entries<Record<string, unknown>>({
      "scope is a number": { scope: 1 },
      "scope has two spaces": { scope: "read:orders  write:orders" },
      "scope has a tab": { scope: "read:orders\twrite:orders" },
      "scope has a quotation mark": { scope: 'read:"orders"' },
      "scope is a list of two words": { scope: ["read:orders write:orders"] },
      "roles is a number": { roles: 1 },
      "roles is a list with a number": { roles: ["clerk", 1] },
      "roles is null": { roles: null },
      "sid is a number": { sid: 1 },
      "client_id is a number": { client_id: 1 },
      "tenant_id is null": { tenant_id: null },
      "jti is a number": { jti: 1 },
      "acr is a list": { acr: ["1"] },
      "amr is a number": { amr: 1 },
      "auth_time is a text": { auth_time: "0" },
      "rot has a fraction": { rot: 1.5 },
      "rot is negative": { rot: -1 },
      "rot is above 32 bits": { rot: 4_294_967_296 },
      "cnf is null": { cnf: null },
      "cnf is a certificate": { cnf: { "x5t#S256": "x" } },
    })) {
      invalid(kind, name, "malformed_claim", { claims });
    }
    invalid(kind, "bound to a key, but sent as it is", "bound_token_as_bearer", { claims: { cnf: { jkt: "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs" } } });
  }

  // What an assertion alone has.
  valid("assertion", "of a caller of another issuer", { claims: { token_iss: "https://login.other.example/tenant/", sub: "x" } });
  valid("assertion", "of an issuer that is no URL", { claims: { token_iss: "stytch.com/project-live-1" } });
  invalid("assertion", "token_iss is missing", "missing_claim", { claims: { token_iss: undefined } });
  invalid("assertion", "token_iss is a list", "malformed_claim", { claims: { token_iss: [ISSUER] } });
  invalid("assertion", "token_iss is empty", "malformed_claim", { claims: { token_iss: "" } });
  invalid("assertion", "token_iss twice", "malformed_claims", { claimsText: `${JSON.stringify(CLAIMS.assertion).slice(0, -1)},"token_iss":"x"}` });
  invalid("assertion", "lives for more than 300 s", "lifetime_too_long", { claims: { exp: NOW + 291 } });
  valid("assertion", "without a client", { claims: { client_id: undefined } });
  const request = { method: "DELETE", target: "/orders/a%2Fb?of=%41&x=1" };
  const bound = { htm: request.method, target_sha256: createHash("sha256").update(request.target).digest("base64url") };
  const boundCase = (name: string, reason: string | undefined, claims: Record<string, unknown>, asked: OneRequest = request) =>
    list.push({
      name: titled("assertion", name),
      kind: "assertion",
      values: [token("assertion", { claims })],
      key_set: "usual",
      request: asked,
      ...(reason === undefined ? { verdict: "valid" as const, caller: callerOf("assertion", CLAIMS.assertion) } : { verdict: "invalid" as const, reason }),
    });
  boundCase("bound to this request", undefined, bound);
  valid("assertion", "bound, where the verifier does not ask for it", { claims: bound });
  boundCase("bound to another method", "wrong_request", bound, { ...request, method: "GET" });
  boundCase("bound to another path", "wrong_request", bound, { ...request, target: "/orders/a%2Fc?of=%41&x=1" });
  boundCase("bound to another query", "wrong_request", bound, { ...request, target: "/orders/a%2Fb?of=%41&x=2" });
  boundCase("bound to the path without its query", "wrong_request", bound, { ...request, target: "/orders/a%2Fb" });
  boundCase("bound to another spelling of the path", "wrong_request", bound, { ...request, target: "/orders/a/b?of=A&x=1" });
  boundCase("bound to the method in small letters", "wrong_request", { ...bound, htm: "delete" });
  boundCase("bound by a hash in hexadecimal", "wrong_request", { ...bound, target_sha256: createHash("sha256").update(request.target).digest("hex") });
  boundCase("bound to nothing, where the verifier asks for it", "missing_claim", {});
  boundCase("bound to a method alone", "missing_claim", { htm: bound.htm });
  boundCase("bound to a target alone", "missing_claim", { target_sha256: bound.target_sha256 });
  boundCase("bound to a list of methods", "malformed_claim", { ...bound, htm: [bound.htm] });
  boundCase("bound by a hash that is null", "malformed_claim", { ...bound, target_sha256: null });
  const assertion = token("assertion", {});
  const forged = token("assertion", { key: "mallory", claims: { sub: "admin" } });
  refused("assertion", "no header", "no_assertion", []);
  refused("assertion", "an empty header", "empty_assertion", [""]);
  refused("assertion", "the same twice", "several_assertions", [assertion, assertion]);
  refused("assertion", "a forged one before the good one", "several_assertions", [forged, assertion]);
  refused("assertion", "a forged one behind the good one", "several_assertions", [assertion, forged]);
  refused("assertion", "an empty one before the good one", "several_assertions", ["", assertion]);
  refused("assertion", "two in one line", "several_assertions", [`${assertion}, ${forged}`]);
  refused("assertion", "a comma behind it", "several_assertions", [`${assertion},`]);
  refused("assertion", "Bearer before it", "not_base64url", [`Bearer ${assertion}`]);

  // What an access token alone has.
  const bearer = token("access_token", {});
  const forgedBearer = token("access_token", { key: "mallory", claims: { sub: "admin" } });
  valid("access_token", "the scheme in small letters", {}, (text) => [`bearer ${text}`]);
  valid("access_token", "three spaces behind the scheme", {}, (text) => [`BEARER   ${text}`]);
  invalid("access_token", "jti is missing", "missing_claim", { claims: { jti: undefined } });
  invalid("access_token", "jti is empty", "malformed_claim", { claims: { jti: "" } });
  invalid("access_token", "client_id is missing", "missing_claim", { claims: { client_id: undefined } });
  invalid("access_token", "client_id is empty", "malformed_claim", { claims: { client_id: "" } });
  valid("access_token", "valid for a day", { claims: { exp: NOW + 86_400 } });
  refused("access_token", "no header", "credentials_required", []);
  refused("access_token", "an empty header", "credentials_required", [""]);
  refused("access_token", "another scheme", "credentials_required", ["Basic dTpw"]);
  refused("access_token", "the scheme DPoP", "credentials_required", [`DPoP ${bearer}`]);
  refused("access_token", "a scheme that begins with Bearer", "credentials_required", [`Bearers ${bearer}`]);
  refused("access_token", "without a scheme", "credentials_required", [bearer]);
  refused("access_token", "the scheme alone", "invalid_request", ["Bearer"]);
  refused("access_token", "two words behind the scheme", "invalid_request", [`Bearer ${bearer} x`]);
  refused("access_token", "the same twice", "invalid_request", [`Bearer ${bearer}`, `Bearer ${bearer}`]);
  refused("access_token", "a forged one before the good one", "invalid_request", [`Bearer ${forgedBearer}`, `Bearer ${bearer}`]);
  refused("access_token", "a forged one behind the good one", "invalid_request", [`Bearer ${bearer}`, `Bearer ${forgedBearer}`]);
  refused("access_token", "two in one line", "invalid_request", [`Bearer ${bearer}, Bearer ${forgedBearer}`]);
  refused("access_token", "behind another scheme", "invalid_request", [`Basic dTpw, Bearer ${bearer}`]);
  refused("access_token", "another scheme in a line before it", "invalid_request", ["Basic dTpw", `Bearer ${bearer}`]);
  refused("access_token", "a tab behind the scheme", "invalid_request", [`Bearer\t${bearer}`]);
  refused("access_token", "in quotation marks", "invalid_request", [`Bearer "${bearer}"`]);
  return list;
}
