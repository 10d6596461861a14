// A session of a user, with what an app keeps of it.
import type { Postern, User } from "./handle.ts";

/** The answer to a sign-in or a refresh. */
export interface Tokens {
  access_token: string;
  expires_in: number;
  session_id: string;
  scope: string;
  refresh_token?: string;
  csrf_token?: string;
}

/** A cookie as Playwright's `context.addCookies` takes it. */
export interface Cookie {
  name: string;
  value: string;
  domain: string;
  path: string;
  httpOnly: boolean;
  secure: boolean;
  sameSite: "Strict" | "Lax";
}

function cookieOf(line: string, host: string): Cookie {
  const [pair = "", ...attributes] = line.split(/;\s*/);
  const at = pair.indexOf("=");
  const named = new Map(attributes.map((text) => text.split("=")).map(([name = "", value = ""]) => [name.toLowerCase(), value] as const));
  return {
    name: pair.slice(0, at),
    value: pair.slice(at + 1),
    domain: named.get("domain") ?? host,
    path: named.get("path") ?? "/",
    httpOnly: named.has("httponly"),
    secure: named.has("secure"),
    sameSite: named.get("samesite") === "Lax" ? "Lax" : "Strict",
  };
}

export class Session {
  readonly user: User;
  accessToken: string;
  /** Absent with `delivery: "cookie"`. */
  refreshToken: string | undefined;
  /** With `delivery: "cookie"` only. */
  csrfToken: string | undefined;
  readonly sessionId: string;
  readonly scope: string;
  /** With `delivery: "cookie"`: what the browser keeps. */
  cookies: Cookie[];
  readonly #postern: Postern;

  constructor(postern: Postern, user: User, tokens: Tokens, setCookies: string[]) {
    this.#postern = postern;
    this.user = user;
    this.accessToken = tokens.access_token;
    this.refreshToken = tokens.refresh_token;
    this.csrfToken = tokens.csrf_token;
    this.sessionId = tokens.session_id;
    this.scope = tokens.scope;
    this.cookies = setCookies.map((line) => cookieOf(line, new URL(postern.url).hostname));
  }

  /** `Authorization`, for a request that something else sends. */
  get headers(): Record<string, string> {
    return { authorization: `Bearer ${this.accessToken}` };
  }

  /** A request with the access token. Redirects are answers, not followed. */
  fetch(path: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    if (!headers.has("authorization")) headers.set("authorization", `Bearer ${this.accessToken}`);
    return this.#postern.fetch(path, { ...init, headers });
  }

  /** Refreshes. Fails with Postern's answer if it refuses. */
  async refresh(): Promise<void> {
    const body = this.refreshToken === undefined ? undefined : { refresh_token: this.refreshToken };
    const { answer, response } = await this.#postern.call<Tokens>("the refresh was refused", "/auth/refresh", body, this.#proof());
    this.accessToken = answer.access_token;
    this.refreshToken = answer.refresh_token;
    this.csrfToken = answer.csrf_token;
    const fresh = response.headers.getSetCookie().map((line) => cookieOf(line, new URL(this.#postern.url).hostname));
    this.cookies = [...this.cookies.filter(({ name }) => !fresh.some((cookie) => cookie.name === name)), ...fresh];
  }

  /** Ends the session. */
  async signOut(): Promise<void> {
    const body = this.refreshToken === undefined ? undefined : { refresh_token: this.refreshToken };
    await this.#postern.call("the sign-out was refused", "/auth/logout", body, this.#proof());
  }

  #proof(): Record<string, string> {
    if (this.refreshToken !== undefined) return {};
    return { cookie: this.cookies.map(({ name, value }) => `${name}=${value}`).join("; "), "x-csrf-token": this.csrfToken ?? "" };
  }
}
