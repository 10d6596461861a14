// A Postern of a few lines behind a `fetch`, with the cookie of one browser, and the parts of a page that Node does not have.
import { vi } from "vitest";

/** Before a test: the clocks are the test's, and no module knows the page of an earlier one. */
export function takeClocks(): void {
  vi.resetModules();
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
}

/** After a test: ends these sessions, and puts the clocks and the parts of the page back. */
export function putBack(sessions: { dispose(): void }[]): void {
  for (const session of sessions.splice(0)) session.dispose();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
}

interface Call {
  method: string;
  path: string;
  headers: Headers;
  body: unknown;
}
/** What becomes of a call instead of its answer. */
type Fate = (call: Call) => Response | Error | Promise<Response | undefined> | undefined;

export const ORIGIN = "https://auth.example.com";
export const PASSWORD = "correct horse battery staple";

export const json = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
export const problem = (status: number, code: string, headers: Record<string, string> = {}): Response => json({ type: `/auth/errors#${code}`, title: code, status, code }, status, headers);
export const refusedToken = (): Response => problem(401, "invalid_token", { "www-authenticate": 'Bearer realm="postern", error="invalid_token"' });

export class FakePostern {
  readonly calls: Call[] = [];
  fate: Fate = () => undefined;
  lifetime = 600;
  /** The session that the browser's cookie is for. */
  cookie: string | undefined;
  /** Live sessions: their user and the number of their refresh token. */
  readonly sessions = new Map<string, { login: string; rotation: number }>();
  readonly #tokens = new Map<string, string>();
  #count = 0;

  readonly fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init);
    const { pathname, origin } = new URL(request.url);
    const text = await request.text();
    const body = text.startsWith("{") ? JSON.parse(text) : text;
    const call = { method: request.method, path: origin === ORIGIN ? pathname : origin + pathname, headers: request.headers, body };
    this.calls.push(call);
    request.signal.throwIfAborted();
    // A request takes a moment.
    await new Promise((resolve) => setImmediate(resolve));
    const fate = await this.fate(call);
    if (fate instanceof Error) throw fate;
    return fate ?? this.#answer(call);
  };

  to(path: string): Call[] {
    return this.calls.filter((call) => call.path === path);
  }

  tokens(id: string, body = false): object {
    const session = this.sessions.get(id)!;
    const access_token = `at-${id}-${(this.#count += 1)}`;
    this.#tokens.set(access_token, id);
    const common = { access_token, token_type: "Bearer", expires_in: this.lifetime, session_id: id, scope: "read:orders" };
    return body ? { ...common, refresh_token: `${id}.${session.rotation}`, device_token: "device" } : { ...common, csrf_token: `csrf-${id}` };
  }

  /** A sign-in of another tab or device. */
  signIn(login: string): string {
    const id = `s${(this.#count += 1)}`;
    this.sessions.set(id, { login, rotation: 0 });
    return id;
  }

  /** Access tokens so far are refused from now on. */
  expire(): void {
    this.#tokens.clear();
  }

  #answer({ path, method, headers, body }: Call): Response {
    const members = body as Record<string, string>;
    const presented = members?.["refresh_token"]?.split(".");
    const cookie = presented ? presented[0] : this.cookie;
    const live = cookie !== undefined && this.sessions.has(cookie);
    switch (path) {
      case "/auth/login": {
        if (members["password"] !== PASSWORD) return problem(401, "invalid_credentials");
        const id = this.signIn(members["login"]!);
        if (members["delivery"] !== "body") this.cookie = id;
        return json(this.tokens(id, members["delivery"] === "body"));
      }
      case "/auth/csrf":
        return cookie ? json({ csrf_token: `csrf-${cookie}` }) : problem(401, "invalid_grant");
      case "/auth/refresh":
      case "/auth/logout": {
        if (!presented && headers.get("x-csrf-token") !== `csrf-${cookie}`) return problem(cookie ? 403 : 401, cookie ? "csrf_failed" : "invalid_grant");
        if (!live || (presented && Number(presented[1]) !== this.sessions.get(cookie)!.rotation)) return problem(401, "invalid_grant");
        if (path === "/auth/logout") {
          this.sessions.delete(cookie);
          if (!presented) this.cookie = undefined;
          return new Response(null, { status: 204 });
        }
        this.sessions.get(cookie)!.rotation += 1;
        return json(this.tokens(cookie, presented !== undefined));
      }
      default: {
        const id = this.#tokens.get(headers.get("authorization")?.replace("Bearer ", "") ?? "");
        if (id === undefined || !this.sessions.has(id)) return refusedToken();
        return json({ method, path, user: this.sessions.get(id)!.login });
      }
    }
  }
}

/** What a page has and Node has not. */
export class FakePage extends EventTarget {
  hidden = false;
  reloads = 0;

  /** Puts it in place; before the client is imported, which looks once. */
  static install(): FakePage {
    const page = new FakePage();
    vi.stubGlobal("document", page);
    vi.stubGlobal("location", { origin: ORIGIN, href: `${ORIGIN}/app/`, reload: () => (page.reloads += 1) });
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("navigator", { locks: new FakeLocks() });
    vi.stubGlobal("BroadcastChannel", FakeChannel);
    FakeChannel.open.clear();
    // By the timers of the test.
    vi.spyOn(AbortSignal, "timeout").mockImplementation((ms) => {
      const timeout = new AbortController();
      setTimeout(() => timeout.abort(new DOMException("timed out", "TimeoutError")), ms);
      return timeout.signal;
    });
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    return page;
  }

  show(hidden: boolean): void {
    this.hidden = hidden;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

/** Web Locks of one name, first come, first served. */
class FakeLocks {
  #waiting: (() => void)[] = [];
  #held = false;

  async request<T>(_name: string, { signal }: { signal?: AbortSignal }, work: () => Promise<T>): Promise<T> {
    if (this.#held) {
      await new Promise<void>((resolve, reject) => {
        this.#waiting.push(resolve);
        signal?.addEventListener("abort", () => {
          this.#waiting = this.#waiting.filter((one) => one !== resolve);
          reject(signal.reason);
        });
      });
    }
    this.#held = true;
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      this.#held = next !== undefined;
      next?.();
    }
  }
}

export class FakeChannel {
  static readonly open = new Set<FakeChannel>();
  static #held: (() => void)[] | undefined;

  /** Holds all messages back, until the function that it returns is called. */
  static freeze(): () => void {
    FakeChannel.#held = [];
    return () => {
      for (const deliver of FakeChannel.#held ?? []) deliver();
      FakeChannel.#held = undefined;
    };
  }

  onmessage: ((event: { data: unknown }) => void) | undefined;
  readonly name: string;

  constructor(name: string) {
    this.name = name;
    FakeChannel.open.add(this);
  }

  postMessage(data: unknown): void {
    const copy = structuredClone(data);
    for (const one of FakeChannel.open) {
      if (one === this || one.name !== this.name) continue;
      const deliver = (): void => void setImmediate(() => FakeChannel.open.has(one) && one.onmessage?.({ data: copy }));
      if (FakeChannel.#held) FakeChannel.#held.push(deliver);
      else deliver();
    }
  }

  close(): void {
    FakeChannel.open.delete(this);
  }
}
