import { asTokens, BaseSession, type BaseOptions, type Dpop, type TokenAnswer } from "./base.ts";
import { PosternError, Refused } from "./errors.ts";
import type { TokenStorage } from "./storage.ts";

/** What is read of an authorization server's metadata (RFC 8414). */
export interface Metadata {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  revocation_endpoint?: string;
  authorization_response_iss_parameter_supported?: boolean;
}

export interface OAuthOptions extends BaseOptions {
  /** The authorization server, to the letter as its metadata has it: "https://auth.example.com". */
  issuer: string;
  /** A public client: one without a secret. */
  clientId: string;
  /** The page that calls `callback`. */
  redirectUri: string;
  /** Where the refresh token is kept, and with it the session: `memory()`, `sessionStorage`, or `localStorage`. The guide has what each one risks. */
  storage: TokenStorage;
  scope?: string | undefined;
  /** What the access token is for (RFC 8707). Without `api`, it is also the origin that gets the token. */
  resource?: string | undefined;
  /** Binds the tokens to a key (RFC 9449). Postern itself does not issue such tokens yet. */
  dpop?: Dpop | undefined;
  /** For a server whose metadata a page cannot read. */
  metadata?: Metadata | undefined;
}

export interface SignInOptions {
  /** What `callback` returns: where the user was. JSON. */
  returnTo?: unknown;
  /** `acrValues` of a `StepUpRequired`. */
  acrValues?: readonly string[] | undefined;
  /** The sign-in may be so many seconds old: `maxAge` of a `StepUpRequired`. */
  maxAge?: number | undefined;
  /** More of the authorization request: `prompt`, `login_hint`, `ui_locales`, or what another server wants, such as `audience`. */
  parameters?: Readonly<Record<string, string>> | undefined;
}

/** A sign-in that is on its way: kept in `sessionStorage`, as the page goes away meanwhile. */
interface Transaction {
  state: string;
  verifier: string;
  returnTo?: unknown;
}

/** How many sign-ins of one tab can be on their way: the user may go back and begin again. */
const TRANSACTIONS = 5;

/** A user's grant from an authorization server, begun on its pages: the authorization code flow with PKCE. */
export class OAuthSession extends BaseSession {
  readonly #options: OAuthOptions;
  readonly #key: string;
  #found: Promise<Metadata> | undefined;
  #answered: { state: string; done: Promise<unknown> } | undefined;

  constructor(options: OAuthOptions) {
    const name = `${options.issuer} ${options.clientId} ${options.resource ?? ""}`;
    super(name, options.resource ?? options.issuer, options, options.storage, options.dpop);
    this.#options = options;
    this.#key = `postern sign-in ${name}`;
  }

  /** Sends the browser to the sign-in. */
  async signIn(options: SignInOptions = {}): Promise<void> {
    location.assign(await this.authorizationUrl(options));
  }

  /** The address of the sign-in, for programs that open a browser themselves. */
  async authorizationUrl({ returnTo, acrValues, maxAge, parameters }: SignInOptions = {}): Promise<string> {
    const { authorization_endpoint } = await this.#metadata();
    const { clientId, redirectUri, scope, resource, dpop } = this.#options;
    const [state, verifier] = [random(), random()];
    await this.#keep([...(await this.#kept()).slice(1 - TRANSACTIONS), { state, verifier, returnTo }]);
    const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier));
    const url = new URL(authorization_endpoint);
    set(url.searchParams, {
      ...parameters,
      response_type: "code",
      client_id: clientId,
      redirect_uri: redirectUri,
      state,
      code_challenge: btoa(String.fromCharCode(...new Uint8Array(hash))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", ""),
      code_challenge_method: "S256",
      scope,
      resource,
      dpop_jkt: dpop?.thumbprint,
      acr_values: acrValues?.join(" "),
      max_age: maxAge,
    });
    return url.href;
  }

  /**
   * Finishes the sign-in on the page of `redirectUri`, and returns `returnTo`. Rejects with `Refused` if the server refused
   * (`access_denied`), and with `PosternError` if the answer is not one to a sign-in that this browser began.
   */
  callback(url: string = location.href): Promise<unknown> {
    const { searchParams } = new URL(url);
    const state = searchParams.get("state") ?? "";
    // A code works once, and a page may call twice: React does in development.
    if (this.#answered?.state !== state) this.#answered = { state, done: this.#answer(searchParams, state, url) };
    return this.#answered.done;
  }

  /**
   * Ends the grant and forgets the tokens. Rejects if the server could not be told; the tokens are forgotten all the same.
   * The browser may still be signed in at the server.
   */
  signOut(): Promise<void> {
    const { sessionId } = this.state;
    return this.alone(async () => {
      this.expect(sessionId);
      const stored = await this.stored();
      try {
        const { revocation_endpoint } = await this.#metadata();
        if (stored && revocation_endpoint) await this.#form(revocation_endpoint, { token: stored.token });
      } finally {
        await this.share();
      }
    });
  }

  protected override async renewal(refreshToken: string | undefined): Promise<TokenAnswer> {
    return this.#tokens({ grant_type: "refresh_token", refresh_token: refreshToken });
  }

  async #answer(answer: URLSearchParams, state: string, url: string): Promise<unknown> {
    // Neither the history nor a reload has the code again.
    if (globalThis.location?.href === url) history.replaceState(history.state, "", this.#options.redirectUri);
    const begun = await this.#kept();
    const transaction = begun.find((one) => one.state === state);
    await this.#keep(begun.filter((one) => one !== transaction));
    if (!transaction) throw new PosternError("This sign-in was not begun here, or is finished");
    const { issuer, authorization_response_iss_parameter_supported: always } = await this.#metadata();
    const iss = answer.get("iss");
    // The answer of another server (RFC 9207): the code must not go to this one.
    if (iss === null ? always : iss !== issuer) throw new PosternError(`The answer is not from ${issuer}`);
    if (answer.has("error")) throw new Refused(400, Object.fromEntries(answer));
    await this.alone(async () => {
      const tokens = await this.#tokens({
        grant_type: "authorization_code",
        code: answer.get("code") ?? "",
        code_verifier: transaction.verifier,
        redirect_uri: this.#options.redirectUri,
      });
      await this.share({ ...tokens, session_id: crypto.randomUUID() });
    });
    return transaction.returnTo;
  }

  async #tokens(parameters: Record<string, string | undefined>): Promise<TokenAnswer> {
    const { token_endpoint } = await this.#metadata();
    const { resource, dpop } = this.#options;
    const { session_id: _, ...tokens } = asTokens(await this.#form(token_endpoint, { ...parameters, resource }));
    // A bearer token in place of one that is bound to the key would be weaker than what was asked for (RFC 9449 section 5).
    if (dpop && tokens.token_type?.toLowerCase() !== "dpop") throw new PosternError("The token is not bound to the key");
    return tokens;
  }

  #form(url: string, parameters: Record<string, string | undefined>): Promise<unknown> {
    const body = set(new URLSearchParams(), { client_id: this.#options.clientId, ...parameters });
    return this.call(url, { method: "POST", credentials: "omit", body });
  }

  #metadata(): Promise<Metadata> {
    this.#found ??= this.#discover().catch((error: unknown) => {
      this.#found = undefined;
      throw error;
    });
    return this.#found;
  }

  async #discover(): Promise<Metadata> {
    const { issuer, metadata } = this.#options;
    const base = issuer.replace(/\/$/, "");
    const { origin } = new URL(base);
    // The place that nearly all servers have, and that of RFC 8414.
    const read = (url: string) => this.call(url, { credentials: "omit" }) as Promise<Metadata>;
    const found =
      metadata ??
      (await read(`${base}/.well-known/openid-configuration`).catch((error: unknown) => {
        if (!(error instanceof Refused && error.status === 404)) throw error;
        return read(`${origin}/.well-known/oauth-authorization-server${base.slice(origin.length)}`);
      }));
    // RFC 8414 section 3.3.
    if (found?.issuer !== issuer) throw new PosternError(`The metadata is that of ${found?.issuer}`);
    return found;
  }

  async #kept(): Promise<Transaction[]> {
    return JSON.parse((await this.#place().getItem(this.#key)) ?? "[]");
  }

  #keep(transactions: Transaction[]): unknown {
    return this.#place().setItem(this.#key, JSON.stringify(transactions));
  }

  #place(): TokenStorage {
    return globalThis.sessionStorage ?? this.#options.storage;
  }
}

/** Adds those of the parameters that there are. */
function set(query: URLSearchParams, parameters: Record<string, string | number | undefined>): URLSearchParams {
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query;
}

/** A `state`, or a code verifier of 72 characters (RFC 7636 section 4.1): 244 random bits. */
function random(): string {
  return crypto.randomUUID() + crypto.randomUUID();
}
