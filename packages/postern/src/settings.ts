// The types of the settings. Made by scripts/types.mjs from schema/settings.schema.json; do not edit.

/**
 * The settings of Postern: the [vars] of a wrangler.toml. A value may also be a string that holds its JSON, as in .dev.vars. `postern check` sees more than this schema.
 */
export interface PosternSettings {
  /**
   * local permits development settings. Never deploy it.
   */
  POSTERN_PROFILE?: "production" | "local";
  /**
   * The `iss` of this deployment's access tokens, and its URL: https, no slash at the end.
   */
  POSTERN_ISSUER: string;
  /**
   * The `aud` of this deployment's access tokens. The default is the issuer.
   */
  POSTERN_AUDIENCE?: string;
  /**
   * SECRET: never in this file. `wrangler secret put POSTERN_MASTER_KEY`, or .dev.vars on your machine.
   */
  POSTERN_MASTER_KEY?:
    | string
    | {
        /**
         * Unique, counts up, never reused.
         */
        id: number;
        /**
         * base64url without padding, at least 32 bytes.
         */
        key: string;
      }[];
  /**
   * Seconds. In production at least 300.
   */
  POSTERN_ACCESS_TOKEN_LIFETIME?: number;
  /**
   * Permitted clock difference in seconds.
   */
  POSTERN_LEEWAY?: number;
  /**
   * Refresh tokens and sessions.
   */
  POSTERN_REFRESH?: {
    /**
     * A session ends after this many seconds without a refresh.
     */
    idle_lifetime?: number;
    /**
     * A session ends this many seconds after the sign-in.
     */
    absolute_lifetime?: number;
    /**
     * Seconds in which the old refresh token still gets the same successor.
     */
    reuse_interval?: number;
    /**
     * Seconds in which a client whose answer was lost may repeat its refresh.
     */
    lost_response_window?: number;
    /**
     * Whether the gate confirms that a new access token arrived.
     */
    receipts?: boolean;
    /**
     * Retries granted to one rotation after the reuse interval.
     */
    max_late_retries?: number;
    /**
     * Sessions of one subject at once.
     */
    max_families?: number;
  };
  /**
   * Clients. The first one is used when a sign-in names none.
   *
   * @minItems 1
   */
  POSTERN_CLIENTS?: Client[];
  /**
   * Where the authorization server finds clients besides POSTERN_CLIENTS.
   */
  POSTERN_OAUTH?: {
    /**
     * Clients are in D1, too.
     */
    stored_clients?: boolean;
    /**
     * Clients with a metadata document: of no host, of every public host, or of these hosts.
     */
    client_documents?: boolean | string | string[];
    /**
     * Whether clients may register themselves (RFC 7591).
     */
    registration?:
      | boolean
      | {
          /**
           * Seconds for which such a client is kept after its last use.
           */
          lifetime?: number;
        };
    /**
     * Scopes for clients that no operator or administrator entered.
     */
    open_scopes?: string | string[];
  };
  /**
   * Whether POST /auth/register creates accounts.
   */
  POSTERN_REGISTRATION?: "closed" | "open";
  /**
   * Scopes of a user who registers.
   */
  POSTERN_DEFAULT_SCOPES?: string | string[];
  /**
   * Scopes, each with the scopes that it contains.
   */
  POSTERN_SCOPE_IMPLIES?: {
    [k: string]: string | string[];
  };
  /**
   * The refresh cookie.
   */
  POSTERN_COOKIE?: {
    /**
     * Begins with __Secure- or __Host-.
     */
    name?: string;
    /**
     * /auth or /.
     */
    path?: string;
    /**
     * Shares the cookie with every host below it.
     */
    domain?: string;
    /**
     * Pages also get the access token in a cookie.
     */
    access?: boolean;
  };
  /**
   * Origins whose pages may call /auth. Exact.
   */
  POSTERN_CORS_ORIGINS?: string | string[];
  /**
   * How long key sets are kept.
   */
  POSTERN_JWKS?: {
    /**
     * Seconds after which a set is refreshed in the background.
     */
    soft_age?: number;
    /**
     * Seconds after which a set that could not be refreshed is no longer used.
     */
    hard_age?: number;
    /**
     * Seconds between two fetches for unknown keys.
     */
    unknown_kid_cooldown?: number;
    /**
     * Seconds for a whole fetch.
     */
    timeout?: number;
  };
  /**
   * The revocation feed in an isolate.
   */
  POSTERN_REVOCATION?: {
    /**
     * Seconds after which it is read again.
     */
    reread?: number;
    /**
     * Seconds after which it is out of date.
     */
    max_age?: number;
  };
  /**
   * Other trusted issuers.
   */
  POSTERN_ISSUERS?: Issuer[];
  /**
   * The route table, or the key of a table in KV.
   */
  POSTERN_ROUTES?:
    | Route[]
    | {
        /**
         * The key: routes, or routes:NAME.
         */
        kv: string;
        /**
         * Seconds between two reads by one isolate.
         */
        refresh?: number;
      };
  /**
   * The cost of new password hashes (Argon2id).
   */
  POSTERN_PASSWORD?: {
    /**
     * Memory in KiB.
     */
    memory_kib?: number;
    /**
     * Passes.
     */
    iterations?: number;
    /**
     * Lanes.
     */
    parallelism?: number;
  };
  /**
   * The calendar of the signing keys.
   */
  POSTERN_KEYS?: {
    /**
     * The algorithm of new keys.
     */
    algorithm?: "ES256" | "EdDSA" | "RS256";
    /**
     * Seconds for which a key is published before it signs.
     */
    publish_lead?: number;
    /**
     * Seconds for which a key signs.
     */
    active_period?: number;
    /**
     * Local profile only: seconds for which a client may not know a key.
     */
    client_cache?: number;
  };
  /**
   * Where the users are: d1, or a service of your own.
   */
  POSTERN_IDENTITY?:
    | "d1"
    | {
        /**
         * The service binding.
         */
        service: string;
        /**
         * Names that service permanently.
         */
        issuer?: string;
      };
  /**
   * Delivers messages to users: a service or a queue.
   */
  POSTERN_NOTIFIER?: {
    /**
     * A service binding.
     */
    service?: string;
    /**
     * A queue's producer binding.
     */
    queue?: string;
    /**
     * The page for a new password.
     */
    reset_page?: string;
    /**
     * The page that verifies an address.
     */
    verify_page?: string;
  };
  /**
   * Metrics.
   */
  POSTERN_METRICS?: {
    /**
     * Seconds for which an isolate collects counts.
     */
    flush_interval?: number;
    /**
     * An Analytics Engine binding.
     */
    dataset?: string;
  };
  /**
   * SECRET: never in this file. The bearer token for GET /metrics.
   */
  POSTERN_METRICS_TOKEN?: string;
  /**
   * Which traces (W3C Trace Context) requests belong to.
   */
  POSTERN_TRACES?: {
    /**
     * Whether a caller's trace is gone on with.
     */
    from_callers?: boolean;
    /**
     * Starts a trace for each request without one; this part of them is to be recorded.
     */
    sampled_percent?: number;
  };
  /**
   * A queue for every event.
   */
  POSTERN_EVENTS?: {
    /**
     * A queue's producer binding.
     */
    queue: string;
  };
  /**
   * Rate limits and lockouts. "off" only in the local profile.
   */
  POSTERN_LIMITS?:
    | "off"
    | {
        /**
         * Sign-ins to one account from unknown devices.
         */
        login_account?: "off" | Rate;
        /**
         * Sign-ins to an account from one known device.
         */
        login_device?: "off" | Rate;
        /**
         * Sign-ins from unknown devices at one address.
         */
        login_ip?: "off" | Rate;
        /**
         * Sign-ins from unknown devices in one network.
         */
        login_network?: "off" | Rate;
        /**
         * Sign-ins from all known devices at one address.
         */
        login_known_ip?: "off" | Rate;
        /**
         * Sign-ins from all known devices in one network.
         */
        login_known_network?: "off" | Rate;
        /**
         * Sign-ins through one client, of all users.
         */
        login_client?: "off" | Rate;
        /**
         * Rotations of one session.
         */
        refresh_family?: "off" | Rate;
        /**
         * Refreshes from one address.
         */
        refresh_ip?: "off" | Rate;
        /**
         * Refreshes from one network.
         */
        refresh_network?: "off" | Rate;
        /**
         * Registrations from one address.
         */
        register_ip?: "off" | Rate;
        /**
         * Registrations from one network.
         */
        register_network?: "off" | Rate;
        /**
         * Requests for one-time tokens of one account.
         */
        reset_account?: "off" | Rate;
        /**
         * One-time tokens from one address.
         */
        reset_ip?: "off" | Rate;
        /**
         * One-time tokens from one network.
         */
        reset_network?: "off" | Rate;
        /**
         * Data exports of an account.
         */
        export_account?: "off" | Rate;
        /**
         * After failures at one account.
         */
        account_lock?: Lock;
        /**
         * After failures of all known devices of an account.
         */
        devices_lock?: Lock;
        /**
         * After failures from one address.
         */
        ip_lock?: Lock;
        /**
         * Accounts with failures from one network that indicate an attack.
         */
        accounts_per_network?: Spread;
        /**
         * Networks with failures at one account that indicate an attack.
         */
        networks_per_account?: Spread;
        /**
         * Calls that are not limited while a Throttle object does not answer.
         */
        open_without_throttle?: ("login" | "refresh" | "register" | "reset" | "export")[];
        /**
         * Sign-ins of one isolate that may wait for their hash.
         */
        hash_queue?: number;
        /**
         * A rate limiting binding of the platform that is checked first.
         */
        coarse_binding?: string;
      };
  /**
   * The administrators' API.
   */
  POSTERN_ADMIN?: {
    /**
     * Whether it is there.
     */
    enabled?: boolean;
    /**
     * Its path.
     */
    path?: string;
    /**
     * Maximum age in seconds of the administrator's sign-in for changes.
     */
    max_sign_in_age?: number;
    /**
     * Whether administrators have the dashboard, at /ui below the path. Off by default, but in the local profile on where there are pages.
     */
    dashboard?: boolean;
  };
  /**
   * The pages for signing in, new accounts, forgotten passwords and consent. {} turns them on.
   */
  POSTERN_PAGES?: {
    /**
     * The name of your service. The default is the host of POSTERN_ISSUER.
     */
    name?: string;
    /**
     * A path on the same host, or a data: URL of an image (svg+xml, png, webp; base64) of at most 4096 bytes.
     */
    logo?: string;
    /**
     * Links below the card: https URLs, paths, or mailto:.
     */
    links?: {
      /**
       * The privacy policy.
       */
      privacy?: string;
      /**
       * The terms of use.
       */
      terms?: string;
      /**
       * Help.
       */
      help?: string;
    };
    /**
     * Colours for light surroundings.
     */
    light?: Palette;
    /**
     * Colours for dark surroundings.
     */
    dark?: Palette;
    /**
     * Another look for a client, by its client_id.
     */
    clients?: {
      [k: string]: Theme;
    };
    /**
     * What the consent page says instead of a scope.
     */
    scopes?: {
      [k: string]: string | Descriptions;
    };
    /**
     * A browser is signed out after this many seconds without use.
     */
    idle_lifetime?: number;
    /**
     * A browser is signed out this many seconds after the sign-in.
     */
    absolute_lifetime?: number;
  };
}
/**
 * A client.
 */
export interface Client {
  /**
   * 1 to 128 visible ASCII characters. It is unique.
   */
  client_id: string;
  /**
   * Selects the default lifetimes.
   */
  kind?: "web" | "mobile";
  /**
   * A session ends after this many seconds without a refresh.
   */
  idle_lifetime?: number;
  /**
   * A session ends this many seconds after the sign-in.
   */
  absolute_lifetime?: number;
  /**
   * What happens when a refresh comes from another place or device.
   */
  on_context_change?: "log" | "sign_in";
  /**
   * The addresses to which the authorization server answers.
   */
  redirect_uris?: string | string[];
  /**
   * The name that users see.
   */
  name?: string;
  /**
   * SHA-256 of each secret in hexadecimal. Without it, the client is public.
   */
  secret_hashes?: string | string[];
  /**
   * Scopes that it may ask for.
   */
  scopes?: string | string[];
  /**
   * Resources that its tokens may be for.
   */
  resources?: string | string[];
  /**
   * Without refresh_token it gets access tokens alone.
   */
  grant_types?: ("authorization_code" | "refresh_token") | ("authorization_code" | "refresh_token")[];
  /**
   * When it gets a refresh token.
   */
  offline_access?: "always" | "on_request";
  /**
   * A client of your own: its users are not asked for consent.
   */
  first_party?: boolean;
  /**
   * Whether its access tokens carry the user's roles.
   */
  roles?: boolean;
  /**
   * Permits redirect URIs such as com.example.app:/callback.
   */
  private_use_schemes?: boolean;
}
/**
 * A trusted issuer.
 */
export interface Issuer {
  /**
   * Compared with `iss` exactly as written.
   */
  issuer: string;
  /**
   * The key set. The default is discovery.
   */
  jwks_uri?: string;
  /**
   * The audience must contain one of them.
   */
  audiences: string | string[];
  /**
   * The claim with the audience.
   */
  audience_claim?: string;
  /**
   * Permitted signature algorithms.
   */
  algorithms?:
    | ("ES256" | "ES384" | "EdDSA" | "Ed25519" | "RS256" | "PS256")
    | ("ES256" | "ES384" | "EdDSA" | "Ed25519" | "RS256" | "PS256")[];
  /**
   * at+jwt: tokens of RFC 9068. any: issuers that write JWT or nothing.
   */
  typ?: "at+jwt" | "any";
  /**
   * @deprecated
   * Has no effect any more.
   */
  header_members?: {
    [k: string]: unknown;
  };
  /**
   * The maximum size of its tokens.
   */
  max_token_bytes?: number;
  /**
   * The claim with the subject: the first that is present.
   */
  subject_claim?: string | string[];
  /**
   * The claim with the scopes.
   */
  scope_claim?: string;
  /**
   * The claims with the roles.
   */
  roles_claim?: string | string[];
  /**
   * Their form.
   */
  roles_form?: "text" | "keys" | "names";
  /**
   * The claim with the tenant.
   */
  tenant_claim?: string;
  /**
   * The claims that name the client.
   */
  client_claim?: string | string[];
  /**
   * Permitted clock difference in seconds.
   */
  leeway?: number;
}
/**
 * One route. The first route that matches a request decides.
 */
export interface Route {
  /**
   * Its name in logs. It is unique. The default is route-N, counted from 0.
   */
  name?: string;
  /**
   * api.example.com, or *.example.com for every host below it. The default is every host.
   */
  host?: string;
  /**
   * /api/orders; /t/{tenant}/docs for one segment; /files/{*rest} for the rest of the path.
   */
  path: string;
  /**
   * Methods in upper case. GET includes HEAD. The default is every method.
   */
  methods?: string | string[];
  /**
   * public ignores the access token; optional passes a request without one; required refuses it.
   */
  access?: "public" | "optional" | "required";
  /**
   * The token's issuer must be one of these: POSTERN_ISSUER or one of POSTERN_ISSUERS.
   */
  issuers?: string | string[];
  /**
   * The protected resource (RFC 9728) to which the route belongs: an https URL. `aud` must name it.
   */
  resource?: string;
  /**
   * Scopes without which a client can do nothing at the resource.
   */
  resource_scopes?: string | string[];
  /**
   * A name of the resource that clients show to people.
   */
  resource_name?: string;
  /**
   * A URL about the resource for developers.
   */
  resource_documentation?: string;
  /**
   * `aud` must contain one of these.
   */
  audiences?: string | string[];
  /**
   * All of these scopes are required.
   */
  scopes_all?: string | string[];
  /**
   * At least one of these scopes is required.
   */
  scopes_any?: string | string[];
  /**
   * At least one of these roles is required.
   */
  roles_any?: string | string[];
  /**
   * Rules about claims. All must hold.
   *
   * @minItems 1
   *
   * Items: A rule. {parameter}, {subdomain}, {host} and {method} are taken from the request.
   */
  attributes?: {
    /**
     * The claim.
     */
    claim: string;
    /**
     * The claim is exactly this value.
     */
    equals?: string;
    /**
     * The claim is a list with this value.
     */
    contains?: string;
  }[];
  /**
   * Maximum seconds since `iat`.
   */
  max_token_age?: number;
  /**
   * `acr` must be one of these.
   */
  acr?: string | string[];
  /**
   * `amr` must contain all of these.
   */
  amr?: string | string[];
  /**
   * none; feed: in memory, within 90 s; strong: the next request, by one call.
   */
  revocation?: "none" | "feed" | "strong";
  /**
   * refuse answers 503 while the revocation feed is out of date.
   */
  stale_feed?: "pass" | "refuse";
  /**
   * An https URL without query. The path is appended.
   */
  upstream?: string;
  /**
   * A service binding.
   */
  service?: string;
  /**
   * The gate forwards nothing and answers 204 with the identity headers.
   */
  answer?: "identity";
  /**
   * Whole literal segments at the start of `path` to remove before forwarding.
   */
  strip_prefix?: string;
  /**
   * Whether the upstream gets Authorization too.
   */
  keep_token?: boolean;
  /**
   * Claims to send as headers, or "assertion" for the signed assertion alone.
   */
  headers?:
    | "assertion"
    | {
        [k: string]: string;
      };
  /**
   * Time until the upstream's response headers, in milliseconds, or "none".
   */
  timeout_ms?: "none" | number;
  /**
   * Where the access token may be.
   */
  token_sources?: ("header" | "cookie") | ("header" | "cookie")[];
  /**
   * The signed assertion for the upstream: its audience, or true for the upstream's URL or binding.
   */
  assertion?: boolean | string;
  /**
   * Whether each assertion is for one request, by its method, path and query.
   */
  bind_assertion?: boolean;
  /**
   * A rate limiting binding of the platform.
   */
  rate_limit?: {
    /**
     * Its name.
     */
    binding: string;
    /**
     * What is counted.
     */
    by?: "ip" | "subject";
    /**
     * Seconds that a refused client should wait.
     */
    retry_after?: number;
  };
  /**
   * Whether an idempotent request without a body is retried once.
   */
  retry?: boolean;
  /**
   * Time for the whole exchange, in milliseconds.
   */
  total_timeout_ms?: number;
  /**
   * Open sockets.
   */
  websocket?: {
    /**
     * Close the socket when the token expires.
     */
    close_on_expiry?: boolean;
    /**
     * Close the socket when the token is revoked.
     */
    close_on_revocation?: boolean;
    /**
     * Seconds between two checks.
     */
    check_interval?: number;
  };
  /**
   * Pages that may call the route.
   */
  cors?: {
    /**
     * Exact origins.
     */
    origins: string | string[];
    /**
     * Whether credentials are allowed.
     */
    credentials?: boolean;
    /**
     * Request headers that pages may send.
     */
    allow_headers?: string | string[];
    /**
     * Response headers that pages may read.
     */
    expose_headers?: string | string[];
    /**
     * Seconds for which a preflight is cached.
     */
    max_age?: number;
  };
}
/**
 * A rate.
 */
export interface Rate {
  /**
   * A minute.
   */
  per_minute: number;
  /**
   * At once.
   */
  burst: number;
}
/**
 * A lockout.
 */
export interface Lock {
  /**
   * Failures after which attempts are delayed.
   */
  delay_after?: number;
  /**
   * Failures that lock.
   */
  lock_after?: number;
  /**
   * Lengths of the lockouts in seconds. The last one repeats.
   *
   * @minItems 1
   * @maxItems 8
   */
  locks?: number[];
  /**
   * Seconds after which one failure is forgotten.
   */
  forget?: number;
}
/**
 * A spread.
 */
export interface Spread {
  /**
   * How many.
   */
  count?: number;
  /**
   * In how many seconds.
   */
  window?: number;
}
/**
 * Colours as #rrggbb. Text needs a contrast of 4.5 and borders of 3 (WCAG 2.2 AA).
 */
export interface Palette {
  /**
   * The page.
   */
  background?: string;
  /**
   * The card on it.
   */
  card?: string;
  /**
   * Text on both.
   */
  text?: string;
  /**
   * Buttons and links.
   */
  accent?: string;
  /**
   * Text on buttons.
   */
  on_accent?: string;
}
/**
 * A look.
 */
export interface Theme {
  /**
   * The name of your service. The default is the host of POSTERN_ISSUER.
   */
  name?: string;
  /**
   * A path on the same host, or a data: URL of an image (svg+xml, png, webp; base64) of at most 4096 bytes.
   */
  logo?: string;
  /**
   * Links below the card: https URLs, paths, or mailto:.
   */
  links?: {
    /**
     * The privacy policy.
     */
    privacy?: string;
    /**
     * The terms of use.
     */
    terms?: string;
    /**
     * Help.
     */
    help?: string;
  };
  /**
   * Colours for light surroundings.
   */
  light?: Palette;
  /**
   * Colours for dark surroundings.
   */
  dark?: Palette;
}
/**
 * A description for each language.
 */
export interface Descriptions {
  en: string;
  de?: string;
  fr?: string;
  es?: string;
  ar?: string;
  ja?: string;
}
