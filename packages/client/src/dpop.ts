import type { Dpop, Send } from "./base.ts";

/** The algorithm of all proofs; every server with DPoP has it. */
const KEY = { name: "ECDSA", namedCurve: "P-256" } as const;
const STORE = "keys";

/** A key that no script can read, and the proofs that a request comes from its owner (RFC 9449). */
export class DpopKey implements Dpop {
  readonly thumbprint: string;
  readonly #key: CryptoKey;
  readonly #jwk: object;
  /** The last nonce of each server, by origin. */
  readonly #nonces = new Map<string, string>();

  private constructor(key: CryptoKey, jwk: object, thumbprint: string) {
    this.#key = key;
    this.#jwk = jwk;
    this.thumbprint = thumbprint;
  }

  /** A key for as long as the page lives: for tokens in `memory()`. */
  static async inMemory(): Promise<DpopKey> {
    return DpopKey.#of(await crypto.subtle.generateKey(KEY, false, ["sign", "verify"]));
  }

  /** The key of that name in IndexedDB, made if there is none: for tokens in `sessionStorage` or `localStorage`. All tabs have the same. */
  static async inBrowser(name = "postern dpop"): Promise<DpopKey> {
    const database = await done(Object.assign(indexedDB.open(name), { onupgradeneeded: makeStore }));
    try {
      const stored = await done(database.transaction(STORE).objectStore(STORE).get(name));
      if (stored) return DpopKey.#of(stored);
      const made = await crypto.subtle.generateKey(KEY, false, ["sign", "verify"]);
      // One transaction: of two tabs that make one at once, both take the first one's.
      const store = database.transaction(STORE, "readwrite").objectStore(STORE);
      const first = await done(store.get(name));
      if (first) return DpopKey.#of(first);
      await done(store.put(made, name));
      return DpopKey.#of(made);
    } finally {
      database.close();
    }
  }

  /** Removes the key of that name, for example after a sign-out. Tokens that are bound to it are useless then. */
  static async remove(name = "postern dpop"): Promise<void> {
    await done(indexedDB.deleteDatabase(name));
  }

  static async #of({ privateKey, publicKey }: CryptoKeyPair): Promise<DpopKey> {
    const { crv, kty, x, y } = await crypto.subtle.exportKey("jwk", publicKey);
    const jwk = { crv, kty, x, y };
    // RFC 7638: these members, in this order.
    return new DpopKey(privateKey, jwk, await sha256(JSON.stringify(jwk)));
  }

  async fetch(input: RequestInfo | URL, init: RequestInit, send: Send): Promise<Response> {
    const headers = new Headers(init.headers);
    const accessToken = headers.get("authorization")?.replace("Bearer ", "");
    // Metadata is for everyone.
    if (!accessToken && !(init.body instanceof URLSearchParams)) return send(input, init);
    if (accessToken) headers.set("authorization", `DPoP ${accessToken}`);
    const request = input instanceof Request ? input : undefined;
    const url = request?.url ?? String(input);
    const { origin } = new URL(url);
    for (let last = init.body instanceof ReadableStream; ; last = true) {
      const nonce = this.#nonces.get(origin);
      headers.set("dpop", await this.proof(init.method ?? request?.method ?? "GET", url, accessToken, nonce));
      const answer = await send(last ? input : (request?.clone() ?? input), { ...init, headers });
      const next = answer.headers.get("dpop-nonce");
      if (next) this.#nonces.set(origin, next);
      if (last || !next || next === nonce || !(await wantsNonce(answer))) return answer;
    }
  }

  /** A proof for one request. */
  async proof(method: string, url: string, accessToken?: string, nonce?: string): Promise<string> {
    const { origin, pathname } = new URL(url);
    const header = { typ: "dpop+jwt", alg: "ES256", jwk: this.#jwk };
    const claims = {
      jti: crypto.randomUUID(),
      htm: method.toUpperCase(),
      // Without query and fragment (RFC 9449 section 4.2).
      htu: origin + pathname,
      iat: Math.floor(Date.now() / 1000),
      ath: accessToken === undefined ? undefined : await sha256(accessToken),
      nonce,
    };
    const text = `${base64url(utf8(JSON.stringify(header)))}.${base64url(utf8(JSON.stringify(claims)))}`;
    const signature = await crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, this.#key, utf8(text));
    return `${text}.${base64url(new Uint8Array(signature))}`;
  }
}

/** The authorization server answers 400 with a body, a resource server 401 with a challenge (RFC 9449 sections 8 and 9). */
async function wantsNonce(answer: Response): Promise<boolean> {
  if (answer.status === 401 && /error="?use_dpop_nonce/.test(answer.headers.get("www-authenticate") ?? "")) return true;
  return answer.status === 400 && /"use_dpop_nonce"/.test(await answer.clone().text());
}

function makeStore(this: IDBOpenDBRequest): void {
  this.result.createObjectStore(STORE);
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}

async function sha256(text: string): Promise<string> {
  return base64url(new Uint8Array(await crypto.subtle.digest("SHA-256", utf8(text))));
}

function base64url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
