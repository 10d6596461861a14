// Bodies on their way to an origin: whose fault it is when one does not arrive, and that all others pass.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { settings } from "./support/config.ts";
import { eventually } from "./support/poll.ts";
import { shared } from "./support/postern.ts";
import { RawOrigin } from "./support/raw-origin.ts";

let raw: RawOrigin;
let echo: Server;
const postern = shared(async () => {
  raw = await RawOrigin.start({
    "/mute": () => {},
    "/dies": (socket) => setTimeout(() => socket.resetAndDestroy(), 50),
    "/early": (socket) => socket.end("HTTP/1.1 413 Content Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno"),
    "/deaf": (socket) => socket.pause(),
    // While the client is sending: the head was read, and some of the body.
    "/dies-late": (socket) => socket.on("data", () => socket.resetAndDestroy()),
  });
  // Says back what comes, as it comes.
  echo = createServer((request, response) => {
    response.writeHead(200, { "x-length": request.headers["content-length"] ?? "none" });
    response.flushHeaders();
    request.pipe(response);
  });
  echo.listen(0, "127.0.0.1");
  await once(echo, "listening");
  const open = { access: "public" };
  return {
    direct: true,
    vars: settings({}, [
      { name: "plain", path: "/plain/{*rest}", strip_prefix: "/plain", ...open, upstream: raw.url },
      { name: "rules", path: "/rules/{*rest}", strip_prefix: "/rules", ...open, upstream: raw.url, retry: true, total_timeout_ms: 20_000 },
      { name: "hasty", path: "/hasty/{*rest}", strip_prefix: "/hasty", ...open, upstream: raw.url, timeout_ms: 500 },
      { name: "said-back", path: "/said-back", ...open, upstream: `http://127.0.0.1:${(echo.address() as AddressInfo).port}` },
    ]),
  };
});
afterAll(async () => {
  await raw.stop();
  echo.closeAllConnections();
  echo.close();
});

let from = 0;
beforeEach(() => {
  from = postern().logs.length;
});
const events = (pattern: RegExp) => postern().logs.slice(from).filter((line) => pattern.test(line));
const FAULT = /"part":"upstream"/;

/** Sends a head and the beginning of a body, does something then, and gives what came back. */
async function upload(path: string, framing: string, part: string, then: (socket: Socket) => void): Promise<string> {
  const { hostname, port } = new URL(postern().url);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.on("error", () => {});
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.write(`POST ${path} HTTP/1.1\r\nhost: gate.example.test\r\n${framing}\r\n\r\n${part}`);
  await delay(150);
  then(socket);
  await eventually("an answer, or the end", () => (socket.destroyed || /\r\n\r\n[^]+/.test(received) ? true : undefined));
  await delay(50);
  socket.destroy();
  return received;
}

const LENGTH = "content-length: 100000";
const CHUNKED = "transfer-encoding: chunked";
const CHUNK = "4\r\npart\r\n";

describe.for(["plain", "rules"])("on the route %s", (route) => {
  test("a client that breaks off is no fault of the origin's", async () => {
    for (const [framing, part] of [[LENGTH, "part"], [CHUNKED, CHUNK]] as const) {
      await upload(`/${route}/mute`, framing, part, (socket) => socket.destroy());
      await upload(`/${route}/mute`, framing, part, (socket) => socket.resetAndDestroy());
      const half = await upload(`/${route}/mute`, framing, part, (socket) => socket.end());
      expect(half).toMatch(/^HTTP\/1.1 400 [^]*"body_incomplete"/);
    }
    await eventually("the events", () => events(/"access_refused","code":"body_incomplete","route":"(plain|rules)"/)[1]);
    expect(events(FAULT)).toEqual([]);
  });

  test("a broken chunk is 400", async () => {
    const late = await upload(`/${route}/mute`, CHUNKED, CHUNK, (socket) => socket.write("ZZ\r\nhello\r\n"));
    const first = await upload(`/${route}/mute`, CHUNKED, "ZZ\r\nhello\r\n", () => {});
    for (const answer of [late, first]) expect(answer).toMatch(/^HTTP\/1.1 400 [^]*"body_incomplete"/);
    expect(events(FAULT)).toEqual([]);
  });

  test("an origin that breaks off is 502, with route and host", async () => {
    for (const [framing, part] of [[LENGTH, "part"], [CHUNKED, CHUNK], ["content-length: 4", "part"]] as const) {
      expect(await upload(`/${route}/dies`, framing, part, () => {})).toMatch(/^HTTP\/1.1 502 [^]*"upstream_unreachable"/);
    }
    expect(events(FAULT).length).toBe(3);
    for (const line of events(FAULT)) {
      expect(JSON.parse(line)).toMatchObject({ event: "fault", part: "upstream", route, upstream: new URL(raw.url).host });
    }
  });

  test("an early answer passes before the body's end", async () => {
    expect(await upload(`/${route}/early`, LENGTH, "part", () => {})).toMatch(/^HTTP\/1.1 413 /);
    expect(events(FAULT)).toEqual([]);
  });
});

test("a body that is too slow is 408 when the time is over", async () => {
  for (const [framing, part] of [[LENGTH, "part"], [CHUNKED, CHUNK]] as const) {
    expect(await upload("/hasty/mute", framing, part, () => {})).toMatch(/^HTTP\/1.1 408 [^]*"body_timeout"/);
  }
  expect(events(FAULT)).toEqual([]);
});

test("an origin that does not answer a whole body is 504", async () => {
  expect(await upload("/hasty/mute", "content-length: 4", "part", () => {})).toMatch(/^HTTP\/1.1 504 [^]*"upstream_timeout"/);
  expect(events(FAULT).length).toBe(1);
});

test("an origin that does not read is 504", async () => {
  const megabytes = 32 * 1024 * 1024;
  expect(await upload("/hasty/deaf", `content-length: ${megabytes}`, "x".repeat(megabytes), () => {})).toMatch(/^HTTP\/1.1 504 /);
  expect(events(FAULT).length).toBe(1);
});

test("an origin that breaks off while the client sends is 502", async () => {
  const megabytes = 8 * 1024 * 1024;
  for (const [framing, part] of [
    [`content-length: ${megabytes}`, "x".repeat(megabytes)],
    [`content-length: ${2 * megabytes}`, "x".repeat(megabytes)],
    [CHUNKED, `${megabytes.toString(16)}\r\n${"x".repeat(megabytes)}\r\n`],
  ] as const) {
    for (const path of ["/plain/dies", "/plain/dies-late", "/rules/dies-late"]) {
      from = postern().logs.length;
      expect(await upload(path, framing, part, () => {}), path).toMatch(/^HTTP\/1.1 502 /);
      expect(events(FAULT).length).toBe(1);
    }
  }
});

test("bodies of every size arrive whole, with their length", async () => {
  for (const size of [1, 4095, 65_536, 5_000_000]) {
    const body = Buffer.alloc(size, "abcdefghij");
    const whole = await postern().fetch("/said-back", { method: "POST", body });
    expect(whole.headers.get("x-length")).toBe(String(size));
    expect(Buffer.from(await whole.arrayBuffer()).equals(body)).toBe(true);
    const stream = new Blob([body]).stream();
    const chunked = await postern().fetch("/said-back", { method: "PUT", body: stream, duplex: "half" } as RequestInit);
    expect(chunked.headers.get("x-length")).toBe("none");
    expect(Buffer.from(await chunked.arrayBuffer()).equals(body)).toBe(true);
  }
  const empty = await postern().fetch("/said-back", { method: "POST" });
  expect(empty.headers.get("x-length")).toBe("0");
});

test("an answer that began goes on with the body", async () => {
  const { hostname, port } = new URL(postern().url);
  const socket = connect(Number(port), hostname);
  let received = "";
  socket.on("data", (chunk: Buffer) => (received += chunk.toString("latin1")));
  socket.write(`POST /said-back HTTP/1.1\r\nhost: gate.example.test\r\n${CHUNKED}\r\n\r\n5\r\nfirst\r\n`);
  await eventually("the first part", () => (received.includes("first") ? true : undefined));
  await delay(1500);
  socket.write("6\r\nsecond\r\n0\r\n\r\n");
  await eventually("the second part", () => (received.includes("second") ? true : undefined));
  socket.destroy();
});

test("a body of ours that breaks off is 400", async () => {
  const json = "content-type: application/json";
  expect(await upload("/auth/login", `${json}\r\ncontent-length: 1000`, '{"login":', (socket) => socket.end())).toMatch(/^HTTP\/1.1 400 [^]*"body_incomplete"/);
  expect(await upload("/auth/login", `${json}\r\n${CHUNKED}`, "ZZ\r\n", () => {})).toMatch(/^HTTP\/1.1 400 [^]*"body_incomplete"/);
});
