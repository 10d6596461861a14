/**
 * Why a request is refused. The names are those that Postern's gate has in its log; they are for your log, and the caller
 * does not get them.
 */
export type Reason =
  // The header.
  | "no_assertion"
  | "empty_assertion"
  | "several_assertions"
  | "credentials_required"
  | "invalid_request"
  // The text of the token.
  | "too_large"
  | "not_three_parts"
  | "encrypted"
  | "not_base64url"
  | "missing_signature"
  | "malformed_header"
  | "malformed_header_member"
  | "forbidden_header"
  | "unknown_header"
  | "missing_alg"
  | "alg_none"
  | "alg_symmetric"
  | "alg_unsupported"
  | "alg_not_allowed"
  | "wrong_typ"
  // Key and signature.
  | "unknown_key"
  | "ambiguous_key"
  | "alg_mismatch"
  | "wrong_signature_length"
  | "bad_signature"
  // The claims.
  | "malformed_claims"
  | "missing_claim"
  | "malformed_claim"
  | "wrong_issuer"
  | "wrong_audience"
  | "impossible_dates"
  | "expired"
  | "not_yet_valid"
  | "issued_in_future"
  | "lifetime_too_long"
  | "bound_token_as_bearer"
  | "wrong_request"
  // Not the caller's fault.
  | "keys_unavailable";

/** What the caller gets: one word that does not help them to guess. */
export type Code = "assertion_required" | "invalid_assertion" | "credentials_required" | "invalid_request" | "invalid_token" | "keys_unavailable";

/** The kinds of token. */
export type Kind = "assertion" | "access_token";

const TITLES = { 400: "Bad Request", 401: "Unauthorized", 503: "Service Unavailable" } as const;

function codeOf(kind: Kind, reason: Reason): Code {
  if (reason === "keys_unavailable" || reason === "credentials_required" || reason === "invalid_request") return reason;
  if (reason === "no_assertion") return "assertion_required";
  return kind === "assertion" ? "invalid_assertion" : "invalid_token";
}

/** A request is refused. `status`, `headers` and `body` are the answer for it. */
export class OriginError extends Error {
  /** Why, for your log. */
  readonly reason: Reason;
  /** Why, for the caller. */
  readonly code: Code;
  /** 401; 400 for a malformed `Authorization`; 503 when there are no keys to verify with, which is not the caller's fault. */
  readonly status: 400 | 401 | 503;
  /** The headers of the answer. */
  readonly headers: Readonly<Record<string, string>>;

  /** `about` names the claim or the member of the header that is wrong. It never has a part of the token. */
  constructor(kind: Kind, reason: Reason, about = "") {
    super(about === "" ? reason : `${reason}: ${about}`);
    this.name = "OriginError";
    this.reason = reason;
    this.code = codeOf(kind, reason);
    this.status = reason === "keys_unavailable" ? 503 : reason === "invalid_request" ? 400 : 401;
    const headers: Record<string, string> = { "content-type": "application/problem+json", "cache-control": "no-store" };
    if (this.status === 503) headers["retry-after"] = "5";
    else if (kind === "assertion") headers["www-authenticate"] = "Postern-Assertion";
    else headers["www-authenticate"] = this.code === "credentials_required" ? "Bearer" : `Bearer error="${this.code}"`;
    this.headers = headers;
  }

  /** The body of the answer: a problem document (RFC 9457). */
  get body(): string {
    return JSON.stringify({ title: TITLES[this.status], status: this.status, code: this.code });
  }

  /** The answer, for frameworks with the web's `Response`. */
  toResponse(): Response {
    return new Response(this.body, { status: this.status, headers: this.headers });
  }
}
