import { left, moment, type Moment } from "./clock.ts";
import { challenge, PosternError, refused, Refused, SessionChanged, StepUpRequired, Unreachable } from "./errors.ts";
import type { StoredToken, TokenStorage } from "./storage.ts";

/** Refresh so long before expiry, in milliseconds: a slow network and a drifting clock fit in. At most a quarter of the life. */
const AHEAD_MS = 60_000;
/** A call that takes longer has failed. A refresh can be repeated safely. */
const TIMEOUT_MS = 15_000;
/** A lock that is held longer is that of a tab that hangs. To refresh without it is safe with Postern: both get the same tokens. */
const LOCK_MS = 5_000;
/** How long a message from tab to tab takes at most, when all is well. */
const MESSAGE_MS = 100;
/** The wait after the first failure that names none (`Retry-After`); it doubles with each. */
const RETRY_MS = 5_000;
/** How often a visible tab looks at its clocks, and the longest wait after failures. */
const LOOK_MS = 60_000;
/** The life of a token whose server names none (RFC 6749 section 5.1 recommends that it does). */
const LIFE_S = 300;

/** What is known of the session. An object of its own for each change, so that it can be compared. */
export interface SessionState {
  /** `unknown` until the server has answered, for example after a load without network. */
  readonly status: "unknown" | "signed-in" | "signed-out";
  /** Another one after each sign-in; undefined unless signed in. */
  readonly sessionId: string | undefined;
  /** The last call got no answer. The session goes on: the next answer of the server decides. */
  readonly offline: boolean;
}

/** Tokens as a server sends them. */
export interface TokenAnswer {
  access_token: string;
  token_type?: string | undefined;
  expires_in?: number | undefined;
  session_id?: string | undefined;
  refresh_token?: string | undefined;
  csrf_token?: string | undefined;
}

/** As `fetch`. */
export type Send = typeof globalThis.fetch;

/** Proofs of possession (RFC 9449): `@postern/client/dpop`. */
export interface Dpop {
  /** The thumbprint of the key, `dpop_jkt`. */
  readonly thumbprint: string;
  /** Sends a request by `send`, with a proof if it has an access token or asks for one. */
  fetch(input: RequestInfo | URL, init: RequestInit, send: Send): Promise<Response>;
}

export interface BaseOptions {
  /**
   * The origins that may get the access token, such as "https://api.example.com", beside the one that issues it. Paths are
   * joined to the first one.
   */
  api?: string | readonly string[] | undefined;
  /** Runs when the browser restores the page from its back/forward cache, of a session that may have ended since. Without it, the page is reloaded. */
  onRestored?: (() => void) | undefined;
  /** Sends all requests; `globalThis.fetch` without it. */
  fetch?: Send | undefined;
}

/** What the tabs of a browser send each other. */
interface Message {
  id: string | undefined;
  /** When they came, by `Date.now()`. */
  at: number;
  /** Undefined: that session is over. */
  tokens: TokenAnswer | undefined;
  /** The refresh token that theirs replaces. */
  replaced: string | undefined;
}

/** What `@postern/client` does alike for both kinds of sessions: it keeps the access token in memory, renews it, and sends it. */
export abstract class BaseSession extends EventTarget {
  #state: SessionState = UNKNOWN;
  #accessToken: string | undefined;
  #expires: Moment = moment(0);
  /** How long ahead of expiry the token is refreshed. */
  #ahead = 0;
  /** An access token that was refused although a refresh had just brought it: to refresh again would bring the same. */
  #useless: string | undefined;
  #refreshing: Promise<void> | undefined;
  /** The server's last word on when to come again, and until when it holds. */
  #pause: { until: Moment; error: unknown } | undefined;
  /** Of refreshes since the last one that was answered with tokens. */
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tabs: BroadcastChannel | undefined;
  readonly #disposed = new AbortController();
  readonly #apis: () => string[];
  readonly #name: string;
  readonly #storage: TokenStorage | undefined;
  /** `fetch`, without an access token. */
  readonly #send: Send;
  /** The CSRF token of the session in the cookie. */
  protected csrf: string | undefined;

  protected constructor(name: string, issuer: string, options: BaseOptions, storage?: TokenStorage, dpop?: Dpop) {
    super();
    // Two servers under one page's origin are two sessions.
    this.#name = `postern ${name}`;
    // Later, as a page that is rendered on a server has no origin of its own there.
    this.#apis = () => [options.api ?? [], issuer].flat().map((url) => new URL(url).origin);
    this.#storage = storage;
    const send: Send = options.fetch ?? ((...request) => globalThis.fetch(...request));
    this.#send = dpop ? (input, init = {}) => dpop.fetch(input, init, send) : send;
    // On a server, sessions of different users must share nothing.
    if (!inPage) return;
    const on = (target: EventTarget, event: string, act: (event: Event) => void) => target.addEventListener(event, act, { signal: this.#disposed.signal });
    try {
      this.#tabs = new BroadcastChannel(this.#name);
      this.#tabs.onmessage = ({ data }) => void this.#hear(data).catch(() => {});
    } catch {
      // Where storage is blocked, each tab refreshes for itself.
    }
    // A background tab does not refresh by itself, as its timers are late: it does so once it is looked at.
    on(document, "visibilitychange", () => this.#plan());
    on(globalThis, "online", () => this.#plan(0));
    on(globalThis, "pageshow", (event) => ((event as PageTransitionEvent).persisted ? (options.onRestored ?? (() => location.reload()))() : this.#plan()));
  }

  /** What is known now; no network. */
  get state(): SessionState {
    return this.#state;
  }

  /** Runs `listener` after each change of the state, in this tab or another; returns a function that stops it. Nothing waits for it. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.addEventListener("change", listener);
    return () => this.removeEventListener("change", listener);
  };

  /** The access token, unless it has expired; no network. */
  readonly peek = (): string | undefined => (left(this.#expires) > 0 ? this.#accessToken : undefined);

  /**
   * An access token that is good for a while, refreshed if needed; undefined if the user is signed out. Rejects with
   * `Unreachable` or `Refused` if the server cannot be asked now.
   */
  readonly get = async (): Promise<string | undefined> => {
    if (this.#state.status === "signed-out" || this.#isFresh()) return this.#accessToken;
    // It comes ahead of need: nothing waits for it while the token in hand is good for a moment, and that one serves
    // until it expires.
    const wait = left(this.#expires) <= this.#ahead / 4;
    const refreshing = this.#refresh().catch((error: unknown) => {
      if (wait && this.peek() === undefined) throw error;
    });
    if (wait) await refreshing;
    return this.#accessToken;
  };

  /** Finds out if the user is signed in; also again after they were signed out. Rejects as `get` does. */
  async start(): Promise<SessionState> {
    await (this.#state.status === "signed-out" ? this.#refresh() : this.get());
    return this.#state;
  }

  /**
   * `fetch` with the access token, for the origins in `api`. A refused token is refreshed and the request sent once more,
   * unless its body is a stream, which can be read only once. Rejects with `SessionChanged` if the session in which the
   * request was made is over before the answer is there, and with `StepUpRequired` if the API asks for another sign-in.
   */
  readonly fetch: Send = async (input, init = {}) => {
    let session = this.#state.sessionId;
    const expect = (answer?: Response) => {
      if (session === undefined || session === this.#state.sessionId) return;
      answer?.body?.cancel().catch(() => {});
      throw new SessionChanged();
    };
    /** Whether the token was refused. */
    const judge = (answer: Response): boolean => {
      expect(answer);
      const error = answer.status === 401 && challenge(answer, "error");
      if (error === "insufficient_user_authentication") throw new StepUpRequired(answer);
      return error === "invalid_token";
    };
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined);
    signal?.throwIfAborted();
    const first = await unless(signal, this.get());
    // The first call of a page finds out who is signed in.
    session ??= this.#state.sessionId;
    expect();
    const answer = await this.#sendWith(first, input, init);
    if (!judge(answer) || !first || first === this.#useless || init.body instanceof ReadableStream) return answer;
    // Only the one that was refused: another tab may have brought a new one meanwhile.
    if (this.#accessToken === first) this.#expires = moment(0);
    const second = await unless(signal, this.get());
    expect(answer);
    if (!second || second === first) return answer;
    answer.body?.cancel().catch(() => {});
    const again = await this.#sendWith(second, input, init);
    if (judge(again)) this.#useless = second;
    return again;
  };

  /** Stops timers and listeners, and forgets the token. The user stays signed in. */
  dispose(): void {
    this.#disposed.abort();
    this.#tabs?.close();
    clearTimeout(this.#timer);
    this.#accessToken = undefined;
    this.#expires = moment(0);
  }

  /** Asks the server for new tokens. */
  protected abstract renewal(refreshToken: string | undefined): Promise<TokenAnswer>;

  /** A call of the issuer's own, which is answered in time or not at all. */
  protected async call(url: string, init: RequestInit, send: Send = this.#send): Promise<unknown> {
    try {
      const answer = await send(url, { cache: "no-store", ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
      if (!answer.ok) throw await refused(answer);
      const text = await answer.text();
      this.#set({ offline: false });
      return text && JSON.parse(text);
    } catch (error) {
      const known = error instanceof PosternError;
      this.#set({ offline: !known });
      throw known ? error : new Unreachable(`No answer from ${url}`, { cause: error });
    }
  }

  /** Runs `work` while no other tab runs its own; after a while, or without Web Locks, all the same. */
  protected async alone<T>(work: () => Promise<T>): Promise<T> {
    let begun = false;
    const begin = () => ((begun = true), work());
    if (!inPage) return begin();
    try {
      return await navigator.locks.request(this.#name, { signal: AbortSignal.timeout(LOCK_MS) }, begin);
    } catch (error) {
      if (begun) throw error;
      return begin();
    }
  }

  /** Keeps the tokens and passes them to all tabs; without any, the session is over. */
  protected async share(tokens?: TokenAnswer, replaced?: string): Promise<void> {
    const id = tokens?.session_id ?? this.#state.sessionId;
    await this.#keep(id, tokens);
    if (this.#disposed.signal.aborted) return;
    const message = { id, at: Date.now(), tokens, replaced };
    this.#tabs?.postMessage(message);
    this.#take(message);
  }

  /** Whose session it is now, the next call finds out. */
  protected doubt(): void {
    this.csrf = undefined;
    this.#expires = moment(0);
    this.#plan();
  }

  /** Throws unless this is still the session. */
  protected expect(sessionId: string | undefined): void {
    if (sessionId !== this.#state.sessionId) throw new SessionChanged();
  }

  protected async stored(): Promise<StoredToken | undefined> {
    try {
      return JSON.parse((await this.#storage?.getItem(this.#name))!);
    } catch {
      // There is none.
      return undefined;
    }
  }

  protected async renew(): Promise<void> {
    // Another tab was first.
    if (this.#isFresh()) return;
    if (this.#pause && left(this.#pause.until) > 0) throw this.#pause.error;
    const { sessionId } = this.#state;
    const stored = await this.stored();
    // A client without refresh tokens is signed out when its access token expires.
    if (this.#storage && !stored?.token) return this.share();
    try {
      const tokens = await this.renewal(stored?.token);
      // Without the lock, a sign-in may have come in between: its tokens are the newer ones.
      if (this.#state.sessionId !== sessionId) return this.doubt();
      await this.share({ session_id: stored?.id, refresh_token: stored?.token, ...tokens }, stored?.token);
      this.#failures = 0;
    } catch (error) {
      if (this.#state.sessionId !== sessionId || (await this.stored())?.token !== stored?.token) return this.doubt();
      if (isOver(error)) return this.share();
      this.#failures += 1;
      if (error instanceof Refused && error.retryAfter) this.#pause = { error, until: moment(error.retryAfter) };
      throw error;
    }
  }

  #isFresh(): boolean {
    return this.#accessToken !== undefined && left(this.#expires) > this.#ahead;
  }

  #refresh(): Promise<void> {
    const asked = performance.now();
    const renew = async () => {
      this.#disposed.signal.throwIfAborted();
      // What the tab brought that had the lock before comes by another way, and may come a moment after the lock.
      if (this.#tabs && performance.now() - asked > 5) await new Promise((resolve) => setTimeout(resolve, MESSAGE_MS));
      await this.renew();
    };
    this.#refreshing ??= this.alone(renew)
      .catch((error: unknown) => {
        this.#plan(Math.max(this.#pause ? left(this.#pause.until) : 0, RETRY_MS * 2 ** (this.#failures - 1) * (1 + Math.random() / 2)));
        throw error;
      })
      .finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  #sendWith(accessToken: string | undefined, input: RequestInfo | URL, init: RequestInit): Promise<Response> {
    const request = input instanceof Request ? input : undefined;
    const apis = this.#apis();
    // A token must never go to another host.
    const url = new URL(request?.url ?? String(input), apis[0]);
    if (!apis.includes(url.origin)) throw new TypeError(`${url.origin} does not get the access token (api)`);
    const headers = new Headers(init.headers ?? request?.headers);
    if (accessToken) headers.set("authorization", `Bearer ${accessToken}`);
    // Neither cookies nor the browser's cache: the token says who asks.
    return this.#send(request?.clone() ?? url, { credentials: "omit", cache: "no-store", ...init, headers });
  }

  /** A message of another tab. Tabs with a storage of their own have sessions of their own. */
  async #hear(message: Message): Promise<void> {
    const { id, tokens, replaced } = message;
    if (this.#storage) {
      const stored = await this.stored();
      if (id !== this.#state.sessionId && !(tokens && stored?.id === id)) return;
      // A duplicated tab has a copy of the storage. In a shared one, the newest token is there already, and a tab that was
      // frozen must not put an older one in its place.
      if (stored?.id === id && (!tokens || stored?.token === replaced)) await this.#keep(id, tokens);
    }
    this.#take(message);
  }

  #keep(id: string | undefined, tokens: TokenAnswer | undefined): unknown {
    return tokens ? this.#storage?.setItem(this.#name, JSON.stringify({ id, token: tokens.refresh_token })) : this.#storage?.removeItem(this.#name);
  }

  #take({ id, at, tokens }: Message): void {
    const life = tokens ? (tokens.expires_in ?? LIFE_S) * 1000 : 0;
    this.#accessToken = tokens?.access_token;
    // A tab that was frozen gets its messages late.
    this.#expires = moment(life - Math.max(0, Date.now() - at));
    this.#ahead = Math.min(AHEAD_MS, life / 4);
    this.csrf = tokens?.csrf_token;
    this.#set({ status: tokens ? "signed-in" : "signed-out", sessionId: tokens && id });
    this.#plan();
  }

  #set(change: Partial<SessionState>): void {
    const next = { ...this.#state, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = Object.freeze(next);
    if (!this.#disposed.signal.aborted) this.dispatchEvent(new Event("change"));
  }

  /** The next refresh: ahead of expiry, or a new try. Only while the tab is visible, and not before the app has asked. */
  #plan(wait = left(this.#expires) - this.#ahead): void {
    clearTimeout(this.#timer);
    const { status } = this.#state;
    if (!inPage || document.hidden || this.#disposed.signal.aborted || status === "signed-out" || (status === "unknown" && !this.#failures)) return;
    // Timers are early and late, and clocks are set: what counts is how it stands then.
    const look = () => (this.#isFresh() ? this.#plan() : this.#refresh().catch(() => {}));
    this.#timer = setTimeout(look, Math.min(Math.max(wait, 0), LOOK_MS));
  }
}

/** Tabs, visibility and the back/forward cache exist in pages alone. */
const inPage = typeof document !== "undefined";

const UNKNOWN: SessionState = Object.freeze({ status: "unknown", sessionId: undefined, offline: false });

/** Tokens, if that is what the answer is: a server of another kind must not end the session. */
export function asTokens(answer: unknown): TokenAnswer {
  if (typeof (answer as TokenAnswer | undefined)?.access_token !== "string") throw new Unreachable("The answer has no access token");
  return answer as TokenAnswer;
}

/** The session has ended; after every other error the server may be asked again. A 401 without this code is a proxy's. */
export function isOver(error: unknown): boolean {
  return error instanceof Refused && error.code === "invalid_grant";
}

/** The value, unless the caller gives up first. */
async function unless<T>(signal: AbortSignal | null | undefined, value: Promise<T>): Promise<T> {
  const done = new AbortController();
  const given = [value];
  if (signal) given.push(new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), done)));
  return Promise.race(given).finally(() => done.abort());
}
