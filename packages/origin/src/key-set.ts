// Postern's key set: fetched from one address, and kept.
import { readKeys, type Key } from "./keys.ts";

const SECOND = 1_000;
/** Where the answer says nothing: what Postern's own says. */
const DEFAULT_MAX_AGE = 600 * SECOND;
/** A withdrawn key stops verifying within this, whatever a cache in between says. */
const LONGEST_MAX_AGE = 3_600 * SECOND;
/** The shortest time between two fetches while there is a set: made-up `kid`s cost Postern two requests a minute. */
const COOLDOWN = 30 * SECOND;
/** Without a set, requests fail; so the next attempt comes sooner. */
const PAUSE = SECOND;
/** How old a set may be while no newer one can be had: a night. */
const STALE_IF_ERROR = 24 * 3_600 * SECOND;
/** Longer than a healthy Postern takes, shorter than a caller's patience. */
const TIMEOUT = 5 * SECOND;
/** Postern's have 1 kB. */
const MAX_BYTES = 512 * 1_024;

export interface KeySetOptions {
  /** Fetches the set: to go through a service binding, or for tests. */
  fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** The time in milliseconds, for tests. */
  now?: () => number;
}

/** Cloudflare's Workers: one request may not wait for what another one has begun. */
const isWorkers = (globalThis as { navigator?: { userAgent?: string } }).navigator?.userAgent === "Cloudflare-Workers";

/** Keys are fetched over TLS; on this machine, plain HTTP will do. */
export function checkedUrl(url: string | URL, name: string): URL {
  const parsed = URL.canParse(String(url)) ? new URL(url) : undefined;
  const isLocal = parsed?.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(parsed.hostname);
  if (parsed === undefined || (parsed.protocol !== "https:" && !isLocal)) throw new TypeError(`@postern/origin: ${name} must be an https URL`);
  return parsed;
}

/** How long an answer is fresh (RFC 9111 section 4.2), in milliseconds. */
function freshness(headers: Headers): number {
  const control = headers.get("cache-control") ?? "";
  const seconds = /(?:^|[\s,])max-age=(\d+)/i.exec(control)?.[1];
  const age = Number(headers.get("age") ?? 0) || 0;
  const fresh = /no-store|no-cache/i.test(control) ? 0 : seconds === undefined ? DEFAULT_MAX_AGE : (Number(seconds) - age) * SECOND;
  return Math.min(Math.max(fresh, COOLDOWN), LONGEST_MAX_AGE);
}

interface Kept {
  keys: Key[];
  at: number;
  freshFor: number;
}

/** A key set that is kept in memory. Make one outside of the request handler. */
export class KeySet {
  /** Where it is fetched. */
  readonly url: string;
  readonly #fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly #now: () => number;
  #kept: Kept | undefined;
  #attempted = Number.NEGATIVE_INFINITY;
  #failed = Number.NEGATIVE_INFINITY;
  #pending: Promise<Key[] | undefined> | undefined;

  constructor(url: string | URL, options: KeySetOptions = {}) {
    this.url = checkedUrl(url, "the address of the key set").href;
    this.#fetch = options.fetch ?? ((address, init) => fetch(address, init));
    this.#now = options.now ?? Date.now;
  }

  /**
   * The keys, or undefined when there are none to be had. `isUnknown`: the set that there is has no key of a token's name.
   * Not for users of the package.
   */
  async keys(isUnknown = false): Promise<readonly Key[] | undefined> {
    const now = this.#now();
    // A clock that was put back says that everything is due.
    const within = (then: number, time: number) => now >= then && now - then < time;
    const kept = this.#kept !== undefined && within(this.#kept.at, STALE_IF_ERROR) ? this.#kept : undefined;
    if (kept !== undefined && !isUnknown && within(kept.at, kept.freshFor)) return kept.keys;
    if (this.#pending !== undefined && (kept === undefined || isUnknown)) return (await this.#pending) ?? kept?.keys;
    if (kept !== undefined ? within(this.#attempted, COOLDOWN) : within(this.#failed, PAUSE)) return kept?.keys;
    this.#attempted = now;
    const fetched = this.#load(now);
    if (!isWorkers) {
      this.#pending = fetched;
      void fetched.finally(() => (this.#pending = undefined));
    }
    return (await fetched) ?? kept?.keys;
  }

  async #load(now: number): Promise<Key[] | undefined> {
    const document = await this.#document().catch(() => undefined);
    const keys = document && (await readKeys(document.body));
    if (document === undefined || keys === undefined) {
      this.#failed = now;
      return undefined;
    }
    this.#kept = { keys, at: now, freshFor: document.freshFor };
    return keys;
  }

  async #document(): Promise<{ body: Uint8Array; freshFor: number } | undefined> {
    // No redirect: keys come from this address, or not at all.
    const init: RequestInit = { redirect: "manual", headers: { accept: "application/json" }, signal: AbortSignal.timeout(TIMEOUT) };
    const answer = await this.#fetch(this.url, init);
    if (answer.status !== 200) return undefined;
    const body = new Uint8Array(await answer.arrayBuffer());
    return body.length > MAX_BYTES ? undefined : { body, freshFor: freshness(answer.headers) };
  }
}

const known = new Map<string, KeySet>();

/** The set of this address that the whole program shares. Addresses come from settings, never from a token. */
export function sharedKeySet(url: URL): KeySet {
  const found = known.get(url.href) ?? new KeySet(url);
  known.set(url.href, found);
  return found;
}
