// How sockets under a rule end, and what becomes of an end that does not read.
import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, signIn, type Tokens } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { eventually } from "./support/poll.ts";
import { shared } from "./support/postern.ts";
import { BINARY, CLOSE, closing, ECHO, openSocket, socketOrigin, TEXT, type Client, type End, type SocketOrigin } from "./support/sockets.ts";

const MB = 1024 * 1024;

let origin: SocketOrigin;
/** Codes of the close frames that the origin got, in order. */
const heard: (number | undefined)[] = [];
/** The newest socket of a path whose origin does nothing by itself. */
let last: End;

const postern = shared(async () => {
  const note = (payload: Buffer) => heard.push(payload.length < 2 ? undefined : payload.readUInt16BE(0));
  origin = await socketOrigin({
    "/echo": (end, request) => {
      const echo = ECHO(end, request);
      return {
        frame(each) {
          if (each.opcode === CLOSE) note(each.payload);
          echo.frame?.(each);
        },
      };
    },
    "/manual": (end) => {
      last = end;
      return {
        frame({ opcode, payload }) {
          if (opcode === CLOSE) note(payload);
        },
      };
    },
    "/deaf": (end) => {
      last = end;
      end.socket.pause();
      return {};
    },
  });
  return {
    direct: true,
    vars: settings({}, [
      { name: "watched", path: "/watched/{*rest}", strip_prefix: "/watched", upstream: origin.url, websocket: { close_on_revocation: true, check_interval: 1 } },
      { name: "free", path: "/free/{*rest}", strip_prefix: "/free", upstream: origin.url },
    ]),
  };
});
afterAll(() => origin.stop());

let tokens: Tokens;
beforeAll(async () => {
  tokens = await signIn(postern());
});

const open = (path: string) => openSocket(postern().url, path, bearer(tokens.access_token));
const resident = () => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${postern().pid}/status`, "utf8"))?.[1]) / 1024;

describe.for(["/watched", "/free"])("%s", (route) => {
  test("2 000 messages and a close: every answer arrives first", async () => {
    const client = await open(`${route}/echo`);
    for (let index = 0; index < 2000; index += 1) client.send(TEXT, `message ${index}`);
    client.send(CLOSE, closing(4000, "that is all"));
    await client.got(2001);
    expect(client.frames.length).toBe(2001);
    expect(client.frames[1999]?.payload.toString()).toBe("message 1999");
    expect(await client.closed).toEqual({ code: 4000, reason: "that is all" });
    client.socket.destroy();
  });
});

describe("a close frame", () => {
  // So does the origin's answer.
  // Tests RFC 6455 section 5.5.1: a close frame passes with its code
  test("of the client passes with its code", async () => {
    for (const code of [1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999, undefined]) {
      const client = await open("/watched/echo");
      heard.length = 0;
      client.send(CLOSE, closing(code, code === undefined ? "" : "reason"));
      expect((await client.closed)?.code, String(code)).toBe(code);
      expect(heard).toEqual([code]);
      client.socket.destroy();
    }
  });

  test("of the origin is answered with the client's answer", async () => {
    const client = await open("/watched/manual");
    heard.length = 0;
    last.send(CLOSE, closing(4001, "moved"));
    expect(await client.closed).toEqual({ code: 4001, reason: "moved" });
    await delay(100);
    expect(heard, "not answered before the client did").toEqual([]);
    client.send(CLOSE, closing(4002, "noted"));
    await eventually("the answer", () => heard[0]);
    expect(heard).toEqual([4002]);
    client.socket.destroy();
    await eventually("the origin's connection ends too", () => (origin.open() === 0 ? true : undefined));
  });

  // Tests RFC 6455 section 7.4.1: reserved close codes are not sent
  test("with a code that nobody may send is sent to neither end", async () => {
    for (const code of [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]) {
      heard.length = 0;
      const client = await open("/watched/echo");
      client.send(CLOSE, closing(code));
      expect([1002, undefined], `client ${code}`).toContain((await client.closed)?.code);
      client.socket.destroy();
      const second = await open("/watched/manual");
      last.send(CLOSE, closing(code));
      expect([1014, undefined], `origin ${code}`).toContain((await second.closed)?.code);
      second.socket.destroy();
      await delay(30);
      expect(heard.filter((each) => ![1001, 1002, undefined].includes(each))).toEqual([]);
      last.socket.destroy();
    }
  });

  test("that the origin never answers is answered after 5 s", async () => {
    const client = await open("/watched/manual");
    const begun = Date.now();
    client.send(CLOSE, closing(4000, "bye"));
    expect(await client.closed).toEqual({ code: 4000, reason: "bye" });
    expect(Date.now() - begun).toBeGreaterThan(4000);
    expect(Date.now() - begun).toBeLessThan(8000);
    client.socket.destroy();
    last.socket.destroy();
  });
});

describe("denial of service by memory", () => {
  const chunk = Buffer.alloc(256 * 1024, "x");

  test("a client that does not read: both ends are closed", async () => {
    const client = await open("/watched/manual");
    client.pause();
    heard.length = 0;
    const before = resident();
    for (let sent = 0; sent < 200 * MB && heard.length === 0 && !last.socket.destroyed; sent += chunk.length) {
      last.send(BINARY, chunk);
      await delay(1);
    }
    await eventually("the close frame at the origin", () => heard[0]);
    expect(heard).toEqual([1013]);
    expect(resident() - before, "MB").toBeLessThan(80);
    await postern().logged(/"event":"access_refused","code":"messages_not_read","route":"watched"/);
    client.socket.destroy();
    last.socket.destroy();
  });

  test("an origin that does not read: both ends are closed", async () => {
    const client = await open("/watched/deaf");
    const before = resident();
    let isClosed = false;
    void client.closed.then(() => (isClosed = true));
    for (let sent = 0; sent < 200 * MB && !isClosed; sent += chunk.length) {
      client.send(BINARY, chunk);
      await delay(1);
    }
    expect((await client.closed)?.code).toBe(1013);
    expect(resident() - before, "MB").toBeLessThan(80);
    client.socket.destroy();
    last.socket.destroy();
  });

  test("many that read nothing share what one isolate has", async () => {
    // The kernel keeps several MB of each, so it takes many until the isolate certainly holds more than it shares.
    const all: { client: Client; end: End }[] = [];
    for (let index = 0; index < 40; index += 1) {
      const client = await open("/watched/manual");
      client.pause();
      all.push({ client, end: last });
    }
    heard.length = 0;
    // 7 MB each, which one alone may leave unread.
    for (let sent = 0; sent < 7 * MB; sent += chunk.length) {
      for (const { end } of all) end.send(BINARY, chunk);
      await delay(5);
    }
    await eventually("some of them are closed", () => (heard.length >= 3 ? true : undefined));
    expect(new Set(heard)).toEqual(new Set([1013]));
    // What waits for an end that was closed counts until its connection is gone, so it may be all of them.
    for (const { client, end } of all) {
      client.socket.destroy();
      end.socket.destroy();
    }
  });

  test("one that reads slowly, and one large message, are served", async () => {
    const client = await open("/watched/manual");
    heard.length = 0;
    last.send(BINARY, Buffer.alloc(20 * MB, "y"));
    await client.got(1);
    for (let part = 0; part < 20; part += 1) {
      last.send(BINARY, Buffer.alloc(MB, "z"));
      client.socket.pause();
      await delay(20);
      client.socket.resume();
      await client.got(2 + part);
    }
    expect(client.frames.length).toBe(21);
    expect(client.frames.every(({ opcode }) => opcode === BINARY)).toBe(true);
    client.socket.destroy();
    last.socket.destroy();
  });
});
