import { left, moment, type Moment } from "./clock.ts";
import { challenge, PosternError, refused, Refused, SessionChanged, StepUpRequired, Unreachable } from "./errors.ts";
import type { StoredToken, TokenStorage } from "./storage.ts";

/** Refresh so long before expiry, in milliseconds: a slow network and a drifting clock fit in. At most a quarter of the life. */
const AHEAD_MS = 60_000;
/** A call that takes longer has failed. A refresh can be repeated safely. */
export const TIMEOUT_MS = 15_000;
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
export interface Snapshot {
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
  token_type?: string;
  expires_in?: number;
  session_id?: string;
  refresh_token?: string;
  csrf_token?: string;
}

/** Adds proofs of possession (RFC 9449) to requests: `@postern/client/dpop`. */
export interface Dpop {
  /** The thumbprint of the key, `dpop_jkt`. */
  readonly thumbprint: string;
  /** Makes a proof, lets `attempt` send it, and repeats that once if the server asks for a nonce. */
  send(method: string, url: string, accessToken: string | undefined, attempt: (proof: string) => Promise<Response>): Promise<Response>;
}

export interface BaseOptions {
  /**
   * The origins that may get the access token, such as "https://api.example.com"; paths are joined to the first one.
   * Without it, the origin that issues the tokens.
   */
  api?: string | readonly string[] | undefined;
  /** Runs when the browser restores the page from its back/forward cache, of a session that may have ended since. Without it, the page is reloaded. */
  onRestored?: (() => void) | undefined;
  /** Sends all requests; `globalThis.fetch` without it. */
  fetch?: typeof globalThis.fetch | undefined;
}

/** What the tabs of a browser send each other. */
interface Message {
  sessionId: string | undefined;
  /** Undefined: that session is over. */
  tokens: { accessToken: string; life: number; at: number; csrf: string | undefined; refreshToken: string | undefined } | undefined;
}

/** What `@postern/client` does alike for both kinds of sessions: it keeps the access token in memory, renews it, and sends it. */
export abstract class BaseSession extends EventTarget {
  #snapshot: Snapshot = UNKNOWN;
  #accessToken: string | undefined;
  #expires: Moment = moment(0);
  /** How long ahead of expiry the token is refreshed. */
  #ahead = 0;
  /** An access token that was refused although a refresh had just brought it: to refresh again would bring the same. */
  #useless: string | undefined;
  #refreshing: Promise<void> | undefined;
  /** The server's last word on when to come again, and until when it holds. */
  #pause: { until: Moment; error: unknown } = { until: moment(0), error: undefined };
  #failures = 0;
  /** Somebody asked for the session: until then nothing is sent. */
  #wanted = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #tabs: BroadcastChannel | undefined;
  readonly #disposed = new AbortController();
  readonly #apis: () => string[];
  readonly #name: string;
  readonly #storage: TokenStorage | undefined;
  readonly #fetch: typeof globalThis.fetch;
  readonly #dpop: Dpop | undefined;
  /** The CSRF token of the session in the cookie. */
  protected csrf: string | undefined;

  protected constructor(name: string, issuer: string, options: BaseOptions, storage?: TokenStorage, dpop?: Dpop) {
    super();
    // Two servers under one page's origin are two sessions.
    this.#name = `postern ${name}`;
    // Later, as a page that is rendered on a server has no origin of its own there.
    this.#apis = () => [options.api ?? issuer].flat().map((url) => new URL(url, globalThis.location?.origin).origin);
    this.#storage = storage;
    this.#dpop = dpop;
    this.#fetch = options.fetch ?? ((...request) => globalThis.fetch(...request));
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
  get snapshot(): Snapshot {
    return this.#snapshot;
  }

  /** Runs `listener` after each change of the snapshot, in this tab or another; returns a function that stops it. Nothing waits for it. */
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
    this.#wanted = true;
    if (this.#snapshot.status === "signed-out" || this.#isFresh()) return this.#accessToken;
    // It comes ahead of need: nothing waits for it while the token in hand is good for a moment, and that one serves
    // until it expires.
    const refreshing = this.#refresh().catch((error: unknown) => {
      if (this.peek() === undefined) throw error;
    });
    if (left(this.#expires) <= this.#ahead / 4) await refreshing;
    return this.#accessToken;
  };

  /** Finds out if the user is signed in; also again after they were signed out. Rejects as `get` does. */
  async start(): Promise<Snapshot> {
    this.#wanted = true;
    if (!this.#isFresh()) await this.#refresh();
    return this.#snapshot;
  }

  /**
   * `fetch` with the access token, for the origins in `api`. A refused token is refreshed and the request sent once more,
   * unless its body is a stream, which can be read only once. Rejects with `SessionChanged` if the session in which the
   * request was made is over before the answer is there, and with `StepUpRequired` if the API asks for another sign-in.
   */
  readonly fetch: typeof globalThis.fetch = async (input, init = {}) => {
    let session = this.#snapshot.sessionId;
    const expect = (answer?: Response) => {
      if (session === undefined || session === this.#snapshot.sessionId) return;
      answer?.body?.cancel().catch(() => {});
      throw new SessionChanged();
    };
    const signal = init.signal ?? (input instanceof Request ? input.signal : undefined);
    const first = await unless(signal, this.get());
    // The first call of a page finds out who is signed in.
    session ??= this.#snapshot.sessionId;
    expect();
    const answer = await this.#send(input, init, first);
    expect(answer);
    const error = answer.status === 401 ? challenge(answer, "error") : undefined;
    if (error === "insufficient_user_authentication") throw new StepUpRequired(answer);
    if (!first || error !== "invalid_token" || first === this.#useless || init.body instanceof ReadableStream) return answer;
    // Only the one that was refused: another tab may have brought a new one meanwhile.
    if (this.#accessToken === first) this.#expires = moment(0);
    const second = await unless(signal, this.get());
    expect(answer);
    if (!second || second === first) return answer;
    const again = await this.#send(input, init, second);
    expect(again);
    if (again.status === 401) this.#useless = second;
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
  protected async call(url: string, init: RequestInit = {}): Promise<unknown> {
    let answer: Response;
    let text: string;
    try {
      const send = (headers: HeadersInit) => this.#fetch(url, { ...init, headers, cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
      const proved = this.#dpop && init.body instanceof URLSearchParams;
      answer = await (proved ? this.#dpop!.send("POST", url, undefined, (proof) => send({ dpop: proof })) : send(init.headers ?? {}));
      if (!answer.ok) throw await refused(answer);
      text = await answer.text();
      this.#set({ offline: false });
      return text === "" ? undefined : JSON.parse(text);
    } catch (error) {
      this.#set({ offline: !(error instanceof Refused) });
      throw reachable(error, url);
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

  /** Keeps the tokens and passes them to all tabs; undefined if the session is over. */
  protected async share(tokens: TokenAnswer | undefined, refreshToken?: string): Promise<void> {
    this.#wanted = true;
    if (tokens !== undefined && typeof tokens?.access_token !== "string") throw new Unreachable("The answer has no access token");
    const { sessionId } = this.#snapshot;
    const id = tokens ? (tokens.session_id ?? sessionId ?? crypto.randomUUID()) : sessionId;
    const token = tokens?.refresh_token ?? refreshToken;
    if (this.#storage) await (tokens && token ? this.#storage.setItem(this.#name, JSON.stringify({ id, token })) : this.#storage.removeItem(this.#name));
    const message: Message = {
      sessionId: id,
      tokens: tokens && { accessToken: tokens.access_token, life: (tokens.expires_in ?? LIFE_S) * 1000, at: Date.now(), csrf: tokens.csrf_token, refreshToken: this.#storage && token },
    };
    if (this.#disposed.signal.aborted) return;
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
    if (sessionId !== this.#snapshot.sessionId) throw new SessionChanged();
  }

  protected async stored(): Promise<StoredToken | undefined> {
    const text = await this.#storage?.getItem(this.#name);
    try {
      return text ? JSON.parse(text) : undefined;
    } catch {
      return undefined;
    }
  }

  protected async renew(): Promise<void> {
    // Another tab was first.
    if (this.#isFresh()) return;
    if (left(this.#pause.until) > 0) throw this.#pause.error;
    const { sessionId } = this.#snapshot;
    const stored = await this.stored();
    if (this.#storage && !stored) return this.share(undefined);
    try {
      const tokens = await this.renewal(stored?.token);
      // Without the lock, a sign-in may have come in between: its tokens are the newer ones.
      if (this.#snapshot.sessionId !== sessionId) return this.doubt();
      await this.share(tokens && stored ? { ...tokens, session_id: tokens.session_id ?? stored.id } : (tokens ?? null), stored?.token);
      this.#failures = 0;
    } catch (error) {
      if (this.#snapshot.sessionId !== sessionId || (await this.stored())?.token !== stored?.token) return this.doubt();
      if (isOver(error)) return this.share(undefined);
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
    this.#refreshing ??= this.alone(renew).finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #send(input: RequestInfo | URL, init: RequestInit, accessToken: string | undefined): Promise<Response> {
    const request = input instanceof Request ? input : undefined;
    // A token must never go to another host.
    const apis = this.#apis();
    const url = new URL(request?.url ?? String(input), apis[0]);
    if (!apis.includes(url.origin)) throw new TypeError(`${url.origin} is not among the origins that get the access token (api)`);
    const headers = new Headers(init.headers ?? request?.headers);
    // Neither cookies nor the browser's cache: the token says who asks.
    const send = () => this.#fetch(request?.clone() ?? url, { credentials: "omit", cache: "no-store", ...init, headers });
    if (!accessToken) return send();
    headers.set("authorization", `${this.#dpop ? "DPoP" : "Bearer"} ${accessToken}`);
    return this.#dpop
      ? this.#dpop.send(init.method ?? request?.method ?? "GET", url.href, accessToken, (proof) => (headers.set("dpop", proof), send()))
      : send();
  }

  /** A message of another tab. Tabs with a storage of their own have sessions of their own. */
  async #hear(message: Message): Promise<void> {
    const { sessionId, tokens } = message;
    if (this.#storage && sessionId !== this.#snapshot.sessionId && (!tokens || (await this.stored())?.id !== sessionId)) return;
    // A duplicated tab has a copy of the storage, and the refresh token in it was just replaced.
    if (this.#storage && tokens?.refreshToken) await this.#storage.setItem(this.#name, JSON.stringify({ id: sessionId, token: tokens.refreshToken }));
    this.#take(message);
  }

  #take({ sessionId, tokens }: Message): void {
    const life = tokens?.life ?? 0;
    // A tab that was frozen gets its messages late.
    const age = Math.max(0, Date.now() - (tokens?.at ?? 0));
    this.#accessToken = tokens?.accessToken;
    this.#expires = moment(life - age);
    this.#ahead = Math.min(AHEAD_MS, life / 4);
    this.csrf = tokens?.csrf;
    this.#plan();
    this.#set({ status: tokens ? "signed-in" : "signed-out", sessionId: tokens && sessionId });
  }

  #set(change: Partial<Snapshot>): void {
    const next = { ...this.#snapshot, ...change };
    if (next.status === this.#snapshot.status && next.sessionId === this.#snapshot.sessionId && next.offline === this.#snapshot.offline) return;
    this.#snapshot = Object.freeze(next);
    if (!this.#disposed.signal.aborted) this.dispatchEvent(new Event("change"));
  }

  /** The next refresh ahead of expiry, while the tab is visible. */
  #plan(wait = left(this.#expires) - this.#ahead): void {
    clearTimeout(this.#timer);
    if (!inPage || !this.#wanted || this.#snapshot.status === "signed-out" || document.hidden || this.#disposed.signal.aborted) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(wait, 0), LOOK_MS));
  }

  /** Timers are early and late, and clocks are set: what counts is how it stands now. */
  async #look(): Promise<void> {
    if (this.#isFresh()) return this.#plan();
    try {
      await this.#refresh();
    } catch {
      const pause = left(this.#pause.until);
      this.#plan(pause > 0 ? pause : RETRY_MS * 2 ** (this.#failures - 1) * (1 + Math.random() / 2));
    }
  }
}

/** Tabs, visibility and the back/forward cache exist in pages alone. */
const inPage = typeof document !== "undefined";

const UNKNOWN: Snapshot = Object.freeze({ status: "unknown", sessionId: undefined, offline: false });

/** An error of ours, or the news that no answer came. */
export function reachable(error: unknown, url: string): unknown {
  return error instanceof PosternError ? error : new Unreachable(`No answer from ${url}`, { cause: error });
}

/** The session has ended; after every other error the server may be asked again. A 401 without a code is that of a proxy. */
export function isOver(error: unknown): boolean {
  return error instanceof Refused && (error.code === "invalid_grant" || (error.status === 401 && error.code !== undefined && error.code !== "invalid_client"));
}

/** The value, unless the caller gives up first. */
function unless<T>(signal: AbortSignal | null | undefined, value: Promise<T>): Promise<T> {
  if (!signal) return value;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop);
  });
  value.catch(() => {});
  return Promise.race([value, aborted]).finally(() => signal.removeEventListener("abort", stop));
}
