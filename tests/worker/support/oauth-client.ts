// Clients of the authorization server: `oauth4webapi`, which checks what the standards demand of answers, and plain forms for
// requests that no sound client makes.
import { createHash } from "node:crypto";
import * as oauth from "oauth4webapi";
import type { Postern } from "../harness.ts";
import { FormBrowser, type Person } from "./form-browser.ts";

/** A client as POSTERN_CLIENTS has it, and how it proves itself. */
export interface TestClient {
  client: oauth.Client;
  auth: oauth.ClientAuth;
  redirectUri: string;
}

/** What a client keeps between its request and the answer. */
export interface Asked {
  url: URL;
  verifier: string;
  state: string;
}

export interface TokenAnswer {
  status: number;
  /** The error code of an answer that is one. */
  error: string | undefined;
  tokens: { access_token: string; refresh_token: string; scope: string };
}

export const digestOf = (secret: string): string => createHash("sha256").update(secret).digest("hex");

/** The authorization server as these clients see it. */
export class OauthServer {
  readonly postern: Postern;
  readonly metadata: oauth.AuthorizationServer;
  /** For calls of `oauth4webapi`. */
  readonly http;

  private constructor(postern: Postern, metadata: oauth.AuthorizationServer) {
    this.postern = postern;
    this.metadata = metadata;
    this.http = httpOf(postern);
  }

  /** Reads the metadata of this issuer (RFC 8414). */
  static async discover(postern: Postern, issuer: string): Promise<OauthServer> {
    const url = new URL(issuer);
    const response = await oauth.discoveryRequest(url, { algorithm: "oauth2", ...httpOf(postern) });
    return new OauthServer(postern, await oauth.processDiscoveryResponse(url, response));
  }

  /** An authorization request with PKCE and state. */
  async ask({ client, redirectUri }: TestClient, more: Record<string, string> = {}): Promise<Asked> {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const url = new URL(this.metadata.authorization_endpoint ?? "");
    url.search = new URLSearchParams({
      client_id: client.client_id,
      redirect_uri: redirectUri,
      response_type: "code",
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      state,
      ...more,
    }).toString();
    return { url, verifier, state };
  }

  /** A code that this person's browser brings, and its verifier. The answer's `iss` and `state` are checked. */
  async code(of: TestClient, more: Record<string, string> = {}, { browser = new FormBrowser(this.postern), person = {} }: { browser?: FormBrowser; person?: Person } = {}) {
    const { url, verifier, state } = await this.ask(of, more);
    const answer = oauth.validateAuthResponse(this.metadata, of.client, await browser.authorize(url, person), state);
    return { answer, verifier, code: answer.get("code") ?? "" };
  }

  /** Redeems a code, and checks the answer. */
  async redeem(of: TestClient, { answer, verifier }: { answer: URLSearchParams; verifier: string }, additionalParameters: Record<string, string> = {}) {
    const options = { ...this.http, additionalParameters };
    const response = await oauth.authorizationCodeGrantRequest(this.metadata, of.client, of.auth, answer, of.redirectUri, verifier, options);
    return oauth.processAuthorizationCodeResponse(this.metadata, of.client, response);
  }

  /** Refreshes, and checks the answer. */
  async refresh(of: TestClient, refreshToken: string, additionalParameters: Record<string, string> = {}) {
    const response = await oauth.refreshTokenGrantRequest(this.metadata, of.client, of.auth, refreshToken, { ...this.http, additionalParameters });
    return oauth.processRefreshTokenResponse(this.metadata, of.client, response);
  }

  async introspect(of: TestClient, token: string) {
    const response = await oauth.introspectionRequest(this.metadata, of.client, of.auth, token, this.http);
    return oauth.processIntrospectionResponse(this.metadata, of.client, response);
  }

  async revoke(of: TestClient, token: string): Promise<void> {
    await oauth.processRevocationResponse(await oauth.revocationRequest(this.metadata, of.client, of.auth, token, this.http));
  }

  /** Posts any form to one of the endpoints. */
  form(path: string, fields: Record<string, string> | [string, string][], headers: Record<string, string> = {}): Promise<Response> {
    const form = { "content-type": "application/x-www-form-urlencoded", ...headers };
    return this.postern.fetch(path, { method: "POST", headers: form, body: new URLSearchParams(fields).toString() });
  }

  /** Posts any form to the token endpoint. */
  async token(fields: Record<string, string> | [string, string][], headers: Record<string, string> = {}): Promise<TokenAnswer> {
    const response = await this.form("/oauth/token", fields, headers);
    const body = (await response.json()) as TokenAnswer["tokens"] & { error?: string };
    return { status: response.status, error: body.error, tokens: body };
  }
}

function httpOf(postern: Postern) {
  // Its options are those of `fetch`, but for members that are there and undefined.
  return { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: (url: string, init: object) => postern.fetch(url, init as RequestInit) };
}
