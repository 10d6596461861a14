/** The caller, verified. */
export interface Caller {
  /**
   * `issuer`, a space, and `subject`: the name of this caller in your database. A subject alone is not unique: another
   * issuer may give the same one to another person.
   */
  readonly key: string;
  /** `sub`. */
  readonly subject: string;
  /** The issuer of the access token: `token_iss` of an assertion, `iss` of an access token. */
  readonly issuer: string;
  /** `client_id`: the client that the token was issued to. */
  readonly client: string | undefined;
  /** `sid`: the session. */
  readonly session: string | undefined;
  /** `tenant_id`. */
  readonly tenant: string | undefined;
  /** `scope`. */
  readonly scopes: ReadonlySet<string>;
  /** `roles`. */
  readonly roles: ReadonlySet<string>;
  /** `acr`: how strong the sign-in was. Access tokens only. */
  readonly acr: string | undefined;
  /** `amr`: the methods of the sign-in (RFC 8176). Access tokens only. */
  readonly amr: readonly string[];
  /** `auth_time`, in seconds: when the user signed in. Access tokens only. */
  readonly authenticatedAt: number | undefined;
  /** `iat`, in seconds. */
  readonly issuedAt: number;
  /** `exp`, in seconds. */
  readonly expiresAt: number;
  /** All claims, as they were signed. */
  readonly claims: Readonly<Record<string, unknown>>;
}
