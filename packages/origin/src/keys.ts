// The keys of a JWK Set (RFC 7517), each for one algorithm. An entry that cannot be used is left out.
import { base64url, importJWK, type CryptoKey } from "jose";
import type { Reason } from "./error.ts";
import { isObject, member, strictObject, type Json, type JsonObject } from "./json.ts";

/** What Postern signs with. */
export type Algorithm = "ES256" | "EdDSA" | "RS256";

export interface Key {
  kid: string | undefined;
  algorithm: Algorithm;
  /** The bytes that its signatures have. */
  signatureBytes: number;
  /** The numbers of the key as text: equal ones are one key. */
  material: string;
  key: CryptoKey;
}

/** A `kid` is a name; Postern's have 43 bytes. */
export const MAX_KID_BYTES = 256;

const PRIVATE = ["d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"];

/** 2048 to 8192 bits (RFC 7518 section 3.3). */
const RSA_BYTES = { least: 256, most: 1024 };

export function utf8Bytes(text: string): number {
  return new TextEncoder().encode(text).length;
}

/** The name that both names of Ed25519 stand for (RFC 9864). */
export function plainAlgorithm(name: Json | undefined): Json | undefined {
  return name === "Ed25519" ? "EdDSA" : name;
}

/** Algorithm and members of the key's kind, or undefined for one that Postern does not use. */
function kindOf(jwk: JsonObject): [Algorithm, string[]] | undefined {
  const curve = member(jwk, "crv");
  switch (member(jwk, "kty")) {
    case "EC":
      return curve === "P-256" ? ["ES256", ["crv", "x", "y"]] : undefined;
    case "OKP":
      return curve === "Ed25519" ? ["EdDSA", ["crv", "x"]] : undefined;
    case "RSA":
      return ["RS256", ["n", "e"]];
    default:
      return undefined;
  }
}

function isForVerification(jwk: JsonObject): boolean {
  const [purpose, operations] = [member(jwk, "use") ?? "sig", member(jwk, "key_ops") ?? ["verify"]];
  return purpose === "sig" && Array.isArray(operations) && operations.includes("verify") && operations.every((one) => typeof one === "string");
}

async function read(entry: Json): Promise<Key | undefined> {
  if (!isObject(entry) || PRIVATE.some((name) => (member(entry, name) ?? null) !== null) || !isForVerification(entry)) return undefined;
  const kid = member(entry, "kid") ?? "";
  const kind = kindOf(entry);
  if (kind === undefined || typeof kid !== "string" || utf8Bytes(kid) > MAX_KID_BYTES) return undefined;
  const [algorithm, names] = kind;
  if ((plainAlgorithm(member(entry, "alg")) ?? algorithm) !== algorithm) return undefined;
  const numbers: Record<string, string> = { kty: entry["kty"] as string };
  for (const name of names) {
    const value = member(entry, name);
    if (typeof value !== "string") return undefined;
    numbers[name] = value;
  }
  let signatureBytes = 64;
  if (algorithm === "RS256") {
    signatureBytes = base64url.decode(numbers["n"] ?? "").length;
    if (signatureBytes < RSA_BYTES.least || signatureBytes > RSA_BYTES.most) return undefined;
  }
  const key = (await importJWK(numbers, algorithm)) as CryptoKey;
  return { kid: kid === "" ? undefined : kid, algorithm, signatureBytes, material: JSON.stringify(numbers), key };
}

/** The usable keys of a document; undefined where it is no key set, or one without a usable key. */
export async function readKeys(document: Uint8Array): Promise<Key[] | undefined> {
  const set = strictObject(document);
  const entries = set === undefined ? undefined : member(set, "keys");
  if (!Array.isArray(entries)) return undefined;
  // One at a time: a deployment has two to four keys.
  const keys: Key[] = [];
  for (const entry of entries) {
    const key = await read(entry).catch(() => undefined);
    if (key !== undefined && !keys.some((other) => other.kid === key.kid && other.material === key.material)) keys.push(key);
  }
  return keys.length === 0 ? undefined : keys;
}

/** The one key for a token with this header. */
export function matching(keys: readonly Key[], kid: string | undefined, algorithm: Algorithm): Key | Reason {
  const named = keys.filter((key) => kid === undefined || key.kid === kid);
  const [fits, ...others] = named.filter((key) => key.algorithm === algorithm);
  if (fits === undefined) return kid !== undefined && named.length > 0 ? "alg_mismatch" : "unknown_key";
  return others.every((other) => other.material === fits.material) ? fits : "ambiguous_key";
}
