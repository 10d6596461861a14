// The authorization code flow with PKCE (OAuth 2.1) by openid-client, and the calls to the API.
import type { Context } from "hono";
import * as oauth from "openid-client";
import { Cookies, type Session } from "./session.ts";
import type { Settings } from "./settings.ts";

/** Refresh so long ahead of expiry. */
const AHEAD_MS = 30_000;

/** The errors after which the user signs in again; all others are this app's or the server's. */
const ENDS = ["invalid_grant", "access_denied", "login_required", "consent_required"];

/** The user has to sign in again. */
export class SignedOut extends Error {}
/** Postern or the API could not be asked: the user is still signed in. */
export class Unavailable extends Error {}

export class Auth {
  readonly cookies: Cookies;
  readonly #settings: Settings;
  #found: Promise<oauth.Configuration> | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.cookies = new Cookies(settings.cookieKey);
  }

  /** The metadata, read once. On this machine http will do; everywhere else it is https. */
  #server(): Promise<oauth.Configuration> {
    const { issuer, clientId, clientSecret } = this.#settings;
    const execute = new URL(issuer).hostname === "localhost" ? [oauth.allowInsecureRequests] : [];
    this.#found ??= oauth.discovery(new URL(issuer), clientId, undefined, oauth.ClientSecretPost(clientSecret), { algorithm: "oauth2", execute });
    this.#found.catch(() => (this.#found = undefined));
    return this.#found.catch((error: Error) => {
      throw new Unavailable("Postern does not answer", { cause: error });
    });
  }

  get #redirectUri(): string {
    return `${this.#settings.url}/callback`;
  }

  /** Where to send the browser. It comes back to `callback`. */
  async signInUrl(c: Context, returnTo: string): Promise<URL> {
    const server = await this.#server();
    const [state, verifier] = [oauth.randomState(), oauth.randomPKCECodeVerifier()];
    await this.cookies.keepSignIn(c, { state, verifier, returnTo });
    return oauth.buildAuthorizationUrl(server, {
      redirect_uri: this.#redirectUri,
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
    });
  }

  /** Finishes the sign-in, and returns where the user was. */
  async callback(c: Context): Promise<string> {
    const begun = await this.cookies.takeSignIn(c);
    if (begun === undefined) throw new SignedOut("This browser did not begin the sign-in, or an hour has passed since");
    // The address that Postern was given, whatever proxies have made of this request's. `state` and `iss` are compared.
    const answer = new URL(this.#redirectUri);
    answer.search = new URL(c.req.url).search;
    const tokens = await this.#asked(oauth.authorizationCodeGrant(await this.#server(), answer, { pkceCodeVerifier: begun.verifier, expectedState: begun.state }));
    await this.cookies.keepSession(c, sessionOf(tokens));
    return begun.returnTo;
  }

  /** The session of this request, with an access token that has not expired; undefined if there is none. */
  async session(c: Context): Promise<Session | undefined> {
    const session = await this.cookies.session(c);
    if (session === undefined || session.expires - AHEAD_MS > Date.now()) return session;
    return this.#refreshed(c, session);
  }

  async #refreshed(c: Context, session: Session): Promise<Session | undefined> {
    try {
      // Two requests at once get the same new tokens: Postern answers a repeated refresh with the same successor.
      const fresh = sessionOf(await this.#asked(oauth.refreshTokenGrant(await this.#server(), session.refreshToken)));
      await this.cookies.keepSession(c, fresh);
      return fresh;
    } catch (error) {
      if (!(error instanceof SignedOut)) throw error;
      this.cookies.endSession(c);
      return undefined;
    }
  }

  /** Ends the grant at Postern, and the session here. */
  async signOut(c: Context): Promise<void> {
    const session = await this.cookies.session(c);
    this.cookies.endSession(c);
    if (session !== undefined) await oauth.tokenRevocation(await this.#server(), session.refreshToken).catch((error: Error) => console.error("the grant was not ended", error));
  }

  /** A call of the API, through the gate. */
  async call(session: Session, path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { ...init.headers, authorization: `Bearer ${session.accessToken}` };
    const answer = await fetch(new URL(path, this.#settings.issuer), { ...init, headers }).catch((error: Error) => {
      throw new Unavailable("The API does not answer", { cause: error });
    });
    if (answer.status === 401) throw new SignedOut("The API does not take the access token any more");
    if (answer.status >= 500) throw new Unavailable(`The API answered ${answer.status}`);
    return answer;
  }

  /** Tells the end of a grant from a server that is down. */
  async #asked<Answer>(call: Promise<Answer>): Promise<Answer> {
    return call.catch((error: Error) => {
      const said = error instanceof oauth.ResponseBodyError || error instanceof oauth.AuthorizationResponseError ? error : undefined;
      if (said !== undefined && ENDS.includes(said.error)) throw new SignedOut(said.error_description ?? said.error, { cause: error });
      throw new Unavailable("Postern does not answer", { cause: error });
    });
  }
}

function sessionOf(tokens: oauth.TokenEndpointResponse & oauth.TokenEndpointResponseHelpers): Session {
  if (tokens.refresh_token === undefined) throw new SignedOut("There is no refresh token: the client needs the grant type refresh_token");
  return { accessToken: tokens.access_token, refreshToken: tokens.refresh_token, expires: Date.now() + 1000 * (tokens.expiresIn() ?? 300), scope: tokens.scope ?? "" };
}
