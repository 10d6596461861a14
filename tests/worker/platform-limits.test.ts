// What docs/reference/platform-limits.md says of the platform, as the pinned workerd does it. When one of these fails after a new
// workerd, the page is to be corrected, and its reader has one limit less.
import { createServer, type Http2Server } from "node:http2";
import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, expectProblem, signIn, type Tokens } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { eventually } from "./support/poll.ts";
import { shared } from "./support/postern.ts";
import { exchange, RawOrigin } from "./support/raw-origin.ts";
import { BINARY, CLOSE, ECHO, openSocket, socketOrigin, TEXT, type SocketOrigin } from "./support/sockets.ts";

const PING = 9;
const PONG = 10;
const MB = 1024 * 1024;

let raw: RawOrigin;
let sockets: SocketOrigin;
let h2: Http2Server;
const opcodes: number[] = [];
const postern = shared(async () => {
  raw = await RawOrigin.start({
    "/trailers": (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-type: application/grpc\r\ntransfer-encoding: chunked\r\ntrailer: grpc-status\r\n\r\n2\r\nhi\r\n0\r\ngrpc-status: 0\r\n\r\n"),
    "/early": (socket) => socket.write("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\n\r\nno"),
    "/continue": (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
  });
  sockets = await socketOrigin({
    "/echo": (end, request) => {
      const echo = ECHO(end, request);
      return {
        frame(each) {
          opcodes.push(each.opcode);
          echo.frame?.(each);
        },
      };
    },
  });
  // HTTP/2 without TLS, and nothing else.
  h2 = createServer((_, response) => response.end("hi"));
  h2.listen(0, "127.0.0.1");
  await once(h2, "listening");
  const open = { access: "public", upstream: raw.url };
  return {
    direct: true,
    vars: settings({}, [
      { name: "raw", path: "/raw/{*rest}", strip_prefix: "/raw", ...open },
      { name: "h2", path: "/h2", ...open, upstream: `http://127.0.0.1:${(h2.address() as AddressInfo).port}` },
      { name: "free", path: "/free/{*rest}", strip_prefix: "/free", upstream: sockets.url },
      { name: "ruled", path: "/ruled/{*rest}", strip_prefix: "/ruled", upstream: sockets.url, websocket: { close_on_expiry: true } },
    ]),
  };
});
afterAll(async () => {
  await raw.stop();
  await sockets.stop();
  h2.close();
});
let tokens: Tokens;
beforeAll(async () => {
  tokens = await signIn(postern());
});

test("trailers do not pass, and with them no status of gRPC", async () => {
  const { text } = await exchange(postern().url, "GET /raw/trailers HTTP/1.1\r\nhost: x\r\nte: trailers\r\nconnection: close\r\n\r\n");
  expect(text).toMatch(/^HTTP\/1.1 200 /);
  expect(text).not.toMatch(/grpc-status: 0/);
});

test("an origin that speaks HTTP/2 alone is 502", async () => {
  await expectProblem(await postern().fetch("/h2"), 502, "upstream_unreachable");
});

test("an early answer passes, and the rest of the body is taken", async () => {
  const { hostname, port } = new URL(postern().url);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.write("POST /raw/early HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\npart");
  await eventually("the answer", () => (received.includes("\r\n\r\nno") ? true : undefined));
  expect(received).toMatch(/^HTTP\/1.1 413 /);
  socket.destroy();
});

test("the platform says 100 Continue before the origin does", async () => {
  const { hostname, port } = new URL(postern().url);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  const before = raw.count("/continue");
  socket.write("POST /raw/continue HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n");
  await new Promise((resolve) => setTimeout(resolve, 500));
  const interim = received;
  socket.write("hi");
  await eventually("the answer", () => (/HTTP\/1.1 200 /.test(received) ? true : undefined));
  socket.destroy();
  expect(raw.count("/continue") - before).toBe(1);
  expect(raw.heads.at(-1)).not.toMatch(/^expect:/im);
  console.log(`interim answer: ${JSON.stringify(interim)}`);
});

describe.for(["/free/echo", "/ruled/echo"])("a socket at %s", (path) => {
  const open = () => openSocket(postern().url, path, bearer(tokens.access_token));

  test(path.startsWith("/free") ? "has its pings carried" : "gets its pings answered by the platform", async () => {
    const client = await open();
    opcodes.length = 0;
    client.send(PING, "are you there");
    await client.got(1);
    const isCarried = path.startsWith("/free");
    expect(client.frames[0]?.opcode).toBe(isCarried ? PING : PONG);
    expect(opcodes.includes(PING)).toBe(isCarried);
    client.socket.destroy();
  });

  test("takes messages up to 32 MiB", async () => {
    const client = await open();
    client.send(BINARY, Buffer.alloc(31 * MB));
    await client.got(1);
    expect(client.frames[0]?.payload.length).toBe(31 * MB);
    client.send(BINARY, Buffer.alloc(33 * MB));
    const closed = await Promise.race([client.closed, client.got(2)]);
    const code = closed !== undefined && closed !== null && typeof closed === "object" && "code" in closed ? closed.code : undefined;
    console.log(`33 MiB at ${path}: ${JSON.stringify(code)}, ${client.frames[1]?.payload.length}`);
    // Under a rule the isolate has to hold it, and does not.
    if (path.startsWith("/ruled")) {
      expect([1009, undefined]).toContain(code);
      expect(client.frames.filter(({ opcode }) => opcode === BINARY)).toHaveLength(1);
    }
    client.socket.destroy();
  });

  test("gets text that is not UTF-8 mended under a rule", async () => {
    const client = await open();
    client.send(TEXT, Buffer.from([0x61, 0xff, 0x62]));
    await client.got(1);
    const [first] = client.frames;
    console.log(`invalid UTF-8 at ${path}: ${first?.opcode} ${first?.payload.toString("hex")}`);
    if (first?.opcode !== CLOSE) expect(first?.payload.toString("latin1")).toBe(path.startsWith("/free") ? "a\xffb" : Buffer.from("a\ufffdb").toString("latin1"));
    client.socket.destroy();
  });
});
