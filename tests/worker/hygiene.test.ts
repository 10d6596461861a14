// What a client smuggles in, an upstream smuggles out, and a cache in between would mix up.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { Response as OutboundResponse } from "miniflare";
import { afterAll, describe, expect, test } from "vitest";
import { bearer, expectProblem, json, signIn } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { rawRequest, UrlOrigin, type Seen } from "./support/origin.ts";
import { expectNoSecrets, shared, start } from "./support/postern.ts";
import { bytes, exchange, RawOrigin } from "./support/raw-origin.ts";

/** As many spellings as browsers take for the name. */
const PLANTED = [
  "__Secure-postern_refresh=evil; Path=/auth; Secure; HttpOnly",
  "__Secure-postern_csrf=evil; Path=/; Secure",
  "__Host-postern_access=evil; Path=/; Secure",
  "__Host-postern_session=evil; Path=/; Secure",
  "__host-POSTERN_access=evil; Path=/; Secure",
  " __Secure-postern_device = evil; Path=/auth; Secure",
  // Sent back without the first sign, and then a pair like any other.
  "=__Secure-postern_refresh=evil; Path=/auth",
];
const planted = PLANTED.map((cookie) => `set-cookie: ${cookie}\r\n`).join("");

let raw: RawOrigin;
let origin: UrlOrigin;
const ROUTES = ["carried", "cors", "total"];
const postern = shared(async () => {
  raw = await RawOrigin.start({
    "/planted": bytes(`HTTP/1.1 201 Created\r\nset-cookie: first=1; Path=/\r\n${planted}set-cookie: last=2\r\nx-kept: yes\r\ncontent-length: 2\r\n\r\nhi`),
    "/upgrade": (socket, head) => {
      const key = /sec-websocket-key: (\S+)/i.exec(head)?.[1];
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n${planted}set-cookie: own=1\r\n\r\n`);
      socket.write(Buffer.from([0x81, 2, 0x68, 0x69]));
    },
  });
  origin = await UrlOrigin.start();
  const open = { access: "public", upstream: raw.url };
  return {
    direct: true,
    vars: settings({}, [
      { name: "carried", path: "/carried/{*rest}", ...open, strip_prefix: "/carried" },
      { name: "cors", path: "/cors/{*rest}", ...open, strip_prefix: "/cors", cors: { origins: ["https://app.example.test"] } },
      { name: "total", path: "/total/{*rest}", ...open, strip_prefix: "/total", total_timeout_ms: 5000 },
      { name: "socket", path: "/socket/{*rest}", upstream: raw.url, strip_prefix: "/socket", websocket: { close_on_expiry: true } },
      { name: "seen", path: "/seen/{*rest}", access: "public", upstream: origin.url },
      { name: "retried", path: "/retried/{*rest}", access: "public", upstream: origin.url, retry: true },
      { name: "kept", path: "/kept/{*rest}", access: "optional", upstream: origin.url, keep_token: true },
    ]),
  };
});
afterAll(async () => {
  await raw.stop();
  await origin.stop();
});

const sent = (method: string, path: string, headers = "", body = "") =>
  exchange(postern().url, `${method} ${path} HTTP/1.1\r\nhost: gate.example.test\r\n${headers}connection: close\r\n\r\n${body}`);
const faults = () => postern().logs.filter((line) => line.includes('"part":"upstream"')).length;

describe("headers in", () => {
  // Tests RFC 9110 section 7.6.1: hop-by-hop headers are not forwarded
  test("headers between neighbours end here, by name", async () => {
    const ended = ["keep-alive", "te", "trailer", "proxy-authorization", "proxy-connection", "http2-settings"];
    const lines = [...ended.map((name) => `${name}: x\r\n`), "connection: HTTP2-Settings, X-Named\r\n", "x-named: 1\r\n", "x-other: 1\r\n"].join("");
    const { text } = await sent("GET", "/seen/x", lines);
    const { headers } = JSON.parse(/\{"method.*\}/.exec(text)?.[0] ?? "") as Seen;
    const names = headers.map(([name]) => name.toLowerCase());
    expect(names.filter((name) => [...ended, "x-named"].includes(name))).toEqual([]);
    expect(names).toContain("x-other");
  });

  // No name that a gate or a proxy uses for a caller, a place or a request.
  test("forgery: no other proxy's header reaches the origin", async () => {
    const forged: [string, string][] = [
      ...["x-forwarded-user", "X_Forwarded_Email", "x-forwarded-groups", "x-forwarded-preferred-username", "x-forwarded-access-token"],
      ...["x-forwarded-client-cert", "x-forwarded-uri", "x-forwarded-method", "x-forwarded-path", "x-forwarded-scheme", "x-forwarded-ssl", "x-forwarded"],
      ...["x-original-uri", "x-original-host", "x-original-path", "x-rewrite-uri", "x-host", "x-http-host-override"],
      ...["true-client-ip", "x-client-ip", "x-cluster-client-ip", "client-ip"],
    ].map((name) => [name, "forged"]);
    const { body } = await rawRequest(postern().url, "GET", "/seen/x", forged);
    expect((JSON.parse(body) as Seen).headers.filter(([, value]) => value.includes("forged"))).toEqual([]);
  });

  // After a tab. An origin might read it.
  test("two readers: a token behind other credentials is refused", async () => {
    const { access_token } = await signIn(postern());
    for (const gap of [" ", "\t", "\t \t"]) {
      const { text } = await sent("GET", "/kept/x", `authorization: Basic eDp5,${gap}Bearer${gap}${access_token}\r\n`);
      expect(text).toMatch(/^HTTP\/1.1 400 /);
    }
  });
});

describe("bodies of requests that have none", () => {
  test("an empty one, announced as such, is none", async () => {
    const before = faults();
    for (const path of ["/seen/x", "/retried/x"]) {
      for (const method of ["GET", "HEAD"]) {
        expect((await sent(method, path, "content-length: 0\r\n")).text, `${method} ${path}`).toMatch(/^HTTP\/1.1 200 /);
      }
    }
    expect(faults()).toBe(before);
  });

  // The client's mistake, and no fault of the origin's.
  test("denial of service by alarm: a GET with a body is a 400", async () => {
    const before = [faults(), origin.requests];
    for (const path of ["/seen/x", "/retried/x"]) {
      for (const [headers, body] of [
        ["content-length: 3\r\n", "abc"],
        ["transfer-encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n"],
      ] as const) {
        const { text } = await sent("GET", path, headers, body);
        expect(text, path).toMatch(/^HTTP\/1.1 400 /);
        expect(text).toContain('"unexpected_body"');
      }
    }
    expect([faults(), origin.requests]).toEqual(before);
  });
});

describe("methods", () => {
  // It reaches the origin with the method that the policy judged, and not as GET.
  test("method confusion: an upgrade keeps its judged method", async () => {
    for (const path of ["/seen/x", "/retried/x"]) {
      for (const method of ["POST", "DELETE", "PUT"]) {
        const { body } = await rawRequest(postern().url, method, path, [["upgrade", "websocket"]], "abc");
        expect((JSON.parse(body) as Seen).method, `${method} ${path}`).toBe(method);
      }
    }
  });

  // It would send back what the gate tells it.
  // Tests RFC 9110 section 9.3.8: TRACE reaches no origin
  test("cross-site tracing: TRACE reaches no origin", async () => {
    const before = origin.requests;
    expect((await sent("TRACE", "/seen/x")).text).toMatch(/^HTTP\/1.1 405 [^]*\r\nallow: [A-Z, ]*GET/i);
    expect((await sent("TRACE", "/no-such-path")).text).toMatch(/^HTTP\/1.1 404 /);
    expect(origin.requests).toBe(before);
  });
});

describe("cookies out", () => {
  // Its own cookies pass.
  // Tests RFC 6265bis section 8.6: an origin cannot set our cookies
  test.for(ROUTES)("session fixation: no origin sets our cookies: %s", async (route) => {
    const response = await postern().fetch(`/${route}/planted`);
    expect(await response.text()).toBe("hi");
    expect(response.status).toBe(201);
    expect(response.headers.getSetCookie()).toEqual(["first=1; Path=/", "last=2"]);
    expect(response.headers.get("x-kept")).toBe("yes");
  });

  test.for(["carried", "total", "socket"])("nor with a WebSocket, which opens all the same: %s", async (route) => {
    const { access_token } = await signIn(postern());
    const outgoing = request(`${postern().url}/${route}/upgrade`, {
      headers: { connection: "upgrade", upgrade: "websocket", "sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", ...bearer(access_token) },
    });
    outgoing.end();
    const [answer, socket, head] = (await once(outgoing, "upgrade")) as [IncomingMessage, Socket, Buffer];
    const [message] = head.length > 0 ? [head] : ((await once(socket, "data")) as [Buffer]);
    socket.destroy();
    expect(answer.statusCode).toBe(101);
    expect(answer.headers["set-cookie"]).toEqual(["own=1"]);
    expect(message.toString("latin1")).toBe("\x81\x02hi");
  });
});

// One caller's answer would be the next one's.
// Tests RFC 9111 section 3.5: a shared cache keeps no answer to a request with credentials
test("no answer by access token is cached or served from cache", async () => {
  const gate = await start({
    outbound: (request) => OutboundResponse.json({ cf: request.cf ?? null, headers: Object.fromEntries(request.headers) }),
    vars: settings({}, [
      { name: "cached-public", path: "/cached/public", access: "public", upstream: "https://origin.example" },
      { name: "cached-required", path: "/cached/required", upstream: "https://origin.example" },
      { name: "cached-optional", path: "/cached/optional", access: "optional", upstream: "https://origin.example" },
      { name: "cached-retried", path: "/cached/retried", upstream: "https://origin.example", retry: true },
    ]),
  });
  try {
    const { access_token } = await signIn(gate);
    const told = async (path: string, init: RequestInit = {}) =>
      json<{ cf: Record<string, unknown> | null; headers: Record<string, string> }>(await gate.fetch(path, { ...init, headers: bearer(access_token) }));
    for (const path of ["/cached/required", "/cached/optional", "/cached/retried"]) {
      const { cf, headers } = await told(path);
      expect(cf, path).toMatchObject({ cacheTtl: -1, cacheLevel: "bypass" });
      // Caches of the origin's own are its own affair: nothing is asked of them that the client did not ask.
      expect(headers).not.toHaveProperty("cache-control");
      expect(headers).not.toHaveProperty("pragma");
    }
    expect((await told("/cached/public")).cf ?? {}).not.toHaveProperty("cacheTtl");
    // The platform's cache has answers to GET and HEAD alone.
    expect((await told("/cached/required", { method: "POST", body: "x" })).cf ?? {}).not.toHaveProperty("cacheTtl");
    // Anonymous on the optional route too: else what strangers left there would be given to those who are known.
    const { cf } = await json<{ cf: Record<string, unknown> }>(await gate.fetch("/cached/optional"));
    expect(cf).toMatchObject({ cacheTtl: -1 });
    await expectProblem(await gate.fetch("/cached/required"), 401, "credentials_required");
  } finally {
    await gate.dispose();
    expectNoSecrets(gate);
  }
});
