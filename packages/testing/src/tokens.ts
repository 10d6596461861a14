// Tokens of every kind: sound ones, and those with one thing wrong. Without a platform: it runs in Node and in workerd.

export type Claims = Record<string, unknown>;

/** What signs: Postern's own key or that of a fake issuer. */
export interface Signer {
  alg: string;
  kid: string;
  sign(input: string): Promise<Uint8Array>;
}

/** One mistake each. A verifier that accepts a token with any of them has a hole. */
export const BROKEN = [
  "expired",
  "not yet valid",
  "issued in the future",
  "without expiry",
  "without subject",
  "wrong issuer",
  "without issuer",
  "wrong audience",
  "without audience",
  "wrong type",
  "altered claims",
  "altered signature",
  "without signature",
  "two parts",
  "signed by another key",
  "unknown key",
  "alg none",
  "alg none, in capitals",
  "HMAC with the public key",
  "its own key in the header",
  "its own key by URL",
  "unknown critical header",
  "a claim twice",
  "claims that are no object",
] as const;

export type Broken = (typeof BROKEN)[number];

/** The parameters of WebCrypto for an algorithm of JWS. */
const ALGORITHMS: Record<string, [key: object, signature: AlgorithmIdentifier & object]> = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" } as AlgorithmIdentifier & object],
  ES384: [{ name: "ECDSA", namedCurve: "P-384" }, { name: "ECDSA", hash: "SHA-384" } as AlgorithmIdentifier & object],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
  PS256: [{ name: "RSA-PSS", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]), hash: "SHA-256" }, { name: "RSA-PSS", saltLength: 32 } as AlgorithmIdentifier & object],
};

export interface Key extends Signer {
  /** The public half, as a key set has it. */
  jwk: Record<string, unknown>;
}

/** A new key pair for an algorithm of JWS. */
export async function newKey(alg: string, kid: string): Promise<Key> {
  const found = ALGORITHMS[alg];
  if (!found) throw new Error(`no key for ${alg}: the algorithms are ${Object.keys(ALGORITHMS).join(", ")}`);
  const [parameters, signature] = found;
  const { privateKey, publicKey } = (await crypto.subtle.generateKey(parameters as EcKeyGenParams, true, ["sign", "verify"])) as CryptoKeyPair;
  const { key_ops: _, ext: __, ...jwk } = await crypto.subtle.exportKey("jwk", publicKey);
  const sign = async (input: string): Promise<Uint8Array> => new Uint8Array(await crypto.subtle.sign(signature, privateKey, new TextEncoder().encode(input)));
  return { alg, kid, sign, jwk: { ...jwk, kid, alg, use: "sig" } };
}

/** Foreign keys are made once for each algorithm: an RSA key takes a tenth of a second. */
const foreign = new Map<string, Promise<Key>>();
function foreignKey(alg: string, kid: string): Promise<Key> {
  const known = foreign.get(alg) ?? newKey(alg, "a-stranger");
  foreign.set(alg, known);
  return known.then((key) => ({ ...key, kid }));
}

export function base64url(bytes: Uint8Array | string): string {
  const binary = typeof bytes === "string" ? new TextEncoder().encode(bytes) : bytes;
  return btoa(Array.from(binary, (byte) => String.fromCharCode(byte)).join("")).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** An id such as Postern makes: 16 random bytes. */
export const randomId = (): string => base64url(crypto.getRandomValues(new Uint8Array(16)));

const encode = (value: unknown): string => base64url(typeof value === "string" ? value : JSON.stringify(value));

export interface Draft {
  header: Claims;
  claims: Claims;
  /** The claim that holds the audience, and those that name the subject; of our own tokens `aud` and `sub`. */
  audienceClaim?: string;
  subjectClaims?: string[];
}

/** Signs what is drafted. Members that are `undefined` are left out. */
export async function sound(signer: Signer, { header, claims }: Draft): Promise<string> {
  const input = `${encode({ alg: signer.alg, kid: signer.kid, ...header })}.${encode(claims)}`;
  return `${input}.${base64url(await signer.sign(input))}`;
}

async function hmac(secret: string, input: string): Promise<Uint8Array> {
  const key = await crypto.subtle.importKey("raw", new TextEncoder().encode(secret), { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return new Uint8Array(await crypto.subtle.sign("HMAC", key, new TextEncoder().encode(input)));
}

/** The token of this draft with one mistake. `publicKey` is the signer's, in any text form. */
export async function broken(kind: Broken, signer: Signer, draft: Draft, now: number, publicKey: string): Promise<string> {
  const { header, claims, audienceClaim = "aud", subjectClaims = ["sub"] } = draft;
  const withClaims = (more: Claims) => sound(signer, { header, claims: { ...claims, ...more } });
  const withHeader = (more: Claims) => sound(signer, { header: { ...header, ...more }, claims });
  const parts = async (): Promise<[string, string, string]> => (await sound(signer, draft)).split(".") as [string, string, string];
  switch (kind) {
    case "expired":
      return withClaims({ iat: now - 7200, auth_time: now - 7200, exp: now - 3600 });
    case "not yet valid":
      return withClaims({ nbf: now + 3600, exp: now + 7200 });
    case "issued in the future":
      return withClaims({ iat: now + 3600, exp: now + 7200 });
    case "without expiry":
      return withClaims({ exp: undefined });
    case "without subject":
      return withClaims(Object.fromEntries(subjectClaims.map((name) => [name, undefined])));
    case "wrong issuer":
      return withClaims({ iss: "https://issuer.invalid" });
    case "without issuer":
      return withClaims({ iss: undefined });
    case "wrong audience":
      return withClaims({ [audienceClaim]: "https://another-api.invalid" });
    case "without audience":
      return withClaims({ [audienceClaim]: undefined });
    case "wrong type":
      return withHeader({ typ: "logout+jwt" });
    case "altered claims": {
      const [head, , signature] = await parts();
      return `${head}.${encode({ ...claims, scope: "admin", roles: ["admin"] })}.${signature}`;
    }
    case "altered signature": {
      const [head, body, signature] = await parts();
      const at = 10;
      return `${head}.${body}.${signature.slice(0, at)}${signature[at] === "A" ? "B" : "A"}${signature.slice(at + 1)}`;
    }
    case "without signature":
      return (await parts()).toSpliced(2, 1, "").join(".");
    case "two parts":
      return (await parts()).slice(0, 2).join(".");
    case "signed by another key":
      return sound(await foreignKey(signer.alg, signer.kid), draft);
    case "unknown key":
      return sound(await foreignKey(signer.alg, "a-stranger"), draft);
    case "alg none":
      return `${encode({ ...header, alg: "none" })}.${encode(claims)}.`;
    case "alg none, in capitals":
      return `${encode({ ...header, alg: "NONE" })}.${encode(claims)}.`;
    case "HMAC with the public key": {
      const input = `${encode({ kid: signer.kid, ...header, alg: "HS256" })}.${encode(claims)}`;
      return `${input}.${base64url(await hmac(publicKey, input))}`;
    }
    case "its own key in the header": {
      const { jwk, ...key } = await foreignKey(signer.alg, "a-stranger");
      return sound(key, { header: { ...header, jwk: { ...jwk, kid: key.kid } }, claims });
    }
    case "its own key by URL":
      return sound(await foreignKey(signer.alg, "a-stranger"), { header: { ...header, jku: "https://issuer.invalid/jwks.json" }, claims });
    case "unknown critical header":
      return withHeader({ crit: ["https://example.invalid/extension"], "https://example.invalid/extension": true });
    case "a claim twice": {
      const input = `${encode({ alg: signer.alg, kid: signer.kid, ...header })}.${encode(`{"exp":${now + 86_400},${JSON.stringify(claims).slice(1)}`)}`;
      return `${input}.${base64url(await signer.sign(input))}`;
    }
    case "claims that are no object": {
      const input = `${encode({ alg: signer.alg, kid: signer.kid, ...header })}.${encode(["sub"])}`;
      return `${input}.${base64url(await signer.sign(input))}`;
    }
  }
}
