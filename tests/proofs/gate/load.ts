// A minute of everything at once: public pages, scopes, tenants, bad tokens, our own endpoints, WebSockets and an origin that
// sends odd things, while sessions and tokens are revoked. Every answer is judged: a good request that is refused, a revoked
// token that passes later than was promised, and a 5xx that is not the origin's doing are wrong.
import { createHash, randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { Random, seedOfRun } from "../soak/random.ts";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { bearer, post, signIn, type Tokens } from "../../worker/support/client.ts";
import { ADMIN, settings } from "../../worker/support/config.ts";
import { claimsOf } from "../../worker/support/jwt.ts";
import { bytes, RawOrigin, type Answer } from "../../worker/support/raw-origin.ts";
import { report, type Part, type Report } from "./part.ts";
import { openSocket } from "./websocket.ts";

const WORKERS = 16;
const SESSIONS = 40;
/** A client that waits longer for an answer says that the gate hangs. */
const DEADLINE_MS = 20_000;
/** Seconds: how often an isolate reads the feed here. The deployed default is 30. */
const REREAD = 5;
/**
 * What docs/concepts/revocation.md promises: a second until the feed is written, REREAD until it is read again. Local KV has no copies
 * that live on. And as much again for timers of a machine that has no core to spare.
 */
const FEED_PROMISE_MS = (1 + REREAD) * 1000 * 2;

interface AccessToken {
  text: string;
  session: Session;
  /** When a revocation that ends it was ordered, and when that was answered. */
  ordered?: number;
  stored?: number;
  /** Whether its session ended, which `strong` knows with the next request, or it alone. */
  whole?: boolean;
}

interface Session {
  tokens: Tokens & { refresh_token: string };
  access: AccessToken[];
  busy: boolean;
}

/**
 * An answer that says, as HTTP/1.1 asks, that the connection ends with it. An origin that closes without a word loses the
 * request that is on its way just then: its own 502, which would hide one of ours.
 */
const closing = (text: string): Answer => bytes(text.replace("\r\n", "\r\nconnection: close\r\n"));

/** What the origin sends by path, and which statuses a client may see then. Nothing, when the connection may break. */
const ODD: readonly (readonly [string, Answer, readonly (number | "broken")[]])[] = [
  ["/chunked", closing("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"), [200]],
  ["/nothing", closing("HTTP/1.1 204 No Content\r\n\r\n"), [204]],
  ["/unchanged", closing("HTTP/1.1 304 Not Modified\r\netag: \"a\"\r\n\r\n"), [304]],
  ["/299", closing("HTTP/1.1 299 Odd\r\ncontent-length: 0\r\n\r\n"), [299]],
  ["/redirect", closing("HTTP/1.1 302 Found\r\nlocation: https://elsewhere.example/\r\ncontent-length: 0\r\n\r\n"), [302]],
  ["/latin1", closing("HTTP/1.1 200 OK\r\nx-name: caf\xe9\r\ncontent-length: 0\r\n\r\n"), [200]],
  ["/many-headers", closing(`HTTP/1.1 200 OK\r\n${Array.from({ length: 80 }, (_, index) => `x-${index}: ${"v".repeat(50)}\r\n`).join("")}content-length: 0\r\n\r\n`), [200]],
  ["/500", closing("HTTP/1.1 500 Mine\r\ncontent-length: 4\r\n\r\nmine"), [500]],
  ["/503", closing("HTTP/1.1 503 Mine\r\nretry-after: 9\r\ncontent-length: 0\r\n\r\n"), [503]],
  ["/999", closing("HTTP/1.1 999 None\r\ncontent-length: 0\r\n\r\n"), [502]],
  ["/no-http", bytes("SSH-2.0-OpenSSH_9.9\r\n"), [502]],
  ["/silence", (socket) => socket.destroy(), [502]],
  ["/cut", bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort"), ["broken"]],
  ["/cut-head", bytes("HTTP/1.1 200 OK\r\ncontent-le"), [502]],
  ["/late", (socket) => void setTimeout(() => closing("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")(socket, ""), 300), [200]],
  ["/mute", () => {}, [504]],
];

const ORDINARY: Answer = (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

function routes(upstream: string) {
  const levels = (["none", "feed", "strong"] as const).map((revocation) => ({ name: revocation, path: `/${revocation}`, upstream, revocation }));
  return [
    { name: "mute", path: "/odd/mute", upstream, strip_prefix: "/odd", access: "public", timeout_ms: 500 },
    { name: "mute-signed-in", path: "/private-odd/mute", upstream, strip_prefix: "/private-odd", timeout_ms: 500 },
    { name: "odd", path: "/odd/{*rest}", upstream, strip_prefix: "/odd", access: "public" },
    { name: "odd-signed-in", path: "/private-odd/{*rest}", upstream, strip_prefix: "/private-odd" },
    { name: "open", path: "/open", upstream, access: "public" },
    { name: "scoped", path: "/scoped", upstream, scopes_all: ["read:orders"] },
    { name: "closed", path: "/closed", upstream, scopes_all: ["nobody:has"] },
    { name: "tenant", path: "/tenants/{tenant}/page", upstream, attributes: [{ claim: "tenant_id", equals: "{tenant}" }] },
    ...levels,
    { name: "socket", path: "/socket/ws", service: "ORIGIN", strip_prefix: "/socket", websocket: { close_on_expiry: true, close_on_revocation: true } },
  ];
}

class Load {
  readonly seen: Report = report();
  readonly #postern: Postern;
  readonly #random: Random;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 2 * WORKERS });
  readonly #sessions: Session[] = [];
  readonly #revoked: AccessToken[] = [];
  readonly #answers = new Map<number | "broken", number>();
  /** By token: how long after its revocation was stored a request with it was sent that still passed where the feed is read. */
  readonly #passed = new Map<AccessToken, number>();
  #refused = 0;
  #admin: Tokens | undefined;
  #messages = 0;
  #orders = new Map<string, number>();
  over = false;

  constructor(postern: Postern, random: Random) {
    this.#postern = postern;
    this.#random = random;
  }

  async begin(): Promise<void> {
    for (let index = 0; index < SESSIONS; index += 1) await this.#another();
    this.#admin = await signIn(this.#postern, { login: ADMIN });
  }

  async #another(): Promise<void> {
    const tokens = await signIn(this.#postern);
    const session: Session = { tokens, access: [], busy: false };
    session.access.push({ text: tokens.access_token, session });
    this.#sessions.push(session);
  }

  #wrong(what: string): void {
    this.seen.failures.push(what);
  }

  /** One request over a kept connection: its status, or `broken` when the connection broke off in the middle of the answer. */
  async #ask(path: string, token?: string, method = "GET"): Promise<number | "broken"> {
    this.seen.cases += 1;
    const status = await new Promise<number | "broken">((resolve) => {
      const asked = request(new URL(path, this.#postern.url), {
        agent: this.#agent,
        method,
        headers: token === undefined ? {} : { authorization: `Bearer ${token}` },
      });
      asked.setTimeout(DEADLINE_MS, () => asked.destroy(new Error("no answer")));
      asked.on("error", () => resolve("broken"));
      asked.on("response", (answer) => {
        answer.on("error", () => resolve("broken"));
        answer.on("aborted", () => resolve("broken"));
        answer.on("end", () => resolve(answer.statusCode ?? 0));
        answer.resume();
      });
      asked.end();
    });
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    return status;
  }

  async #expect(path: string, token: string | undefined, wanted: readonly (number | "broken")[]): Promise<void> {
    const status = await this.#ask(path, token);
    if (!wanted.includes(status)) this.#wrong(`${path} was answered ${status}, not ${wanted.join(" or ")}`);
  }

  /** A request with a token that may be revoked at any moment, judged by when it was sent and answered. */
  async #judge(path: string, token: AccessToken, good: number): Promise<void> {
    const sent = performance.now();
    const status = await this.#ask(path, token.text);
    const answered = performance.now();
    const ordered = token.ordered !== undefined && token.ordered < answered;
    const stored = token.stored;
    if (status === 401) {
      if (!ordered) this.#wrong(`${path}: a good token was refused`);
      else if (path === "/none") this.#wrong("/none: refused, and nothing that is revoked counts there");
      else this.#refused += 1;
      return;
    }
    if (status !== good) return this.#wrong(`${path} with ${ordered ? "a revoked" : "a good"} token was answered ${status}`);
    if (stored === undefined || path === "/none") return;
    const since = sent - stored;
    if (path !== "/strong" && since > 0) this.#passed.set(token, Math.max(since, this.#passed.get(token) ?? 0));
    const promise = path === "/strong" && token.whole ? 0 : FEED_PROMISE_MS;
    if (since > promise) this.#wrong(`${path}: a token passed ${since.toFixed(0)} ms after its revocation was stored, ${promise} ms are promised`);
  }

  #someToken(): AccessToken {
    // One in six is revoked, lately rather than long ago.
    if (this.#revoked.length > 0 && this.#random.chance(1 / 6)) return this.#random.oneOf(this.#revoked.slice(-30));
    return this.#random.oneOf(this.#random.oneOf(this.#sessions).access);
  }

  #badToken(): string {
    const { text } = this.#random.oneOf(this.#random.oneOf(this.#sessions).access);
    const [header = "", payload = "", signature = ""] = text.split(".");
    const admin = Buffer.from(JSON.stringify({ ...claimsOf(text), scope: "nobody:has", jti: randomUUID() })).toString("base64url");
    return this.#random.oneOf([
      `${header}.${payload}`,
      `${header}.${payload}.`,
      `${header}.${admin}.${signature}`,
      `${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")}.${payload}.`,
      `${header}.${payload}.${createHash("sha512").update(signature).digest("base64url")}`,
      randomUUID(),
    ]);
  }

  async #refresh(): Promise<void> {
    const session = this.#random.oneOf(this.#sessions);
    if (session.busy) return;
    session.busy = true;
    this.seen.cases += 1;
    const response = await post(this.#postern, "/auth/refresh", { refresh_token: session.tokens.refresh_token });
    const text = await response.text();
    if (response.status === 200) {
      session.tokens = JSON.parse(text) as Tokens & { refresh_token: string };
      session.access = [...session.access.slice(-2), { text: session.tokens.access_token, session }];
    } else this.#wrong(`a refresh was answered ${response.status}: ${text}`);
    session.busy = false;
  }

  async #socket(): Promise<void> {
    const { text, session } = this.#random.oneOf(this.#random.oneOf(this.#sessions).access);
    this.seen.cases += 1;
    const socket = openSocket(new URL("/socket/ws", this.#postern.url.replace("http:", "ws:")), text);
    const late = setTimeout(() => socket.close(4000, "late"), DEADLINE_MS);
    let next = -1;
    const ended = await new Promise<string>((resolve) => {
      socket.addEventListener("error", () => resolve("not opened"));
      socket.addEventListener("close", ({ code, reason }) => resolve(code === 4999 ? "" : `closed with ${code} ${reason}`));
      socket.addEventListener("message", ({ data }) => {
        if (next >= 0 && data !== `message ${next}`) this.#wrong(`a WebSocket's message ${next} came back as ${String(data)}`);
        next += 1;
        if (next >= 20) socket.close(4999, "enough");
        else socket.send(`message ${next}`);
      });
    });
    clearTimeout(late);
    this.#messages += Math.max(0, next);
    const revoked = session.access.some(({ ordered }) => ordered !== undefined);
    if (ended !== "" && !revoked) this.#wrong(`a WebSocket was ${ended} after ${next} messages`);
  }

  async #once(): Promise<void> {
    const dice = this.#random.next();
    if (dice < 0.15) return this.#expect("/open", undefined, [200]);
    if (dice < 0.28) return this.#judge("/scoped", this.#someToken(), 200);
    if (dice < 0.36) return this.#judge("/closed", this.#someToken(), 403);
    if (dice < 0.42) return this.#judge("/tenants/acme/page", this.#someToken(), 200);
    if (dice < 0.46) return this.#judge("/tenants/other/page", this.#someToken(), 403);
    if (dice < 0.6) return this.#judge("/feed", this.#someToken(), 200);
    if (dice < 0.7) return this.#judge("/strong", this.#someToken(), 200);
    if (dice < 0.74) return this.#judge("/none", this.#someToken(), 200);
    if (dice < 0.8) return this.#expect(this.#random.oneOf(["/scoped", "/feed", "/strong", "/none", "/tenants/acme/page"]), this.#badToken(), [400, 401]);
    if (dice < 0.83) return this.#expect("/scoped", undefined, [401]);
    if (dice < 0.86) return this.#expect("/nowhere", undefined, [404]);
    if (dice < 0.88) return this.#expect("/.well-known/jwks.json", undefined, [200]);
    if (dice < 0.9) return this.#expect("/auth/me", undefined, [401]);
    if (dice < 0.92) return this.#refresh();
    if (dice < 0.93) return this.#socket();
    const [path, , statuses] = this.#random.oneOf(ODD);
    if (this.#random.chance(0.7)) return this.#expect(`/odd${path}`, undefined, statuses);
    const token = this.#random.oneOf(this.#random.oneOf(this.#sessions).access);
    const status = await this.#ask(`/private-odd${path}`, token.text);
    const ordered = token.ordered !== undefined;
    if (!statuses.includes(status) && !(ordered && status === 401)) this.#wrong(`/private-odd${path} was answered ${status}`);
  }

  async traffic(): Promise<void> {
    while (!this.over) await this.#once();
  }

  /** Takes a session out of the ordinary ones and revokes it, or one token of it, in one of the ways there are. */
  async #revoke(): Promise<void> {
    const at = this.#sessions.findIndex(({ busy }) => !busy);
    const [session] = at < 0 ? [] : this.#sessions.splice(at, 1);
    if (session === undefined) return;
    const way = this.#random.oneOf(["logout", "session", "access_token"]);
    const ended = way === "access_token" ? session.access.slice(-1) : session.access;
    for (const token of ended) Object.assign(token, { ordered: performance.now(), whole: way !== "access_token" });
    const claims = claimsOf(session.tokens.access_token);
    const order = { session: { sub: claims["sub"], session_id: session.tokens.session_id }, access_token: { jti: claims["jti"] } };
    this.seen.cases += 1;
    const response =
      way === "logout"
        ? await post(this.#postern, "/auth/logout", { refresh_token: session.tokens.refresh_token })
        : await post(this.#postern, "/admin/revocations", { kind: way, ...order[way as keyof typeof order] }, bearer(this.#admin?.access_token ?? ""));
    if (!response.ok) this.#wrong(`the revocation by ${way} was answered ${response.status}: ${await response.clone().text()}`);
    await response.text();
    for (const token of ended) token.stored = performance.now();
    this.#revoked.push(...ended);
    this.#orders.set(way, (this.#orders.get(way) ?? 0) + 1);
    await this.#another();
  }

  async revocations(): Promise<void> {
    while (!this.over) {
      await this.#revoke();
      await delay(200);
    }
  }

  /** After the last request: whatever was revoked is refused, whatever was not is good. */
  async afterwards(): Promise<void> {
    await delay(FEED_PROMISE_MS);
    for (const token of [...this.#revoked, ...this.#sessions.flatMap(({ access }) => access)]) {
      await this.#judge("/feed", token, 200);
      await this.#judge("/strong", token, 200);
    }
    this.#agent.destroy();
  }

  told(seconds: number, requests: number): void {
    const { figures } = this.seen;
    const latest = (Math.max(0, ...this.#passed.values()) / 1000).toFixed(1);
    const list = (map: ReadonlyMap<unknown, number>) => [...map].sort(([a], [b]) => String(a).localeCompare(String(b))).map(([what, count]) => `${what} x ${count}`).join(", ");
    figures.push(
      `${requests} requests in ${seconds.toFixed(0)} s: ${(requests / seconds).toFixed(0)} a second, client and origin on the same machine`,
      `answers: ${list(this.#answers)}`,
      `revocations: ${list(this.#orders)}; ${this.#refused} requests with what was revoked refused; where the feed is read, ${this.#passed.size} of ${this.#revoked.length} tokens passed once more, the last ${latest} s after (read every ${REREAD} s, ${FEED_PROMISE_MS / 1000} s are allowed); where the level is strong none of a session did`,
      `${this.#messages} WebSocket messages there and back`,
    );
    if (this.#refused === 0) this.#wrong("no revoked token was ever refused: the run shows nothing about it");
    for (const status of [200, 401, 403, 404, 502, 504]) if (!this.#answers.has(status)) this.#wrong(`nothing was answered ${status}: the traffic was not mixed`);
  }
}

/** The same with a number of seconds. */
export function load(seconds: number): Part {
  return {
    name: "load",
    async run() {
      const seed = seedOfRun();
      const answers: Record<string, Answer> = Object.fromEntries(ODD.map(([path, answer]) => [path, answer]));
      for (const path of ["/open", "/scoped", "/closed", "/tenants/acme/page", "/tenants/other/page", "/none", "/feed", "/strong"]) answers[path] = ORDINARY;
      const origin = await RawOrigin.start(answers);
      const postern = await startPostern({
        direct: true,
        vars: {
          ...settings({
            POSTERN_ACCESS_TOKEN_LIFETIME: 900,
            POSTERN_REVOCATION: { reread: REREAD, max_age: 60 },
            POSTERN_REFRESH: { max_families: 500 },
            POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
          }),
          POSTERN_ROUTES: routes(origin.url),
        },
      });
      try {
        const playing = new Load(postern, new Random(seed));
        await playing.begin();
        const begun = performance.now();
        const workers = [playing.revocations(), ...Array.from({ length: WORKERS }, () => playing.traffic())];
        await delay(seconds * 1000);
        playing.over = true;
        await Promise.all(workers);
        const took = (performance.now() - begun) / 1000;
        const requests = playing.seen.cases;
        await playing.afterwards();
        playing.seen.figures.push(`seed ${seed}`);
        playing.told(took, requests);
        return playing.seen;
      } finally {
        await postern.dispose();
        await origin.stop();
      }
    },
  };
}
