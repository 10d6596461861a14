// The claims of our own tokens, which are read to the letter: Postern writes them so, or did not write them.
import type { Caller } from "./caller.ts";
import type { Kind, Reason } from "./error.ts";
import { isObject, member, type Json, type JsonObject } from "./json.ts";

/** Why claims are refused, and which one. */
export interface Fault {
  reason: Reason;
  about: string;
}

/** Seconds that Postern's clock and ours may differ. */
const CLOCK_TOLERANCE = 5;
/** An assertion lives for 60 s; a later Postern may give it more, and none gives it this. */
const LONGEST_ASSERTION = 300;
/** The last second of the year 9999. */
const LATEST = 253_402_300_799;
const MAX_U32 = 0xffff_ffff;
/** RFC 6749 section 3.3. */
const SCOPE_TOKEN = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

type Form<T> = (value: Json) => T | undefined;

const text: Form<string> = (value) => (typeof value === "string" ? value : undefined);
const filled: Form<string> = (value) => (value === "" ? undefined : text(value));
const texts: Form<string[]> = (value) => {
  const list = Array.isArray(value) ? value : [value];
  return list.every((one) => typeof one === "string") ? list : undefined;
};
/** Whole milliseconds, as seconds. */
const date: Form<number> = (value) => (typeof value === "number" && value >= 0 && value <= LATEST ? Math.floor(value * 1_000) / 1_000 : undefined);
const count: Form<number> = (value) => (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= MAX_U32 ? value : undefined);
const scope: Form<string[]> = (value) => {
  const tokens = value === "" ? [] : typeof value === "string" ? value.split(" ") : texts(value);
  return tokens?.every((token) => SCOPE_TOKEN.test(token)) ? tokens : undefined;
};
/** An issuer is the name of a place and has no space, which a caller's `key` relies on. */
const place: Form<string> = (value) => (typeof value === "string" && /^[^ ]+$/.test(value) ? value : undefined);
const binding: Form<string> = (value) => (isObject(value) && Object.keys(value).length === 1 ? text(member(value, "jkt") ?? null) : undefined);

class ClaimError extends Error {
  readonly fault: Fault;
  constructor(reason: Reason, about: string) {
    super(reason);
    this.fault = { reason, about };
  }
}

function refuse(reason: Reason, about: string): never {
  throw new ClaimError(reason, about);
}

/** What is expected of them, and the time in seconds. */
export interface Judge {
  kind: Kind;
  issuer: string;
  audiences: readonly string[];
  now: number;
}

function read(claims: JsonObject, judge: Judge): Caller {
  const isAssertion = judge.kind === "assertion";
  const optional = <T>(name: string, form: Form<T>): T | undefined => {
    const value = member(claims, name);
    return value === undefined ? undefined : (form(value) ?? refuse("malformed_claim", name));
  };
  const required = <T>(name: string, form: Form<T>): T => optional(name, form) ?? refuse("missing_claim", name);
  const own = <T>(name: string, form: Form<T>) => (isAssertion ? optional(name, form) : required(name, form));

  const iss = required("iss", text);
  const subject = required("sub", filled);
  const audiences = optional("aud", texts) ?? [];
  const expiresAt = required("exp", date);
  const issuedAt = required("iat", date);
  const notBefore = optional("nbf", date);
  own("jti", isAssertion ? text : filled);
  const client = own("client_id", isAssertion ? text : filled);
  const scopes = optional("scope", scope) ?? [];
  const roles = optional("roles", texts) ?? [];
  const tenant = optional("tenant_id", text);
  const session = optional("sid", text);
  optional("rot", count);
  const acr = optional("acr", text);
  const amr = optional("amr", texts) ?? [];
  const authenticatedAt = optional("auth_time", date);
  const boundTo = optional("cnf", binding);
  const issuer = isAssertion ? required("token_iss", place) : iss;

  if (iss !== judge.issuer) refuse("wrong_issuer", "iss");
  if (!audiences.some((one) => judge.audiences.includes(one))) refuse("wrong_audience", "aud");
  const soon = judge.now + CLOCK_TOLERANCE;
  if (expiresAt <= issuedAt || (notBefore !== undefined && expiresAt <= notBefore)) refuse("impossible_dates", "exp");
  if (judge.now >= expiresAt + CLOCK_TOLERANCE) refuse("expired", "exp");
  if (notBefore !== undefined && notBefore > soon) refuse("not_yet_valid", "nbf");
  if (issuedAt > soon) refuse("issued_in_future", "iat");
  if (isAssertion && expiresAt - issuedAt > LONGEST_ASSERTION) refuse("lifetime_too_long", "exp");
  if (boundTo !== undefined) refuse("bound_token_as_bearer", "cnf");

  return {
    key: `${issuer} ${subject}`,
    subject,
    issuer,
    client,
    session,
    tenant,
    scopes: new Set(scopes),
    roles: new Set(roles),
    acr,
    amr,
    authenticatedAt,
    issuedAt,
    expiresAt,
    claims,
  };
}

/** The caller that verified claims name. */
export function callerOf(claims: JsonObject, judge: Judge): Caller | Fault {
  try {
    return read(claims, judge);
  } catch (error) {
    if (error instanceof ClaimError) return error.fault;
    throw error;
  }
}
