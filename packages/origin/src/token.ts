// A compact JWS (RFC 7515) before its signature is verified.
import { base64url } from "jose";
import type { Kind, Reason } from "./error.ts";
import { member, strictObject, type JsonObject } from "./json.ts";
import { MAX_KID_BYTES, plainAlgorithm, utf8Bytes, type Algorithm } from "./keys.ts";

export interface Token {
  kid: string | undefined;
  algorithm: Algorithm;
  payload: Uint8Array;
  signatureBytes: number;
}

/** As Postern's gate. */
const MAX_BYTES = 8 * 1_024;

const TYPES: Record<Kind, string> = { assertion: "postern-assertion+jwt", access_token: "at+jwt" };
const READ = ["alg", "kid", "typ"];
/** They choose a key, change what is signed, or belong to another kind of token. */
const FORBIDDEN = ["crit", "b64", "enc", "zip", "jku", "x5u", "x5c", "x5t", "x5t#S256", "jwk", "cty", "p2s", "p2c", "epk", "iv", "tag"];

const isAlgorithm = (name: unknown): name is Algorithm => name === "ES256" || name === "EdDSA" || name === "RS256";

/** The bytes, if this is the one way to write them (RFC 4648 section 3.5). */
function decoded(part: string): Uint8Array | undefined {
  try {
    const bytes = base64url.decode(part);
    return base64url.encode(bytes) === part ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function algorithmFault(name: unknown): Reason {
  if (name === undefined) return "missing_alg";
  if (typeof name !== "string") return "malformed_header_member";
  if (name.toLowerCase() === "none") return "alg_none";
  if (/^hs/i.test(name)) return "alg_symmetric";
  return name === "ES384" || name === "PS256" ? "alg_not_allowed" : "alg_unsupported";
}

function isType(typ: string, wanted: string): boolean {
  return typ.toLowerCase().replace(/^application\//, "") === wanted;
}

function judged(header: JsonObject, kind: Kind): { kid: string | undefined; algorithm: Algorithm } | Reason {
  const names = Object.keys(header);
  if (names.some((name) => FORBIDDEN.includes(name))) return "forbidden_header";
  const [algorithm, kid, typ] = [plainAlgorithm(member(header, "alg")), member(header, "kid"), member(header, "typ")];
  if (!isAlgorithm(algorithm)) return algorithmFault(algorithm);
  if (kid !== undefined && (typeof kid !== "string" || kid === "" || utf8Bytes(kid) > MAX_KID_BYTES)) return "malformed_header_member";
  if (typ !== undefined && typeof typ !== "string") return "malformed_header_member";
  if (typ === undefined || !isType(typ, TYPES[kind])) return "wrong_typ";
  return names.every((name) => READ.includes(name)) ? { kid, algorithm } : "unknown_header";
}

/** Takes a token apart, and judges its header. */
export function parse(text: string, kind: Kind): Token | Reason {
  // Longer in characters is longer in bytes; a token with other characters is refused below.
  if (text.length > MAX_BYTES) return "too_large";
  const parts = text.split(".");
  if (parts.length !== 3) return parts.length === 5 ? "encrypted" : "not_three_parts";
  const [headerText = "", payloadText = "", signatureText = ""] = parts;
  const [header, payload, signature] = [decoded(headerText), decoded(payloadText), decoded(signatureText)];
  if (header === undefined || payload === undefined || signature === undefined) return "not_base64url";
  if (signatureText === "") return "missing_signature";
  const members = strictObject(header);
  if (members === undefined) return "malformed_header";
  const read = judged(members, kind);
  return typeof read === "string" ? read : { ...read, payload, signatureBytes: signature.length };
}
