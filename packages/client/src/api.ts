// Written by scripts/api-types.mjs from docs/reference/openapi.yaml: do not edit.

export interface AccountExport {
  exported_at: number;
  profile: Profile;
  sessions: ListedSession[];
  activity: Activity[];
}

export interface Activity {
  at: number;
  kind: ActivityKind;
  /** The count, for kinds that are counted together. */
  times: number;
  session_id?: string;
  ip?: string;
  country?: string;
  user_agent?: string;
}

/** As the event of this name (audit-events.md). Later versions may have more. */
export type ActivityKind = "account_exported" | "email_verification_requested" | "email_verified" | "family_displaced" | "password_changed" | "password_refused" | "password_reset" | "password_reset_requested" | "refresh_forged" | "retried" | "reuse_detected" | "session_revoked" | "sign_in_refused" | "signed_in" | "signed_out" | "signed_out_everywhere" | "user_changed" | "user_disabled" | "user_enabled";

export interface Grant {
  grant_id: string;
  client_id: string;
  /** Absent if the client is no longer in the settings. */
  client_name?: string;
  scope: string;
  resource?: string;
  created_at: number;
  used_at: number;
  expires_at: number;
}

export interface ListedSession {
  session_id: string;
  /** Whether it is the session of this call. */
  current: boolean;
  device_name?: string;
  client_id: string;
  /** Present if the session is a browser's that is signed in at the pages. */
  kind?: "browser";
  created_at: number;
  refreshed_at: number;
  seen_at: number;
  expires_at: number;
  ip?: string;
  country?: string;
  user_agent: string;
  rotation_count: number;
}

export interface Me {
  sub: string;
  client_id: string | null;
  scope: string;
  roles: string[];
  tenant_id?: string;
  session_id: string;
  /** This and the next three are absent if the user store does not have them. */
  login?: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
}

export interface Problem {
  /** The deployment's page about the code. */
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail?: string;
  retry_after?: number;
  /** The request's id in the log. */
  request_id?: string;
  errors?: {
    field: string;
    detail: string;
  }[];
}

/** Stable; errors.md lists every code. */
export type ProblemCode = "bad_header_name" | "bad_path" | "body_incomplete" | "body_timeout" | "body_too_large" | "busy" | "client_not_found" | "credentials_required" | "cross_origin" | "csrf_failed" | "forbidden" | "grant_not_found" | "grants_too_large" | "insufficient_scope" | "insufficient_user_authentication" | "internal_error" | "invalid_client_settings" | "invalid_credentials" | "invalid_grant" | "invalid_login" | "invalid_member" | "invalid_one_time_token" | "invalid_parameter" | "invalid_password" | "invalid_request" | "invalid_routes" | "invalid_token" | "invalid_utf8" | "key_too_young" | "last_secret" | "login_taken" | "loop_detected" | "malformed_json" | "method_not_allowed" | "misconfigured" | "missing_member" | "no_address" | "no_resource" | "no_route" | "not_an_object" | "not_found" | "not_offered" | "own_account" | "public_client" | "rate_limited" | "registration_closed" | "revocation_feed_full" | "routes_in_vars" | "secret_not_found" | "session_not_found" | "too_many_retries" | "two_secrets" | "unavailable" | "unexpected_body" | "unknown_key" | "unknown_member" | "unsupported_media_type" | "untrusted_issuer" | "upstream_timeout" | "upstream_unreachable" | "user_not_found" | "version_conflict" | "wrong_password";

/** The user's profile. For users of this deployment, all members except amr, and tenant_id if there is one; for users of another service, that service's answer. */
export interface Profile {
  subject: string;
  login?: string;
  email?: string;
  email_verified?: boolean;
  name?: string;
  created_at?: number;
  scopes: string[];
  roles: string[];
  tenant_id?: string;
  amr?: string[];
}

export interface Registered {
  sub: string;
}

export interface Tokens {
  access_token: string;
  token_type: "Bearer";
  /** Seconds. */
  expires_in: number;
  /** To be sent with the next sign-in of this device. Absent with cookie delivery. */
  device_token?: string;
  session_id: string;
  scope: string;
  /** Valid once; the answer to its use has the next one. */
  refresh_token?: string;
  /** For X-CSRF-Token, beside the cookie. */
  csrf_token?: string;
}
