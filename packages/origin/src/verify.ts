import { base64url, compactVerify } from "jose";
import { callerOf } from "./claims.ts";
import type { Caller } from "./caller.ts";
import { OriginError, type Kind } from "./error.ts";
import { requestOf, tokenOf, type Carrier, type OneRequest } from "./headers.ts";
import { member, strictObject, type JsonObject } from "./json.ts";
import { checkedUrl, KeySet, sharedKeySet } from "./key-set.ts";
import { matching, type Key } from "./keys.ts";
import { parse, type Token } from "./token.ts";

/** What a token must say to be accepted. There is no default for either, and `typ` is the function's. */
export interface Expected {
  /** `POSTERN_ISSUER`, to the letter. */
  issuer: string;
  /** The route's `assertion`, or for access tokens your API's `resource` or `POSTERN_AUDIENCE`; several where several are yours. */
  audience: string | readonly [string, ...string[]];
  /** Where the key set is. By default `/.well-known/jwks.json` at the issuer's host. */
  keys?: string | URL | KeySet;
  /** The route has `bind_assertion`: the assertion must be for this very request, by method, path, and query. */
  bound?: boolean;
  /** The time in milliseconds, for tests. */
  now?: () => number;
}

/** The settings, checked. */
export interface Checked {
  issuer: string;
  audiences: readonly string[];
  keys: KeySet;
  bound: boolean;
  now: () => number;
}

/** Throws a TypeError for settings that would let too much pass: JavaScript has no types at run time. */
export function checked(expected: Expected): Checked {
  const { issuer, audience, keys, bound = false, now = Date.now } = (expected as Partial<Expected> | undefined) ?? {};
  if (typeof issuer !== "string" || issuer === "") throw new TypeError("@postern/origin: issuer is required: POSTERN_ISSUER, to the letter");
  const audiences: readonly unknown[] = Array.isArray(audience) ? audience : [audience];
  if (audiences.length === 0 || !audiences.every((one) => typeof one === "string" && one !== "")) {
    throw new TypeError("@postern/origin: audience is required: the route's assertion, or the API's audience");
  }
  const origin = checkedUrl(issuer, "issuer");
  const set = keys instanceof KeySet ? keys : sharedKeySet(keys === undefined ? new URL("/.well-known/jwks.json", origin) : checkedUrl(keys, "keys"));
  return { issuer, audiences: audiences as string[], keys: set, bound, now };
}

async function keyFor(token: Token, set: KeySet, kind: Kind): Promise<Key> {
  for (const isUnknown of [false, true]) {
    const keys = await set.keys(isUnknown);
    if (keys === undefined) throw new OriginError(kind, "keys_unavailable", set.url);
    const found = matching(keys, token.kid, token.algorithm);
    if (typeof found !== "string") return found;
    // Only a name that is missing is a reason to look whether there is a newer set.
    if (found !== "unknown_key") throw new OriginError(kind, found);
  }
  throw new OriginError(kind, "unknown_key");
}

/** Whether the claims are for this request. */
async function judgeRequest(claims: JsonObject, { method, target }: OneRequest): Promise<void> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(target)));
  for (const [name, wanted] of [["htm", method], ["target_sha256", base64url.encode(digest)]] as const) {
    const found = member(claims, name);
    if (found === undefined) throw new OriginError("assertion", "missing_claim", name);
    if (typeof found !== "string") throw new OriginError("assertion", "malformed_claim", name);
    if (found !== wanted) throw new OriginError("assertion", "wrong_request", name);
  }
}

/** Verifies the token of a request. */
export async function verify(kind: Kind, carrier: Carrier, settings: Checked): Promise<Caller> {
  if (settings.bound && kind !== "assertion") throw new TypeError("@postern/origin: bound is for assertions");
  const request = settings.bound ? requestOf(carrier) : undefined;
  const text = tokenOf(kind, carrier);
  const token = parse(text, kind);
  if (typeof token === "string") throw new OriginError(kind, token);
  const key = await keyFor(token, settings.keys, kind);
  if (token.signatureBytes !== key.signatureBytes) throw new OriginError(kind, "wrong_signature_length");
  await compactVerify(text, key.key).catch(() => {
    throw new OriginError(kind, "bad_signature");
  });
  const claims = strictObject(token.payload);
  if (claims === undefined) throw new OriginError(kind, "malformed_claims");
  const caller = callerOf(claims, { kind, issuer: settings.issuer, audiences: settings.audiences, now: settings.now() / 1_000 });
  if ("reason" in caller) throw new OriginError(kind, caller.reason, caller.about);
  if (request !== undefined) await judgeRequest(claims, request);
  return caller;
}

/**
 * Verifies the assertion that Postern's gate has set on a request.
 *
 * @throws OriginError when the request is refused; TypeError when the settings are wrong.
 */
export async function verifyAssertion(carrier: Carrier, expected: Expected): Promise<Caller> {
  return verify("assertion", carrier, checked(expected));
}

/**
 * Verifies an access token of Postern in `Authorization: Bearer`, for an API that is reached without the gate.
 *
 * A revoked token passes until it expires: only the gate knows of revocations.
 *
 * @throws OriginError when the request is refused; TypeError when the settings are wrong.
 */
export async function verifyAccessToken(carrier: Carrier, expected: Expected): Promise<Caller> {
  return verify("access_token", carrier, checked(expected));
}
