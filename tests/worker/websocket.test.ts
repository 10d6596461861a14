// WebSockets through the gate: messages both ways, close codes, and the rules that end an open socket.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { createHash } from "node:crypto";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, json, post, signIn, type Tokens } from "./support/client.ts";
import { ADMIN, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { eventually } from "./support/poll.ts";
import { shared } from "./support/postern.ts";

/** An upstream that accepts, sends one message and then is deaf and mute until told to break off. */
async function deafUpstream(): Promise<{ server: Server; url: string; sockets: Set<Socket> }> {
  const server = createServer();
  const sockets = new Set<Socket>();
  server.on("upgrade", (request, socket: Socket) => {
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
    socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets };
}

let deaf: Awaited<ReturnType<typeof deafUpstream>>;
const WATCH = { close_on_expiry: true, close_on_revocation: true, check_interval: 1 };
const postern = shared(async () => {
  deaf = await deafUpstream();
  return {
    direct: true,
    vars: settings({ POSTERN_LEEWAY: 0, POSTERN_ACCESS_TOKEN_LIFETIME: 8 }, [
      { name: "watched", path: "/watched/ws", service: "ORIGIN", strip_prefix: "/watched", websocket: WATCH },
      { name: "unfed", path: "/unfed/ws", service: "ORIGIN", strip_prefix: "/unfed", revocation: "none", websocket: { close_on_revocation: true, check_interval: 1 } },
      { name: "expiring", path: "/expiring/ws", service: "ORIGIN", strip_prefix: "/expiring", websocket: { close_on_expiry: true } },
      { name: "free", path: "/free/ws", service: "ORIGIN", strip_prefix: "/free" },
      { name: "deaf", path: "/deaf", upstream: deaf.url, websocket: { close_on_revocation: true } },
    ]),
  };
});
afterAll(() => {
  deaf.server.close();
  for (const socket of deaf.sockets) socket.destroy();
});

interface Closed {
  code: number;
  reason: string;
}

async function open(path: string, tokens: Tokens): Promise<{ socket: WebSocket; received: (string | ArrayBuffer)[]; closed: Promise<Closed> }> {
  const url = new URL(path, postern().url.replace("http:", "ws:"));
  const socket = new WebSocket(url, { headers: bearer(tokens.access_token) } as unknown as string[]);
  socket.binaryType = "arraybuffer";
  const received: (string | ArrayBuffer)[] = [];
  socket.addEventListener("message", ({ data }) => received.push(data as string | ArrayBuffer));
  const closed = new Promise<Closed>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", () => reject(new Error("the socket did not open")));
  });
  // The demo origin's first message says who it is.
  await eventually("the first message", () => received[0]);
  return { socket, received, closed };
}

let alice: Tokens;
beforeAll(async () => {
  alice = await signIn(postern());
});

describe.for(["/watched/ws", "/free/ws"])("%s", (path) => {
  test("text and binary come back as they went, in order", async () => {
    const { socket, received, closed } = await open(path, await signIn(postern()));
    for (let index = 0; index < 200; index += 1) {
      socket.send(`päyload ${index}`);
      socket.send(new Uint8Array([index, 0, 255]));
    }
    await eventually("all messages", () => (received.length === 401 ? true : undefined));
    for (let index = 0; index < 200; index += 1) {
      expect(received[1 + 2 * index]).toBe(`päyload ${index}`);
      expect([...new Uint8Array(received[2 + 2 * index] as ArrayBuffer)]).toEqual([index, 0, 255]);
    }
    socket.close(4123, "done");
    expect(await closed).toEqual({ code: 4123, reason: "done" });
  });
});

test("a socket is closed at the next look after its session ended", async () => {
  const tokens = await signIn(postern());
  const { closed } = await open("/watched/ws", tokens);
  const begun = Date.now();
  await post(postern(), "/auth/logout", undefined, bearer(tokens.access_token));
  expect(await closed).toEqual({ code: 1008, reason: "session ended" });
  expect(Date.now() - begun).toBeLessThan(3000);
});

// At the next look, unless its route looks at no feed.
test("a socket closes after its access token was revoked", async () => {
  const [tokens, operator] = [await signIn(postern()), await signIn(postern(), { login: ADMIN })];
  const [watched, unfed] = [await open("/watched/ws", tokens), await open("/unfed/ws", tokens)];
  const order = { kind: "access_token", jti: claimsOf(tokens.access_token)["jti"] };
  await json(await post(postern(), "/admin/revocations", order, bearer(operator.access_token)));
  expect(await watched.closed).toEqual({ code: 1008, reason: "access token revoked" });
  expect(unfed.socket.readyState).toBe(WebSocket.OPEN);
  unfed.socket.close();
  await unfed.closed;
});

test("another session's end does not touch it", async () => {
  const { socket, closed } = await open("/watched/ws", await signIn(postern()));
  const other = await signIn(postern());
  await post(postern(), "/auth/logout", undefined, bearer(other.access_token));
  await delay(1500);
  expect(socket.readyState).toBe(WebSocket.OPEN);
  socket.close(1000);
  await closed;
});

test("a socket closes when its token expires, by rule only", async () => {
  const tokens = await signIn(postern());
  const [watched, free] = [await open("/expiring/ws", tokens), await open("/free/ws", tokens)];
  expect(await watched.closed).toEqual({ code: 1008, reason: "access token expired" });
  expect(free.socket.readyState).toBe(WebSocket.OPEN);
  free.socket.close();
  await free.closed;
});

// A client that goes leaves nothing half open.
test("an upstream that breaks off is 1014 to the client", async () => {
  const first = await open("/deaf", await signIn(postern()));
  for (const socket of deaf.sockets) socket.destroy();
  expect((await first.closed).code).toBe(1014);
  // An upstream that never answers a close frame: the client is done with it all the same.
  const second = await open("/deaf", await signIn(postern()));
  second.socket.close(4000, "bye");
  expect(await second.closed).toEqual({ code: 4000, reason: "bye" });
});

test("a watched socket needs a sound access token", async () => {
  await expect(open("/watched/ws", { ...alice, access_token: "a.b.c" })).rejects.toThrow("did not open");
});
