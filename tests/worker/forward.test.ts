// What passes through the gate byte for byte, and an origin that sends odd things. Straight to the Worker: Miniflare's
// front would set headers, compress and hold back.
import { afterAll, describe, expect, test } from "vitest";
import { bearer, expectProblem, json, signIn } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { rawRequest, UrlOrigin, type Seen } from "./support/origin.ts";
import { shared } from "./support/postern.ts";
import { bytes, exchange, RawOrigin } from "./support/raw-origin.ts";

const GIANT = "g".repeat(60_000);
/** No compressor ever made this: whoever looks inside fails on it. */
const NO_GZIP = "not\x00compressed\xff";

let raw: RawOrigin;
let origin: UrlOrigin;
let dropped = 0;

function encoded(encoding: string) {
  return bytes(`HTTP/1.1 200 OK\r\ncontent-encoding: ${encoding}\r\ncontent-length: ${NO_GZIP.length}\r\n\r\n${NO_GZIP}`);
}

const postern = shared(async () => {
  raw = await RawOrigin.start({
    "/999": bytes("HTTP/1.1 999 Odd\r\ncontent-length: 2\r\n\r\nhi"),
    "/600": bytes("HTTP/1.1 600 Odd\r\ncontent-length: 2\r\n\r\nhi"),
    "/099": bytes("HTTP/1.1 099 Odd\r\ncontent-length: 2\r\n\r\nhi"),
    "/526": bytes("HTTP/1.1 526 Invalid SSL certificate\r\ncontent-length: 2\r\n\r\nhi"),
    "/530": bytes("HTTP/1.1 530 Origin DNS error\r\ncontent-length: 2\r\n\r\nhi"),
    "/529": bytes("HTTP/1.1 529 Overloaded\r\ncontent-length: 2\r\n\r\nhi"),
    "/trailers": (socket) => socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n2\r\nhi\r\n0\r\nx-sum: 1\r\n\r\n"),
    "/103": bytes("HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi"),
    "/101": bytes("HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    "/garbage": bytes("\x16\x03\x01 this is no HTTP\r\n\r\n"),
    "/nothing": (socket) => socket.end(),
    "/two-lengths": bytes("HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 20\r\n\r\nhi"),
    "/giant": bytes(`HTTP/1.1 200 OK\r\nx-giant: ${GIANT}\r\ncontent-length: 2\r\n\r\nhi`),
    "/too-giant": bytes(`HTTP/1.1 200 OK\r\nx-giant: ${GIANT.repeat(4)}\r\ncontent-length: 2\r\n\r\nhi`),
    "/latin-1": bytes("HTTP/1.1 200 OK\r\nx-name: J\xe4rn\r\nx-utf-8: J\xc3\xa4rn\r\ncontent-length: 2\r\n\r\nhi"),
    "/short": bytes("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this"),
    "/bad-chunk": bytes("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\nZZ\r\nsecret"),
    "/gzip": encoded("gzip"),
    "/br": encoded("br"),
    "/zstd": encoded("zstd"),
    "/range": bytes("HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 0-1/9\r\ncontent-length: 2\r\n\r\nhi"),
    "/head": bytes("HTTP/1.1 200 OK\r\ncontent-length: 12345\r\netag: \"e\"\r\n\r\n"),
    "/204": bytes("HTTP/1.1 204 No Content\r\nx-kept: yes\r\n\r\n"),
    "/304": bytes("HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\n\r\n"),
    "/stall": (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart"),
    "/mute": () => {},
    "/flaky": (socket) => {
      dropped += 1;
      if (dropped % 2 === 1) socket.destroy();
      else socket.end("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi");
    },
  });
  origin = await UrlOrigin.start();
  const open = { access: "public", upstream: raw.url };
  return {
    direct: true,
    ratelimits: { TIGHT: { namespace_id: "1", simple: { limit: 3, period: 60 as const } } },
    vars: settings({}, [
      { name: "retried", path: "/flaky/{*rest}", ...open, strip_prefix: "/flaky", retry: true },
      { name: "total", path: "/total/{*rest}", ...open, strip_prefix: "/total", total_timeout_ms: 400 },
      { name: "short-total", path: "/short-total/{*rest}", ...open, strip_prefix: "/short-total", total_timeout_ms: 100 },
      { name: "mute", path: "/mute", ...open, timeout_ms: 200, retry: true },
      { name: "cors", path: "/cors/{*rest}", ...open, strip_prefix: "/cors", cors: { origins: ["https://app.example.test"] } },
      { name: "tight", path: "/tight/{*rest}", ...open, strip_prefix: "/tight", rate_limit: { binding: "TIGHT", retry_after: 7 } },
      { name: "tight-user", path: "/tight-user", upstream: origin.url, rate_limit: { binding: "TIGHT", by: "subject" } },
      { name: "unbound", path: "/unbound-limit/{*rest}", ...open, strip_prefix: "/unbound-limit", rate_limit: { binding: "NOT_BOUND" } },
      { name: "seen", path: "/seen/{*rest}", access: "public", upstream: origin.url },
      { name: "raw", path: "/raw/{*rest}", ...open, strip_prefix: "/raw" },
    ]),
  };
});
afterAll(async () => {
  await raw.stop();
  await origin.stop();
});

const get = (path: string, headers = "") => exchange(postern().url, `GET ${path} HTTP/1.1\r\nhost: gate.example.test\r\n${headers}connection: close\r\n\r\n`);

describe("an origin that sends odd things", () => {
  test.for(["999", "600", "099", "101", "garbage", "nothing"])("is 502 without a byte of it: %s", async (what) => {
    for (const route of ["raw", "cors", "total"]) {
      await expectProblem(await postern().fetch(`/${route}/${what}`), 502, "upstream_unreachable");
    }
  });

  // An expired certificate is no exception on Cloudflare's network. A status of the origin's own is beside them.
  test("is 502 where Cloudflare answers in its place", async () => {
    for (const status of [526, 530]) {
      for (const route of ["raw", "cors", "total"]) {
        await expectProblem(await postern().fetch(`/${route}/${status}`), 502, "upstream_unreachable");
      }
      await postern().logged(new RegExp(`"part":"upstream","cause":"unreachable: Cloudflare answered with the status ${status} in its place"`));
    }
    expect((await postern().fetch("/raw/529")).status).toBe(529);
  });

  // Tests RFC 9110 section 15.2: interim answers do not end an exchange
  test("an interim answer is left out, and the final one passes", async () => {
    for (const route of ["raw", "cors"]) {
      const { text } = await get(`/${route}/103`);
      expect(text).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nhi$/);
      expect(text).not.toMatch(/early hints|link:/i);
    }
  });

  test("trailers spoil no later request of their connection", async () => {
    const before = raw.connections;
    for (let turn = 0; turn < 6; turn += 1) {
      const { text } = await get("/raw/trailers");
      expect(text, `request ${turn}`).toMatch(/^HTTP\/1.1 200 OK\r\n/);
      expect(text).toContain("2\r\nhi\r\n0\r\n");
      expect(text, "trailers do not pass").not.toContain("x-sum: 1");
    }
    expect(raw.connections - before, "connections are used again").toBeLessThan(6);
  });

  // Tests RFC 9112 section 6.3: two Content-Length that differ are an error
  test("two lengths that differ cannot smuggle an answer", async () => {
    const { text } = await get("/raw/two-lengths");
    expect(text).not.toMatch(/content-length: 20\r/i);
  });

  test("a giant header passes", async () => {
    expect((await get("/raw/giant")).text).toContain(`x-giant: ${GIANT}\r\n`);
  });

  test("headers outside ASCII keep their bytes, there and back", async () => {
    for (const route of ["raw", "cors"]) {
      const { text } = await get(`/${route}/latin-1`, "x-name: J\xe4rn\r\nx-utf-8: J\xc3\xa4rn\r\n");
      expect(text).toContain("x-name: J\xe4rn\r\n");
      expect(text).toContain("x-utf-8: J\xc3\xa4rn\r\n");
      const head = raw.heads.at(-1);
      expect(head).toContain("x-name: J\xe4rn\r\n");
      expect(head).toContain("x-utf-8: J\xc3\xa4rn\r\n");
    }
  });

  // It ends before its announced length.
  test("a truncated answer looks truncated to the client", async () => {
    const { text, closed } = await get("/raw/short");
    expect(text).toMatch(/content-length: 100\r/i);
    expect(text.endsWith("\r\n\r\nonly this")).toBe(true);
    expect(closed).toBe(true);
  });

  // Tests RFC 9112 section 8: nothing arrives behind a broken chunk
  test("of broken chunks nothing behind the break arrives", async () => {
    const { text } = await get("/raw/bad-chunk");
    expect(text).toContain("hello");
    expect(text).not.toContain("secret");
  });
});

describe("what passes byte for byte", () => {
  test.for(["gzip", "br", "zstd"])("a body in %s, also where headers are added", async (encoding) => {
    for (const route of ["raw", "cors", "total"]) {
      const { text } = await get(`/${route}/${encoding}`, `accept-encoding: ${encoding};q=0.5, x-own\r\n`);
      expect(text.toLowerCase()).toContain(`content-encoding: ${encoding}\r\n`);
      expect(text.slice(text.indexOf("\r\n\r\n") + 4)).toBe(NO_GZIP);
      expect(raw.heads.at(-1)?.toLowerCase()).toContain(`accept-encoding: ${encoding};q=0.5, x-own\r\n`);
    }
  });

  // Tests RFC 9110 section 14: a range and its 206 pass unchanged
  test("a range and its part", async () => {
    const { text } = await get("/raw/range", "range: bytes=0-1\r\nif-range: \"e\"\r\n");
    expect(text).toMatch(/^HTTP\/1.1 206 Partial Content\r\n/);
    expect(text.toLowerCase()).toContain("content-range: bytes 0-1/9\r\n");
    expect(raw.heads.at(-1)?.toLowerCase()).toContain("range: bytes=0-1\r\n");
  });

  // Tests RFC 9110 section 6.4.1: answers to HEAD, 204 and 304 have no content
  test("HEAD, 204 and 304: their headers, and no body", async () => {
    for (const route of ["raw", "cors"]) {
      const head = await exchange(postern().url, `HEAD /${route}/head HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`);
      expect(head.text).toMatch(/^HTTP\/1.1 200 OK\r\n/);
      expect(head.text.toLowerCase()).toContain("content-length: 12345\r\n");
      expect(head.text.endsWith("\r\n\r\n")).toBe(true);
      const none = await get(`/${route}/204`);
      expect(none.text).toMatch(/^HTTP\/1.1 204 No Content\r\n[^]*x-kept: yes\r\n([^]*\r\n)?\r\n$/);
      const unchanged = await get(`/${route}/304`, "if-none-match: \"e\"\r\n");
      expect(unchanged.text).toMatch(/^HTTP\/1.1 304 Not Modified\r\n[^]*etag: "e"\r\n([^]*\r\n)?\r\n$/i);
    }
  });

  test.for(["PROPFIND", "PURGE", "REPORT", "MKCOL", "SEARCH"])("the method %s", async (method) => {
    const answer = await rawRequest(postern().url, method, "/seen/x");
    expect((JSON.parse(answer.body) as Seen).method).toBe(method);
  });

  // Tests RFC 9110 section 10.1.1: a client that waits for 100 Continue gets its answer
  test("a client that waits for 100 Continue", async () => {
    const answer = await rawRequest(postern().url, "POST", "/seen/x", [["expect", "100-continue"], ["content-length", "2"]], "hi");
    expect(answer.status).toBe(200);
    expect(answer.body).not.toContain("100-continue");
  });
});

// Postern says where a request came from.
// Tests RFC 9700 section 4.13: forwarding headers of a client are replaced
test("no forwarded address from outside is taken over", async () => {
  const claimed: [string, string][] = [
    ["x-forwarded-for", "10.0.0.1"],
    ["x-forwarded-proto", "gopher"],
    ["x-forwarded-port", "70"],
    ["forwarded", "for=10.0.0.1"],
    ["x-real-ip", "10.0.0.1"],
  ];
  const answer = await rawRequest(postern().url, "GET", "/seen/x", claimed);
  const { headers } = JSON.parse(answer.body) as Seen;
  const named = Object.fromEntries(headers.map(([name, value]) => [name.toLowerCase(), value]));
  expect(named).toMatchObject({ "x-forwarded-proto": "http", "x-forwarded-host": new URL(postern().url).host });
  expect(JSON.stringify(headers)).not.toMatch(/10\.0\.0\.1|gopher|"70"/);
});

describe("one more try", () => {
  test("of a request that changes nothing twice, when no answer came", async () => {
    for (const method of ["GET", "DELETE", "PUT"]) {
      const before = raw.count("/flaky");
      const response = await postern().fetch("/flaky/flaky", { method });
      expect(response.status, method).toBe(200);
      expect(raw.count("/flaky") - before, method).toBe(2);
    }
    await postern().logged(/"event":"fault".*sent again/);
  });

  // Nor where no rule asks for it.
  // Tests RFC 9110 section 9.2.2: a request that is not idempotent is not repeated
  test("never of a POST or of a request with a body", async () => {
    for (const [path, init] of [
      ["/flaky/flaky", { method: "POST" }],
      ["/flaky/flaky", { method: "PUT", body: "x" }],
      ["/raw/flaky", {}],
    ] as const) {
      if (dropped % 2 === 1) await (await postern().fetch("/raw/flaky")).text();
      const before = raw.count("/flaky");
      await expectProblem(await postern().fetch(path, init), 502, "upstream_unreachable");
      expect(raw.count("/flaky") - before).toBe(1);
    }
  });

  test("is not made after the time is over", async () => {
    const begun = Date.now();
    await expectProblem(await postern().fetch("/mute"), 504, "upstream_timeout");
    expect(Date.now() - begun).toBeLessThan(1500);
    expect(raw.count("/mute")).toBe(1);
  });
});

describe("the time of the whole exchange", () => {
  test("cuts off a body that stalls", async () => {
    const begun = Date.now();
    const { text, closed } = await get("/total/stall");
    expect(text.endsWith("part")).toBe(true);
    expect(closed, "cut off").toBe(true);
    expect(Date.now() - begun).toBeLessThan(1400);
  });

  test("is the time for the head too", async () => {
    await expectProblem(await postern().fetch("/short-total/mute"), 504, "upstream_timeout");
  });

  test("is not limited without a rule", async () => {
    const { text, closed } = await get("/raw/stall");
    expect(text.endsWith("part")).toBe(true);
    expect(closed, "still open").toBe(false);
  });
});

describe("a rate limit", () => {
  // Tests RFC 6585 section 4: 429 with Retry-After for too many requests
  test("is 429 with Retry-After and the origin is not asked", async () => {
    const statuses: number[] = [];
    for (let turn = 0; turn < 6; turn += 1) statuses.push((await postern().fetch("/tight/204")).status);
    expect(statuses.filter((status) => status === 204).length).toBeLessThanOrEqual(3 * 2);
    const last = await postern().fetch("/tight/204");
    expect(last.headers.get("retry-after")).toBe("7");
    const before = raw.heads.length;
    await expectProblem(last, 429, "rate_limited");
    expect(raw.heads.length).toBe(before);
    await postern().logged(/"event":"access_refused".*"code":"rate_limited"/);
  });

  test("by subject counts each user, whatever the address", async () => {
    const alice = await signIn(postern());
    const admin = await signIn(postern(), { login: "admin@example.com" });
    let refused = 0;
    for (let turn = 0; turn < 7; turn += 1) {
      const response = await postern().fetch("/tight-user", { headers: bearer(alice.access_token) });
      if (response.status === 429) refused += 1;
      await response.text();
    }
    expect(refused).toBeGreaterThan(0);
    await json(await postern().fetch("/tight-user", { headers: bearer(admin.access_token) }));
  });

  test("that fails lets pass, and tells", async () => {
    for (let turn = 0; turn < 3; turn += 1) expect((await postern().fetch("/unbound-limit/204")).status).toBe(204);
    await postern().logged(/"event":"fault","part":"rate_limiter"/);
  });
});
