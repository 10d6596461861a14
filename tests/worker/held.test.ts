// What an isolate holds after many requests: nothing of theirs. An object in wasm-bindgen's table is freed by no garbage
// collector, so the table is counted (support/in-front.ts).
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, post, signIn, type Tokens } from "./support/client.ts";
import { PASSWORD, settings } from "./support/config.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import { RawOrigin } from "./support/raw-origin.ts";
import { shared } from "./support/postern.ts";
import { CLOSE, closing, ECHO, openSocket, socketOrigin, TEXT, type SocketOrigin } from "./support/sockets.ts";

const COUNT = Number(process.env["HELD_COUNT"] ?? 1000);
const TOGETHER = 20;
/** What may be there more than before: the runtime's own, whatever the number of requests. */
const SLACK = 12;

process.env["MINIFLARE_WORKERD_V8_FLAGS"] = "--expose-gc";

interface Held {
  live: number;
  slots: number;
  memory: number;
  kinds: Record<string, number>;
}

let sockets: SocketOrigin;
let raw: RawOrigin;
let issuer: Issuer;
const postern = shared(async () => {
  sockets = await socketOrigin({
    "/echo": ECHO,
    "/closes": (end) => {
      end.send(TEXT, "hi");
      end.send(CLOSE, closing(4001, "enough"));
      return { frame: () => end.socket.end() };
    },
    "/breaks": (end) => {
      end.send(TEXT, "hi");
      setTimeout(() => end.socket.resetAndDestroy(), 20);
      return {};
    },
    "/mute": () => ({}),
  });
  raw = await RawOrigin.start({
    "/ok": (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
    "/dies": (socket) => socket.destroy(),
    "/mute": () => {},
    "/events": (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\na\r\ndata: one\n\r\n"),
  });
  issuer = await Issuer.start([await issuerKey("ES256")]);
  const watched = { websocket: { close_on_expiry: true, close_on_revocation: true, check_interval: 1 } };
  return {
    direct: true,
    counted: true,
    vars: settings({ POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 }, POSTERN_ISSUERS: [issuer.setting()] }, [
      { name: "socket", path: "/socket/{*rest}", strip_prefix: "/socket", upstream: sockets.url, ...watched },
      { name: "open", path: "/open/{*rest}", strip_prefix: "/open", access: "public", upstream: raw.url, cors: { origins: ["https://app.example.test"] } },
      { name: "rules", path: "/rules/{*rest}", strip_prefix: "/rules", upstream: raw.url, retry: true, total_timeout_ms: 300 },
      { name: "strong", path: "/strong/{*rest}", strip_prefix: "/strong", revocation: "strong", upstream: raw.url },
      { name: "own", path: "/own/{*rest}", strip_prefix: "/own", upstream: raw.url },
      { name: "who", path: "/who", answer: "identity" },
      { name: "never", path: "/never", scopes_all: ["nobody:has-this"], upstream: raw.url },
    ]),
  };
});
afterAll(async () => {
  await sockets.stop();
  await raw.stop();
  await issuer.stop();
});

let tokens: Tokens & { refresh_token: string };
let badlySigned: string;
beforeAll(async () => {
  badlySigned = `${(await issuer.token("ES256-1")).slice(0, -8)}AAAAAAAA`;
  tokens = await signIn(postern());
});

async function held(): Promise<Held> {
  return (await (await postern().fetch("/.held")).json()) as Held;
}

/** The smallest count within a while: what is on its way to its end is waited for. */
async function settled(limit: number): Promise<Held> {
  for (let turn = 0; ; turn += 1) {
    const now = await held();
    if (now.live <= limit || turn === 20) return now;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

async function repeated(count: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const one = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: TOGETHER }, one));
}

/** Sends bytes and goes away, at once or after the first byte of an answer. */
function broken(text: string, when: "soon" | "answered" = "soon"): Promise<void> {
  const { hostname, port } = new URL(postern().url);
  const socket = connect(Number(port), hostname);
  return new Promise((resolve) => {
    socket.on("error", () => {});
    socket.on("close", () => resolve());
    socket.write(text);
    if (when === "answered") socket.once("data", () => socket.destroy());
    else setTimeout(() => socket.resetAndDestroy(), 15);
  });
}

const line = (method: string, path: string, headers: Record<string, string> = {}, body = "") =>
  `${method} ${path} HTTP/1.1\r\nhost: gate.example.test\r\n${Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n${body}`;

const fetched = async (path: string, init?: RequestInit) => (await postern().fetch(path, init)).arrayBuffer();
const json = { "content-type": "application/json" };

const WORK: Record<string, (index: number) => Promise<unknown>> = {
  "sockets that the client closes": async () => {
    const client = await openSocket(postern().url, "/socket/echo", bearer(tokens.access_token));
    client.send(TEXT, "hi");
    await client.got(1);
    client.send(CLOSE, closing(1000));
    await client.closed;
    client.socket.destroy();
  },
  "sockets that the origin closes": async () => {
    const client = await openSocket(postern().url, "/socket/closes", bearer(tokens.access_token));
    await client.got(2);
    client.send(CLOSE, closing(4001));
    client.socket.end();
    await client.closed;
  },
  "sockets whose client breaks off": async () => {
    const client = await openSocket(postern().url, "/socket/echo", bearer(tokens.access_token));
    client.send(TEXT, "hi");
    await client.got(1);
    client.socket.resetAndDestroy();
  },
  "sockets whose origin breaks off": async () => {
    const client = await openSocket(postern().url, "/socket/breaks", bearer(tokens.access_token));
    await client.closed;
    client.send(CLOSE, closing(1014));
    client.socket.end();
  },
  "sockets whose origin refuses": async () => {
    await openSocket(postern().url, "/socket/refuses", bearer(tokens.access_token)).catch(() => {});
  },
  "requests that are forwarded": () => fetched("/own/ok", { headers: bearer(tokens.access_token) }),
  "requests of a route with every rule": () => fetched("/rules/ok", { headers: bearer(tokens.access_token) }),
  "requests whose origin breaks off": () => fetched("/rules/dies", { headers: bearer(tokens.access_token) }),
  "requests of a public route": () => fetched("/open/ok"),
  "requests that are refused": () => fetched("/never", { headers: bearer(tokens.access_token) }),
  "requests with new tokens": async () => fetched("/never", { headers: bearer(await issuer.token("ES256-1")) }),
  "requests with a token whose signature is bad": async () => fetched("/never", { headers: bearer(badlySigned) }),
  "requests with new tokens that the client gives up": async () => broken(line("GET", "/own/mute", bearer(await issuer.token("ES256-1")))),
  "requests that the Account object is asked about": () => fetched("/strong/ok", { headers: bearer(tokens.access_token) }),
  preflights: () => fetched("/open/ok", { method: "OPTIONS", headers: { origin: "https://app.example.test", "access-control-request-method": "GET" } }),
  "sign-ins that fail": () => fetched("/auth/login", { method: "POST", headers: json, body: JSON.stringify({ login: "alice@example.com", password: `not ${PASSWORD}` }) }),
  refreshes: () => fetched("/auth/refresh", { method: "POST", headers: json, body: JSON.stringify({ refresh_token: tokens.refresh_token }) }),
  "uploads that break off": () => broken(line("POST", "/own/mute", { ...bearer(tokens.access_token), "content-length": "100000" }, "part")),
  "uploads in chunks that break off": () => broken(line("POST", "/own/mute", { ...bearer(tokens.access_token), "transfer-encoding": "chunked" }, "4\r\npart\r\n")),
  "bodies of ours that break off": () => broken(line("POST", "/auth/login", { ...json, "content-length": "1000" }, '{"login":')),
  "requests that the client gives up": () => broken(line("GET", "/own/mute", bearer(tokens.access_token))),
  "requests with rules that the client gives up": () => broken(line("GET", "/rules/mute", bearer(tokens.access_token))),
  "requests that the client gives up while a part is asked": () => broken(line("GET", "/strong/mute", bearer(tokens.access_token))),
  "sign-ins that the client gives up": () =>
    broken(line("POST", "/auth/login", { ...json, "content-length": "68" }, JSON.stringify({ login: "nobody@example.com", password: "x".repeat(26) }))),
  "event streams that the client leaves": () => broken(line("GET", "/own/events", bearer(tokens.access_token)), "answered"),
};

// Attack: another caller's identity, from before a panic.
test("a new instance of WASM keeps no answer of the former one", async () => {
  const session = async (token: string) => (await postern().fetch("/who", { headers: bearer(token) })).headers.get("x-auth-session");
  for (let instance = 0; instance < 3; instance += 1) {
    const own = (await signIn(postern())).access_token;
    // Made, made to be kept, and kept.
    const told = [await session(own), await session(own), await session(own)];
    const claims = JSON.parse(Buffer.from(own.split(".")[1] ?? "", "base64url").toString()) as { sid: string };
    expect(told).toEqual([claims.sid, claims.sid, claims.sid]);
    await postern().fetch("/.renew");
  }
});

describe("nothing is left behind by", () => {
  test.for(Object.keys(WORK))("%s", { timeout: 180_000 }, async (name) => {
    const work = WORK[name] as (index: number) => Promise<unknown>;
    await repeated(100, work);
    const before = await held();
    await repeated(COUNT, work);
    const after = await settled(before.live + SLACK);
    console.log(`${name}: ${COUNT} of them, live references ${before.live} to ${after.live}, memory of WASM ${before.memory >> 10} to ${after.memory >> 10} KiB`);
    expect(after.live - before.live, JSON.stringify(after.kinds)).toBeLessThanOrEqual(SLACK);
  });

  test("sockets that the rule closes", { timeout: 120_000 }, async () => {
    const before = await held();
    for (let round = 0; round < 4; round += 1) {
      const session = await signIn(postern());
      const all = await Promise.all(Array.from({ length: 100 }, () => openSocket(postern().url, "/socket/echo", bearer(session.access_token))));
      await post(postern(), "/auth/logout", undefined, bearer(session.access_token));
      for (const client of all) {
        expect((await client.closed)?.code).toBe(1008);
        client.send(CLOSE, closing(1008));
        client.socket.end();
      }
    }
    const after = await settled(before.live + SLACK);
    expect(after.live - before.live, JSON.stringify(after.kinds)).toBeLessThanOrEqual(SLACK);
  });
});
