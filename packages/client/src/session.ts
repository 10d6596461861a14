import type { AccountExport, Activity, Grant, ListedSession, Me, Registered } from "./api.ts";
import { asTokens, BaseSession, isOver, type BaseOptions, type Send, type TokenAnswer } from "./base.ts";
import { Refused } from "./errors.ts";
import type { TokenStorage } from "./storage.ts";

export interface SessionOptions extends BaseOptions {
  /** Postern's origin, such as "https://auth.example.com". Without it, that of the page, which then comes through Postern itself. */
  url?: string | undefined;
  /**
   * Where an app keeps the refresh token that cannot use cookies: one in a web view, an extension, or on a server. Without
   * it, the token is in a cookie that no script can read.
   */
  storage?: TokenStorage | undefined;
}

export interface Credentials {
  login: string;
  password: string;
  /** Shown in the list of sessions. */
  deviceName?: string | undefined;
  /** One of the deployment's clients; its first one without it. */
  clientId?: string | undefined;
}

/** A user's session with Postern, begun with a password on a page of your own. */
export class Session extends BaseSession {
  readonly #url: string;
  readonly #storage: TokenStorage | undefined;

  constructor({ url = globalThis.location?.origin ?? "", storage, ...options }: SessionOptions = {}) {
    super(url, url, options, storage);
    this.#url = url;
    this.#storage = storage;
  }

  async signIn({ login, password, deviceName, clientId }: Credentials): Promise<void> {
    const device = `postern device ${this.#url}`;
    // In the lock: a refresh of the former session that is under way must not put its cookie over the new one.
    await this.alone(async () => {
      const kept = this.#storage && { delivery: "body", device_token: (await this.#storage.getItem(device)) ?? undefined };
      const answer = await this.#open("/auth/login", { login, password, device_name: deviceName, client_id: clientId, ...kept });
      const tokens: TokenAnswer & { device_token?: string } = asTokens(answer);
      if (tokens.device_token) await this.#storage?.setItem(device, tokens.device_token);
      await this.share(tokens);
    });
  }

  /** Creates an account, where registration is open. The user is not signed in by it. */
  register(login: string, password: string): Promise<Registered> {
    return this.#open("/auth/register", { login, password }) as Promise<Registered>;
  }

  /** Ends this session. Rejects if the server could not be asked: then the user is still signed in. */
  signOut(): Promise<void> {
    return this.#leave("/auth/logout");
  }

  /** Ends all sessions of the user. */
  signOutEverywhere(): Promise<void> {
    return this.#leave("/auth/logout-all");
  }

  /** Erases the account and everything that is stored about it. */
  async deleteAccount(password: string): Promise<void> {
    await this.#mine("/auth/account/delete", "POST", { password });
    await this.share();
  }

  /** The signed-in user. */
  me(): Promise<Me> {
    return this.#mine("/auth/me");
  }

  /** The user's sessions on all devices. */
  async sessions(): Promise<ListedSession[]> {
    return (await this.#mine("/auth/sessions")).sessions;
  }

  /** Ends a session on another device; also if it has ended already. */
  endSession(sessionId: string): Promise<void> {
    return this.#end("sessions", sessionId);
  }

  /** Ends all sessions of the user but this one. */
  async endOtherSessions(): Promise<void> {
    await this.#mine("/auth/sessions", "DELETE");
  }

  /** The OAuth clients that the user has authorized. */
  async grants(): Promise<Grant[]> {
    return (await this.#mine("/auth/grants")).grants;
  }

  /** Ends the access of an OAuth client; also if it has ended already. */
  endGrant(grantId: string): Promise<void> {
    return this.#end("grants", grantId);
  }

  /** The last 30 days of the account, newest first. */
  async activity(): Promise<Activity[]> {
    return (await this.#mine("/auth/activity")).activity;
  }

  /** Everything that is stored about the user. */
  exportAccount(): Promise<AccountExport> {
    return this.#mine("/auth/account/export");
  }

  /** Ends all other sessions of the user. */
  async changePassword(currentPassword: string, newPassword: string): Promise<void> {
    await this.#mine("/auth/password", "POST", { current_password: currentPassword, new_password: newPassword });
  }

  /** Sends a message with a one-time token to the user, if there is one. */
  async requestReset(login: string): Promise<void> {
    await this.#open("/auth/password/reset-request", { login });
  }

  /** Sets a new password by the token of the message, and ends all sessions of the user. */
  async reset(token: string, newPassword: string): Promise<void> {
    await this.#open("/auth/password/reset", { token, new_password: newPassword });
  }

  /** Sends a message with a one-time token to the signed-in user's address. */
  async requestVerification(): Promise<void> {
    await this.#mine("/auth/email/verification-request", "POST");
  }

  /** Verifies the address by the token of the message. */
  async verify(token: string): Promise<void> {
    await this.#open("/auth/email/verify", { token });
  }

  protected override async renewal(refreshToken: string | undefined): Promise<TokenAnswer> {
    return asTokens(await this.#authorised("/auth/refresh", refreshToken));
  }

  #leave(path: string): Promise<void> {
    const { sessionId } = this.state;
    return this.alone(async () => {
      this.expect(sessionId);
      const stored = await this.stored();
      try {
        if (stored || !this.#storage) await this.#authorised(path, stored?.token, async () => {
          // Whose cookie it is by now, its refresh tells. A user signs out no other one.
          this.doubt();
          await this.renew();
          this.expect(sessionId);
        });
      } catch (error) {
        // After every other error the user is still signed in, and is to know it.
        if (!isOver(error)) throw error;
      }
      await this.share();
    });
  }

  /** A call that is authorised by the refresh token: the one in our storage, or that in the cookie. */
  async #authorised(path: string, refreshToken: string | undefined, onOtherSession?: () => Promise<void>): Promise<unknown> {
    if (this.#storage) return this.#open(path, { refresh_token: refreshToken });
    // A page that was just loaded has no CSRF token. It serves for as long as the session lives.
    this.csrf ??= await this.#freshCsrf();
    try {
      return await this.#ask("POST", path, undefined, undefined, this.csrf);
    } catch (error) {
      if (!(error instanceof Refused && error.code === "csrf_failed")) throw error;
    }
    // The cookie is another session's by now: the user signed in where no message reached this tab.
    this.csrf = undefined;
    await onOtherSession?.();
    this.csrf ??= await this.#freshCsrf();
    return this.#ask("POST", path, undefined, undefined, this.csrf);
  }

  async #freshCsrf(): Promise<string> {
    return ((await this.#ask("GET", "/auth/csrf")) as { csrf_token: string }).csrf_token;
  }

  /** A call without a token, or with the one in the cookie. */
  #open(path: string, members?: object): Promise<unknown> {
    return this.#ask("POST", path, members);
  }

  /** A call with the access token. */
  #mine(path: string, method = "GET", members?: object): Promise<any> {
    return this.#ask(method, path, members, this.fetch);
  }

  #ask(method: string, path: string, members?: object, send?: Send, csrf?: string): Promise<unknown> {
    const headers: Record<string, string> = {};
    if (members) headers["content-type"] = "application/json";
    if (csrf) headers["x-csrf-token"] = csrf;
    return this.call(this.#url + path, { method, headers, credentials: this.#storage ? "omit" : "include", ...(members && { body: JSON.stringify(members) }) }, send);
  }

  async #end(what: "sessions" | "grants", id: string): Promise<void> {
    await this.#mine(`/auth/${what}/${encodeURIComponent(id)}`, "DELETE").catch((error: unknown) => {
      // It has ended by itself.
      if (!(error instanceof Refused && error.status === 404)) throw error;
    });
  }
}
