// @postern/client, written by packages/client/scripts/example.mjs: do not edit. An app of yours installs it by npm.

function moment(ms) {
  return { wall: Date.now() + ms, steady: performance.now() + ms };
}
function left({ wall, steady }) {
  return Math.min(wall - Date.now(), steady - performance.now());
}

var PosternError = class extends Error {
};
var Refused = class extends PosternError {
  name = "Refused";
  constructor(status, problem = {}, retryAfter) {
    super(problem.title ?? problem.error_description ?? `The server answered ${status}`);
    this.status = status;
    this.code = problem.code ?? problem.error;
    this.problem = problem;
    this.retryAfter = retryAfter;
  }
};
var Unreachable = class extends PosternError {
  name = "Unreachable";
};
var SessionChanged = class extends PosternError {
  name = "SessionChanged";
  constructor() {
    super("The session of this request is over");
  }
};
var StepUpRequired = class extends PosternError {
  name = "StepUpRequired";
  constructor(response) {
    super("The API asks for another sign-in");
    this.response = response;
    this.acrValues = challenge(response, "acr_values")?.split(" ").filter(Boolean) ?? [];
    const age = challenge(response, "max_age");
    this.maxAge = age === void 0 ? void 0 : Number(age);
  }
};
function challenge(response, parameter) {
  return new RegExp(`\\b${parameter}="?([^",]*)`).exec(response.headers.get("www-authenticate") ?? "")?.[1];
}
async function refused(answer) {
  const seconds = Number(answer.headers.get("retry-after"));
  const problem = await answer.json().catch(() => void 0);
  return new Refused(answer.status, typeof problem === "object" && problem ? problem : {}, seconds > 0 ? seconds * 1e3 : void 0);
}

var AHEAD_MS = 6e4;
var TIMEOUT_MS = 15e3;
var LOCK_MS = 5e3;
var MESSAGE_MS = 100;
var RETRY_MS = 5e3;
var LOOK_MS = 6e4;
var LIFE_S = 300;
var BaseSession = class extends EventTarget {
  #state = UNKNOWN;
  #accessToken;
  #expires = moment(0);
  /** How long ahead of expiry the token is refreshed. */
  #ahead = 0;
  /** An access token that was refused although a refresh had just brought it: to refresh again would bring the same. */
  #useless;
  #refreshing;
  /** The server's last word on when to come again, and until when it holds. */
  #pause;
  /** Of refreshes since the last one that was answered with tokens. */
  #failures = 0;
  #timer;
  #tabs;
  #disposed = new AbortController();
  #apis;
  #name;
  #storage;
  /** `fetch`, without an access token. */
  #send;
  /** The CSRF token of the session in the cookie. */
  csrf;
  constructor(name, issuer, options, storage, dpop) {
    super();
    this.#name = `postern ${name}`;
    this.#apis = () => [options.api ?? [], issuer].flat().map((url) => new URL(url).origin);
    this.#storage = storage;
    const send = options.fetch ?? ((...request) => globalThis.fetch(...request));
    this.#send = dpop ? (input, init = {}) => dpop.fetch(input, init, send) : send;
    if (!inPage) return;
    const on = (target, event, act) => target.addEventListener(event, act, { signal: this.#disposed.signal });
    try {
      this.#tabs = new BroadcastChannel(this.#name);
      this.#tabs.onmessage = ({ data }) => void this.#hear(data).catch(() => {
      });
    } catch {
    }
    on(document, "visibilitychange", () => this.#plan());
    on(globalThis, "online", () => this.#plan(0));
    on(globalThis, "pageshow", (event) => event.persisted ? (options.onRestored ?? (() => location.reload()))() : this.#plan());
  }
  /** What is known now; no network. */
  get state() {
    return this.#state;
  }
  /** Runs `listener` after each change of the state, in this tab or another; returns a function that stops it. Nothing waits for it. */
  subscribe = (listener) => {
    this.addEventListener("change", listener);
    return () => this.removeEventListener("change", listener);
  };
  /** The access token, unless it has expired; no network. */
  peek = () => left(this.#expires) > 0 ? this.#accessToken : void 0;
  /**
   * An access token that is good for a while, refreshed if needed; undefined if the user is signed out. Rejects with
   * `Unreachable` or `Refused` if the server cannot be asked now.
   */
  get = async () => {
    if (this.#state.status === "signed-out" || this.#isFresh()) return this.#accessToken;
    const wait = left(this.#expires) <= this.#ahead / 4;
    const refreshing = this.#refresh().catch((error) => {
      if (wait && this.peek() === void 0) throw error;
    });
    if (wait) await refreshing;
    return this.#accessToken;
  };
  /** Finds out if the user is signed in; also again after they were signed out. Rejects as `get` does. */
  async start() {
    await (this.#state.status === "signed-out" ? this.#refresh() : this.get());
    return this.#state;
  }
  /**
   * `fetch` with the access token, for the origins in `api`. A refused token is refreshed and the request sent once more,
   * unless its body is a stream, which can be read only once. Rejects with `SessionChanged` if the session in which the
   * request was made is over before the answer is there, and with `StepUpRequired` if the API asks for another sign-in.
   */
  fetch = async (input, init = {}) => {
    let session = this.#state.sessionId;
    const expect = (answer2) => {
      if (session === void 0 || session === this.#state.sessionId) return;
      answer2?.body?.cancel().catch(() => {
      });
      throw new SessionChanged();
    };
    const judge = (answer2) => {
      expect(answer2);
      const error = answer2.status === 401 && challenge(answer2, "error");
      if (error === "insufficient_user_authentication") throw new StepUpRequired(answer2);
      return error === "invalid_token";
    };
    const signal = init.signal ?? (input instanceof Request ? input.signal : void 0);
    signal?.throwIfAborted();
    const first = await unless(signal, this.get());
    session ??= this.#state.sessionId;
    expect();
    const answer = await this.#sendWith(first, input, init);
    if (!judge(answer) || !first || first === this.#useless || init.body instanceof ReadableStream) return answer;
    if (this.#accessToken === first) this.#expires = moment(0);
    const second = await unless(signal, this.get());
    expect(answer);
    if (!second || second === first) return answer;
    answer.body?.cancel().catch(() => {
    });
    const again = await this.#sendWith(second, input, init);
    if (judge(again)) this.#useless = second;
    return again;
  };
  /** Stops timers and listeners, and forgets the token. The user stays signed in. */
  dispose() {
    this.#disposed.abort();
    this.#tabs?.close();
    clearTimeout(this.#timer);
    this.#accessToken = void 0;
    this.#expires = moment(0);
  }
  /** A call of the issuer's own, which is answered in time or not at all. */
  async call(url, init, send = this.#send) {
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
  async alone(work) {
    let begun = false;
    const begin = () => (begun = true, work());
    if (!inPage) return begin();
    try {
      return await navigator.locks.request(this.#name, { signal: AbortSignal.timeout(LOCK_MS) }, begin);
    } catch (error) {
      if (begun) throw error;
      return begin();
    }
  }
  /** Keeps the tokens and passes them to all tabs; without any, the session is over. */
  async share(tokens, replaced) {
    const id = tokens?.session_id ?? this.#state.sessionId;
    await this.#keep(id, tokens);
    if (this.#disposed.signal.aborted) return;
    const message = { id, at: Date.now(), tokens, replaced };
    this.#tabs?.postMessage(message);
    this.#take(message);
  }
  /** Whose session it is now, the next call finds out. */
  doubt() {
    this.csrf = void 0;
    this.#expires = moment(0);
    this.#plan();
  }
  /** Throws unless this is still the session. */
  expect(sessionId) {
    if (sessionId !== this.#state.sessionId) throw new SessionChanged();
  }
  async stored() {
    try {
      return JSON.parse(await this.#storage?.getItem(this.#name));
    } catch {
      return void 0;
    }
  }
  async renew() {
    if (this.#isFresh()) return;
    if (this.#pause && left(this.#pause.until) > 0) throw this.#pause.error;
    const { sessionId } = this.#state;
    const stored = await this.stored();
    if (this.#storage && !stored?.token) return this.share();
    try {
      const tokens = await this.renewal(stored?.token);
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
  #isFresh() {
    return this.#accessToken !== void 0 && left(this.#expires) > this.#ahead;
  }
  #refresh() {
    const asked = performance.now();
    const renew = async () => {
      this.#disposed.signal.throwIfAborted();
      if (this.#tabs && performance.now() - asked > 5) await new Promise((resolve) => setTimeout(resolve, MESSAGE_MS));
      await this.renew();
    };
    this.#refreshing ??= this.alone(renew).catch((error) => {
      this.#plan(Math.max(this.#pause ? left(this.#pause.until) : 0, RETRY_MS * 2 ** (this.#failures - 1) * (1 + Math.random() / 2)));
      throw error;
    }).finally(() => this.#refreshing = void 0);
    return this.#refreshing;
  }
  #sendWith(accessToken, input, init) {
    const request = input instanceof Request ? input : void 0;
    const apis = this.#apis();
    const url = new URL(request?.url ?? String(input), apis[0]);
    if (!apis.includes(url.origin)) throw new TypeError(`${url.origin} does not get the access token (api)`);
    const headers = new Headers(init.headers ?? request?.headers);
    if (accessToken) headers.set("authorization", `Bearer ${accessToken}`);
    return this.#send(request?.clone() ?? url, { credentials: "omit", cache: "no-store", ...init, headers });
  }
  /** A message of another tab. Tabs with a storage of their own have sessions of their own. */
  async #hear(message) {
    const { id, tokens, replaced } = message;
    if (this.#storage) {
      const stored = await this.stored();
      if (id !== this.#state.sessionId && !(tokens && stored?.id === id)) return;
      if (stored?.id === id && (!tokens || stored?.token === replaced)) await this.#keep(id, tokens);
    }
    this.#take(message);
  }
  #keep(id, tokens) {
    return tokens ? this.#storage?.setItem(this.#name, JSON.stringify({ id, token: tokens.refresh_token })) : this.#storage?.removeItem(this.#name);
  }
  #take({ id, at, tokens }) {
    const life = tokens ? (tokens.expires_in ?? LIFE_S) * 1e3 : 0;
    this.#accessToken = tokens?.access_token;
    this.#expires = moment(life - Math.max(0, Date.now() - at));
    this.#ahead = Math.min(AHEAD_MS, life / 4);
    this.csrf = tokens?.csrf_token;
    this.#set({ status: tokens ? "signed-in" : "signed-out", sessionId: tokens && id });
    this.#plan();
  }
  #set(change) {
    const next = { ...this.#state, ...change };
    if (JSON.stringify(next) === JSON.stringify(this.#state)) return;
    this.#state = Object.freeze(next);
    if (!this.#disposed.signal.aborted) this.dispatchEvent(new Event("change"));
  }
  /** The next refresh: ahead of expiry, or a new try. Only while the tab is visible, and not before the app has asked. */
  #plan(wait = left(this.#expires) - this.#ahead) {
    clearTimeout(this.#timer);
    const { status } = this.#state;
    if (!inPage || document.hidden || this.#disposed.signal.aborted || status === "signed-out" || status === "unknown" && !this.#failures) return;
    const look = () => this.#isFresh() ? this.#plan() : this.#refresh().catch(() => {
    });
    this.#timer = setTimeout(look, Math.min(Math.max(wait, 0), LOOK_MS));
  }
};
var inPage = typeof document !== "undefined";
var UNKNOWN = Object.freeze({ status: "unknown", sessionId: void 0, offline: false });
function asTokens(answer) {
  if (typeof answer?.access_token !== "string") throw new Unreachable("The answer has no access token");
  return answer;
}
function isOver(error) {
  return error instanceof Refused && error.code === "invalid_grant";
}
async function unless(signal, value) {
  const done = new AbortController();
  const given = [value];
  if (signal) given.push(new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason), done)));
  return Promise.race(given).finally(() => done.abort());
}

var TRANSACTIONS = 5;
var OAuthSession = class extends BaseSession {
  #options;
  #key;
  #found;
  #answered;
  constructor(options) {
    const name = `${options.issuer} ${options.clientId} ${options.resource ?? ""}`;
    super(name, options.resource ?? options.issuer, options, options.storage, options.dpop);
    this.#options = options;
    this.#key = `postern sign-in ${name}`;
  }
  /** Sends the browser to the sign-in. */
  async signIn(options = {}) {
    location.assign(await this.authorizationUrl(options));
  }
  /** The address of the sign-in, for programs that open a browser themselves. */
  async authorizationUrl({ returnTo, acrValues, maxAge, parameters } = {}) {
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
      max_age: maxAge
    });
    return url.href;
  }
  /**
   * Finishes the sign-in on the page of `redirectUri`, and returns `returnTo`. Rejects with `Refused` if the server refused
   * (`access_denied`), and with `PosternError` if the answer is not one to a sign-in that this browser began.
   */
  callback(url = location.href) {
    const { searchParams } = new URL(url);
    const state = searchParams.get("state") ?? "";
    if (this.#answered?.state !== state) this.#answered = { state, done: this.#answer(searchParams, state, url) };
    return this.#answered.done;
  }
  /**
   * Ends the grant and forgets the tokens. Rejects if the server could not be told; the tokens are forgotten all the same.
   * The browser may still be signed in at the server.
   */
  signOut() {
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
  async renewal(refreshToken) {
    return this.#tokens({ grant_type: "refresh_token", refresh_token: refreshToken });
  }
  async #answer(answer, state, url) {
    if (globalThis.location?.href === url) history.replaceState(history.state, "", this.#options.redirectUri);
    const begun = await this.#kept();
    const transaction = begun.find((one) => one.state === state);
    await this.#keep(begun.filter((one) => one !== transaction));
    if (!transaction) throw new PosternError("This sign-in was not begun here, or is finished");
    const { issuer, authorization_response_iss_parameter_supported: always } = await this.#metadata();
    const iss = answer.get("iss");
    if (iss === null ? always : iss !== issuer) throw new PosternError(`The answer is not from ${issuer}`);
    if (answer.has("error")) throw new Refused(400, Object.fromEntries(answer));
    await this.alone(async () => {
      const tokens = await this.#tokens({
        grant_type: "authorization_code",
        code: answer.get("code") ?? "",
        code_verifier: transaction.verifier,
        redirect_uri: this.#options.redirectUri
      });
      await this.share({ ...tokens, session_id: crypto.randomUUID() });
    });
    return transaction.returnTo;
  }
  async #tokens(parameters) {
    const { token_endpoint } = await this.#metadata();
    const { resource, dpop } = this.#options;
    const { session_id: _, ...tokens } = asTokens(await this.#form(token_endpoint, { ...parameters, resource }));
    if (dpop && tokens.token_type?.toLowerCase() !== "dpop") throw new PosternError("The token is not bound to the key");
    return tokens;
  }
  #form(url, parameters) {
    const body = set(new URLSearchParams(), { client_id: this.#options.clientId, ...parameters });
    return this.call(url, { method: "POST", credentials: "omit", body });
  }
  #metadata() {
    this.#found ??= this.#discover().catch((error) => {
      this.#found = void 0;
      throw error;
    });
    return this.#found;
  }
  async #discover() {
    const { issuer, metadata } = this.#options;
    const base = issuer.replace(/\/$/, "");
    const { origin } = new URL(base);
    const read = (url) => this.call(url, { credentials: "omit" });
    const found = metadata ?? await read(`${base}/.well-known/openid-configuration`).catch((error) => {
      if (!(error instanceof Refused && error.status === 404)) throw error;
      return read(`${origin}/.well-known/oauth-authorization-server${base.slice(origin.length)}`);
    });
    if (found?.issuer !== issuer) throw new PosternError(`The metadata is that of ${found?.issuer}`);
    return found;
  }
  async #kept() {
    return JSON.parse(await this.#place().getItem(this.#key) ?? "[]");
  }
  #keep(transactions) {
    return this.#place().setItem(this.#key, JSON.stringify(transactions));
  }
  #place() {
    return globalThis.sessionStorage ?? this.#options.storage;
  }
};
function set(query, parameters) {
  for (const [name, value] of Object.entries(parameters)) if (value !== void 0) query.set(name, String(value));
  return query;
}
function random() {
  return crypto.randomUUID() + crypto.randomUUID();
}

var Session = class extends BaseSession {
  #url;
  #storage;
  constructor({ url = globalThis.location?.origin ?? "", storage, ...options } = {}) {
    super(url, url, options, storage);
    this.#url = url;
    this.#storage = storage;
  }
  async signIn({ login, password, deviceName, clientId }) {
    const device = `postern device ${this.#url}`;
    await this.alone(async () => {
      const kept = this.#storage && { delivery: "body", device_token: await this.#storage.getItem(device) ?? void 0 };
      const answer = await this.#open("/auth/login", { login, password, device_name: deviceName, client_id: clientId, ...kept });
      const tokens = asTokens(answer);
      if (tokens.device_token) await this.#storage?.setItem(device, tokens.device_token);
      await this.share(tokens);
    });
  }
  /** Creates an account, where registration is open. The user is not signed in by it. */
  register(login, password) {
    return this.#open("/auth/register", { login, password });
  }
  /** Ends this session. Rejects if the server could not be asked: then the user is still signed in. */
  signOut() {
    return this.#leave("/auth/logout");
  }
  /** Ends all sessions of the user. */
  signOutEverywhere() {
    return this.#leave("/auth/logout-all");
  }
  /** Erases the account and everything that is stored about it. */
  async deleteAccount(password) {
    await this.#mine("/auth/account/delete", "POST", { password });
    await this.share();
  }
  /** The signed-in user. */
  me() {
    return this.#mine("/auth/me");
  }
  /** The user's sessions on all devices. */
  async sessions() {
    return (await this.#mine("/auth/sessions")).sessions;
  }
  /** Ends a session on another device; also if it has ended already. */
  endSession(sessionId) {
    return this.#end("sessions", sessionId);
  }
  /** Ends all sessions of the user but this one. */
  async endOtherSessions() {
    await this.#mine("/auth/sessions", "DELETE");
  }
  /** The OAuth clients that the user has authorized. */
  async grants() {
    return (await this.#mine("/auth/grants")).grants;
  }
  /** Ends the access of an OAuth client; also if it has ended already. */
  endGrant(grantId) {
    return this.#end("grants", grantId);
  }
  /** The last 30 days of the account, newest first. */
  async activity() {
    return (await this.#mine("/auth/activity")).activity;
  }
  /** Everything that is stored about the user. */
  exportAccount() {
    return this.#mine("/auth/account/export");
  }
  /** Ends all other sessions of the user. */
  async changePassword(currentPassword, newPassword) {
    await this.#mine("/auth/password", "POST", { current_password: currentPassword, new_password: newPassword });
  }
  /** Sends a message with a one-time token to the user, if there is one. */
  async requestReset(login) {
    await this.#open("/auth/password/reset-request", { login });
  }
  /** Sets a new password by the token of the message, and ends all sessions of the user. */
  async reset(token, newPassword) {
    await this.#open("/auth/password/reset", { token, new_password: newPassword });
  }
  /** Sends a message with a one-time token to the signed-in user's address. */
  async requestVerification() {
    await this.#mine("/auth/email/verification-request", "POST");
  }
  /** Verifies the address by the token of the message. */
  async verify(token) {
    await this.#open("/auth/email/verify", { token });
  }
  async renewal(refreshToken) {
    return asTokens(await this.#authorised("/auth/refresh", refreshToken));
  }
  #leave(path) {
    const { sessionId } = this.state;
    return this.alone(async () => {
      this.expect(sessionId);
      const stored = await this.stored();
      try {
        if (stored || !this.#storage) await this.#authorised(path, stored?.token, async () => {
          this.doubt();
          await this.renew();
          this.expect(sessionId);
        });
      } catch (error) {
        if (!isOver(error)) throw error;
      }
      await this.share();
    });
  }
  /** A call that is authorised by the refresh token: the one in our storage, or that in the cookie. */
  async #authorised(path, refreshToken, onOtherSession) {
    if (this.#storage) return this.#open(path, { refresh_token: refreshToken });
    this.csrf ??= await this.#freshCsrf();
    try {
      return await this.#ask("POST", path, void 0, void 0, this.csrf);
    } catch (error) {
      if (!(error instanceof Refused && error.code === "csrf_failed")) throw error;
    }
    this.csrf = void 0;
    await onOtherSession?.();
    this.csrf ??= await this.#freshCsrf();
    return this.#ask("POST", path, void 0, void 0, this.csrf);
  }
  async #freshCsrf() {
    return (await this.#ask("GET", "/auth/csrf")).csrf_token;
  }
  /** A call without a token, or with the one in the cookie. */
  #open(path, members) {
    return this.#ask("POST", path, members);
  }
  /** A call with the access token. */
  #mine(path, method = "GET", members) {
    return this.#ask(method, path, members, this.fetch);
  }
  #ask(method, path, members, send, csrf) {
    const headers = {};
    if (members) headers["content-type"] = "application/json";
    if (csrf) headers["x-csrf-token"] = csrf;
    return this.call(this.#url + path, { method, headers, credentials: this.#storage ? "omit" : "include", ...members && { body: JSON.stringify(members) } }, send);
  }
  async #end(what, id) {
    await this.#mine(`/auth/${what}/${encodeURIComponent(id)}`, "DELETE").catch((error) => {
      if (!(error instanceof Refused && error.status === 404)) throw error;
    });
  }
};

function memory() {
  const items = /* @__PURE__ */ new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => items.set(key, value),
    removeItem: (key) => items.delete(key)
  };
}
export {
  BaseSession,
  OAuthSession,
  PosternError,
  Refused,
  Session,
  SessionChanged,
  StepUpRequired,
  Unreachable,
  memory
};
