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
/** A refresh that takes longer has failed: it holds the lock that all tabs wait for. Trying it again is safe. */
const TIMEOUT_MS = 15_000;
/** The wait after a failure that names none (`Retry-After`). */
const RETRY_MS = 5_000;

/** What Postern answered instead: `status`, and the stable `code` of docs/http-api.md. */
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
 * Dispatches `change` when somebody has signed in or out, in this tab or another one; then `sessionId` is another one.
 * Whoever shows personal matters forgets them then: the next session may be another user's.
 */
export class Session extends EventTarget {
  /** The session's id; undefined when nobody is signed in. */
  sessionId;
  #base;
  #accessToken;
  #freshUntil = 0;
  #csrfToken;
  #timer;
  #tabs;
  #lock;

  /** `base` is Postern's origin, such as "https://auth.example.com"; "" when the page comes through Postern itself. */
  constructor(base = "") {
    super();
    this.#base = base;
    // Two Posterns under one page's origin are two sessions.
    this.#lock = `postern ${base}`;
    this.#tabs = new BroadcastChannel(this.#lock);
    this.#tabs.onmessage = ({ data: tokens }) => this.#take(tokens);
    // A background tab does not refresh by itself (its timers are late anyway): it does so once it is looked at.
    document.addEventListener("visibilitychange", () => this.#plan());
    // From the back/forward cache comes the page as it was, of a session that may have ended since.
    addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  }

  /** After loading: whether somebody is signed in already. */
  async start() {
    return (await this.#token()) !== undefined;
  }

  async signIn(login, password, deviceName) {
    // In the lock: a refresh of the former session that is under way must not put its cookie over the new one.
    await navigator.locks.request(this.#lock, async () => {
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
   * request sent once more; not one with a stream as its body, which can be read but once.
   */
  async fetch(path, init = {}) {
    const first = await this.#token();
    const answer = await this.#send(path, init, first);
    if (!first || !isTokenRefused(answer) || init.body instanceof ReadableStream) return answer;
    // Only the one that was refused: another tab may have brought a new one meanwhile.
    if (this.#accessToken === first) this.#freshUntil = 0;
    const second = await this.#token();
    return second ? this.#send(path, init, second) : answer;
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
    if (!this.#isFresh()) await this.#refresh();
    return this.#accessToken;
  }

  #isFresh() {
    return this.#accessToken !== undefined && Date.now() < this.#freshUntil;
  }

  #refresh() {
    return navigator.locks.request(this.#lock, async () => {
      // Another tab, or another call of this one, was first.
      if (this.#isFresh()) return;
      try {
        this.#share(await this.#withCsrf("/auth/refresh"));
      } catch (error) {
        if (!(error instanceof Refused) || error.status !== 401) throw error;
        this.#share(undefined);
      }
    });
  }

  #leave(path) {
    return navigator.locks.request(this.#lock, async () => {
      try {
        await this.#withCsrf(path);
      } catch (error) {
        // 401: it is over already. Everything else is for the user to know: he is not signed out.
        if (!(error instanceof Refused) || error.status !== 401) throw error;
      }
      this.#share(undefined);
    });
  }

  /** A call that is authorised by the cookie. */
  async #withCsrf(path) {
    // A page that was just loaded has no CSRF token. It serves for as long as the session lives.
    this.#csrfToken ??= await this.#freshCsrf();
    try {
      return await this.#call("POST", path, { csrf: this.#csrfToken });
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "csrf_failed") throw error;
      // The cookie is another session's by now: somebody signed in where no message reached this tab.
      this.#csrfToken = await this.#freshCsrf();
      return await this.#call("POST", path, { csrf: this.#csrfToken });
    }
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
    const lifetime = (tokens?.expires_in ?? 0) * 1000;
    const shared = tokens && {
      accessToken: tokens.access_token,
      freshUntil: Date.now() + lifetime - Math.min(AHEAD_MS, lifetime / 4),
      csrfToken: tokens.csrf_token,
      sessionId: tokens.session_id,
    };
    this.#take(shared);
    this.#tabs.postMessage(shared);
  }

  #take(tokens) {
    const before = this.sessionId;
    this.#accessToken = tokens?.accessToken;
    this.#freshUntil = tokens?.freshUntil ?? 0;
    this.#csrfToken = tokens?.csrfToken;
    this.sessionId = tokens?.sessionId;
    this.#plan();
    if (before !== this.sessionId) this.dispatchEvent(new Event("change"));
  }

  /** The next refresh ahead of expiry, while somebody looks at this tab. */
  #plan(wait = this.#freshUntil - Date.now()) {
    clearTimeout(this.#timer);
    if (this.#accessToken === undefined || document.hidden) return;
    this.#timer = setTimeout(async () => {
      try {
        await this.#token();
      } catch (error) {
        this.#plan(error.retryAfter ?? RETRY_MS);
      }
    }, Math.max(wait, 0));
  }
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
