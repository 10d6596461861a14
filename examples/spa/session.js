// A session with Postern in a single-page app, without dependencies: copy this file into yours.
//
// - The access token is in memory alone, the refresh token in a cookie that no script can read.
// - One refresh at a time over all tabs (a Web Lock), and every tab gets what it brought (a BroadcastChannel).
// - A refresh that failed for want of network, or because Postern said 429 or 503, ends nothing: it can be tried again.
//   Only 401 means that the session is over.

/**
 * Refresh so long before the access token expires, in milliseconds: a slow network and a drifting clock fit in. At
 * most a quarter of its life, or very short ones would be refreshed all the time.
 */
const AHEAD_MS = 60_000;
/** A refresh that takes longer has failed. Trying it again is safe. */
const TIMEOUT_MS = 15_000;
/** A lock that is held longer is that of a tab which hangs. Refreshing without it is safe: both get the same tokens. */
const LOCK_MS = 5_000;
/** How long a message from tab to tab takes at most, when all is well. */
const MESSAGE_MS = 100;
/** The wait after a failure that names none (`Retry-After`). */
const RETRY_MS = 5_000;
/** How often a tab that is looked at looks at its clocks: after a sleep, and when one was set. */
const LOOK_MS = 60_000;

/** What Postern answered instead: `status`, and the stable `code` of docs/reference/http-api.md. */
export class Refused extends Error {
  constructor(status, problem, retryAfter) {
    super(problem?.title ?? `status ${status}`);
    this.status = status;
    this.code = problem?.code;
    /** When to come again, in milliseconds; undefined when Postern does not say. */
    this.retryAfter = retryAfter;
  }
}

/**
 * The request was made in a session that is not this browser's any more: it ended, or somebody else signed in. It was not
 * sent as anybody else; whether it was carried out is not known when its answer came too late.
 */
export class SessionChanged extends Error {
  constructor() {
    super("The session in which this was begun is not the present one");
  }
}

/**
 * Dispatches `change` when somebody has signed in or out, in this tab or another one; then `sessionId` is another one.
 * Whoever shows personal matters forgets them then: the next session may be another user's.
 */
export class Session extends EventTarget {
  /** The session's id; undefined when nobody is signed in. */
  sessionId;
  #base;
  #accessToken;
  /** When it expires, and how long ahead of that it is refreshed. */
  #expires = moment(0);
  #ahead = 0;
  #csrfToken;
  #refreshing;
  /** Postern's last word on when to come again, and until when it holds. */
  #pause = { until: moment(0) };
  #timer;
  #tabs;
  #lock;

  /** `base` is Postern's origin, such as "https://auth.example.com"; "" when the page comes through Postern itself. */
  constructor(base = "") {
    super();
    this.#base = base;
    // Two Posterns under one page's origin are two sessions.
    this.#lock = `postern ${base}`;
    try {
      this.#tabs = new BroadcastChannel(this.#lock);
      this.#tabs.onmessage = ({ data: tokens }) => this.#take(tokens);
    } catch {
      // Where storage is blocked each tab refreshes for itself.
    }
    // A background tab does not refresh by itself (its timers are late anyway): it does so once it is looked at.
    document.addEventListener("visibilitychange", () => this.#plan());
    addEventListener("online", () => this.#plan());
    // From the back/forward cache comes the page as it was, of a session that may have ended since.
    addEventListener("pageshow", ({ persisted }) => (persisted ? location.reload() : this.#plan()));
  }

  /** After loading: whether somebody is signed in already. */
  async start() {
    return (await this.#token()) !== undefined;
  }

  async signIn(login, password, deviceName) {
    // In the lock: a refresh of the former session that is under way must not put its cookie over the new one.
    await this.#alone(async () => {
      const tokens = await this.#call("POST", "/auth/login", { json: { login, password, device_name: deviceName } });
      this.#share(tokens);
    });
  }

  signOut() {
    return this.#leave("/auth/logout");
  }

  signOutEverywhere() {
    return this.#leave("/auth/logout-all");
  }

  /** The user's sessions, on all devices. */
  async sessions() {
    const answer = await this.fetch("/auth/sessions");
    if (!answer.ok) throw await refused(answer);
    return (await answer.json()).sessions;
  }

  /** Ends a session on another device. */
  async end(sessionId) {
    const answer = await this.fetch(`/auth/sessions/${encodeURIComponent(sessionId)}`, { method: "DELETE" });
    // 404: it had ended by itself.
    if (!answer.ok && answer.status !== 404) throw await refused(answer);
  }

  /**
   * `fetch` with the access token, for paths behind Postern's gate. When the token is refused it is refreshed and the
   * request sent once more; not one with a stream as its body, which can be read but once. A request belongs to the
   * session it was made in: it rejects with `SessionChanged` when that is over before the answer is there.
   */
  async fetch(path, init = {}) {
    let session = this.sessionId;
    const first = await this.#token();
    // The first call of a page finds out who is signed in.
    session ??= this.sessionId;
    this.#expect(session);
    const answer = await this.#send(path, init, first);
    this.#expect(session, answer);
    if (!first || !isTokenRefused(answer) || init.body instanceof ReadableStream) return answer;
    // Only the one that was refused: another tab may have brought a new one meanwhile.
    if (this.#accessToken === first) this.#expires = moment(0);
    const second = await this.#token();
    this.#expect(session, answer);
    if (!second) return answer;
    const again = await this.#send(path, init, second);
    this.#expect(session, again);
    return again;
  }

  #expect(session, answer) {
    if (session === undefined || session === this.sessionId) return;
    // Nobody will read it.
    answer?.body?.cancel().catch(() => {});
    throw new SessionChanged();
  }

  #send(path, init, accessToken) {
    const headers = new Headers(init.headers);
    if (accessToken) headers.set("authorization", `Bearer ${accessToken}`);
    // A token must never go to another host: `path` is joined to the base, and an absolute URL is refused.
    const url = new URL(this.#base + path, location.origin);
    if (url.origin !== new URL(this.#base || location.origin).origin) throw new TypeError(`not behind Postern: ${path}`);
    // Neither cookies nor the browser's cache: the token says who asks.
    return fetch(url, { credentials: "omit", cache: "no-store", ...init, headers });
  }

  /** An access token that is good for a while; undefined when nobody is signed in. */
  async #token() {
    try {
      if (!this.#isFresh()) await this.#refresh();
    } catch (error) {
      // Refreshing comes ahead of need: what there is serves until it expires.
      if (this.#accessToken === undefined || left(this.#expires) <= 0) throw error;
    }
    return this.#accessToken;
  }

  #isFresh() {
    return this.#accessToken !== undefined && left(this.#expires) > this.#ahead;
  }

  /** Runs `work` while no other tab runs its own; after a while, or without Web Locks, all the same. */
  async #alone(work) {
    let begun = false;
    const begin = () => ((begun = true), work());
    try {
      return await navigator.locks.request(this.#lock, { signal: AbortSignal.timeout(LOCK_MS) }, begin);
    } catch (error) {
      if (begun) throw error;
      return work();
    }
  }

  #refresh() {
    const asked = performance.now();
    const renew = async () => {
      // What the tab brought that had the lock before comes by another way, and may come a moment after the lock.
      if (performance.now() - asked > 5) await new Promise((resolve) => setTimeout(resolve, MESSAGE_MS));
      await this.#renew();
    };
    this.#refreshing ??= this.#alone(renew).finally(() => (this.#refreshing = undefined));
    return this.#refreshing;
  }

  async #renew() {
    // Another tab was first.
    if (this.#isFresh()) return;
    if (left(this.#pause.until) > 0) throw this.#pause.error;
    const session = this.sessionId;
    try {
      const tokens = await this.#withCsrf("/auth/refresh");
      // Without the lock a sign-in may have come in between, and nobody knows whose cookie was last.
      if (this.sessionId === session) this.#share(tokens);
      else this.#doubt();
    } catch (error) {
      if (this.sessionId !== session) return this.#doubt();
      if (isOver(error)) return this.#share(undefined);
      if (error.retryAfter) this.#pause = { error, until: moment(error.retryAfter) };
      throw error;
    }
  }

  /** The cookie decides whose session it is: the next call asks. */
  #doubt() {
    this.#csrfToken = undefined;
    this.#expires = moment(0);
    this.#plan();
  }

  #leave(path) {
    const session = this.sessionId;
    return this.#alone(async () => {
      this.#expect(session);
      try {
        await this.#withCsrf(path, async () => {
          // Whose cookie it is by now, its refresh tells. Nobody signs out somebody else.
          this.#doubt();
          await this.#renew();
          this.#expect(session);
        });
      } catch (error) {
        // Everything else is for the user to know: he is not signed out.
        if (!isOver(error)) throw error;
      }
      this.#share(undefined);
    });
  }

  /** A call that is authorised by the cookie. */
  async #withCsrf(path, onOtherSession) {
    // A page that was just loaded has no CSRF token. It serves for as long as the session lives.
    this.#csrfToken ??= await this.#freshCsrf();
    try {
      return await this.#call("POST", path, { csrf: this.#csrfToken });
    } catch (error) {
      if (error.code !== "csrf_failed") throw error;
    }
    // The cookie is another session's by now: somebody signed in where no message reached this tab.
    this.#csrfToken = undefined;
    await onOtherSession?.();
    this.#csrfToken ??= await this.#freshCsrf();
    return this.#call("POST", path, { csrf: this.#csrfToken });
  }

  async #freshCsrf() {
    return (await this.#call("GET", "/auth/csrf")).csrf_token;
  }

  async #call(method, path, { json, csrf } = {}) {
    const headers = new Headers();
    if (json) headers.set("content-type", "application/json");
    if (csrf) headers.set("x-csrf-token", csrf);
    const answer = await fetch(this.#base + path, {
      method,
      headers,
      body: json && JSON.stringify(json),
      credentials: "include",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (!answer.ok) throw await refused(answer);
    return answer.status === 204 ? undefined : answer.json();
  }

  /** Tells all tabs, this one too. */
  #share(tokens) {
    // What other tabs need; the refresh token is in no answer that a page gets.
    const shared = tokens && {
      accessToken: tokens.access_token,
      lifetime: tokens.expires_in * 1000,
      at: Date.now(),
      csrfToken: tokens.csrf_token,
      sessionId: tokens.session_id,
    };
    this.#take(shared);
    this.#tabs?.postMessage(shared);
  }

  #take(tokens) {
    const before = this.sessionId;
    const lifetime = tokens?.lifetime ?? 0;
    // A tab that was frozen gets its messages late.
    const age = Math.max(0, Date.now() - (tokens?.at ?? 0));
    this.#accessToken = tokens?.accessToken;
    this.#expires = moment(lifetime - age);
    this.#ahead = Math.min(AHEAD_MS, lifetime / 4);
    this.#csrfToken = tokens?.csrfToken;
    this.sessionId = tokens?.sessionId;
    this.#plan();
    if (before !== this.sessionId) this.dispatchEvent(new Event("change"));
  }

  /** The next refresh ahead of expiry, while somebody looks at this tab. */
  #plan(wait = left(this.#expires) - this.#ahead) {
    clearTimeout(this.#timer);
    if (this.#accessToken === undefined || document.hidden) return;
    this.#timer = setTimeout(() => this.#look(), Math.min(Math.max(wait, 0), LOOK_MS));
  }

  /** Timers are early and late, and clocks are set: what counts is how it stands now. */
  async #look() {
    if (this.#isFresh()) return this.#plan();
    try {
      await this.#refresh();
    } catch {
      const pause = left(this.#pause.until);
      this.#plan(pause > 0 ? pause : RETRY_MS);
    }
  }
}

/** A moment so many milliseconds from now, by both clocks: one can be set, the other may stand still in a sleep. */
function moment(ms) {
  return { wall: Date.now() + ms, steady: performance.now() + ms };
}

/** How long until then, by the clock that says less. */
function left({ wall, steady }) {
  return Math.min(wall - Date.now(), steady - performance.now());
}

/** The session has ended; after everything else Postern may be asked again. */
function isOver(error) {
  return error instanceof Refused && (error.status === 401 || error.code === "invalid_grant");
}

/** Whether a new access token would help (RFC 6750 section 3.1); a lack of rights, or of a recent sign-in, it would not. */
function isTokenRefused(answer) {
  return answer.status === 401 && /error="invalid_token"/.test(answer.headers.get("www-authenticate") ?? "");
}

async function refused(answer) {
  const seconds = Number(answer.headers.get("retry-after"));
  const problem = await answer.json().catch(() => undefined);
  return new Refused(answer.status, problem, seconds > 0 ? seconds * 1000 : undefined);
}
