// Pages of other origins, by route (the Fetch standard, "CORS protocol"): what is let in, and that nobody else can let in more.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, test } from "vitest";
import { bearer, signIn } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { closedPort } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

const LISTED = "https://app.example.test";
const FOREIGN = ["https://app.example.test.evil.test", "https://evil.test", "http://app.example.test", "https://APP.example.test", "null", "*"];

/** An origin that lets everybody in. */
let lax: Server;
let reached = 0;
const postern = shared(async () => {
  lax = createServer((_, response) => {
    reached += 1;
    response
      .writeHead(200, {
        "access-control-allow-origin": "*",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "x-secret",
        "access-control-allow-methods": "*",
        "access-control-allow-headers": "*",
        "access-control-max-age": "86400",
        vary: "Accept-Encoding",
        etag: '"1"',
      })
      .end("ok");
  });
  lax.listen(0, "127.0.0.1");
  await once(lax, "listening");
  const upstream = `http://127.0.0.1:${(lax.address() as AddressInfo).port}`;
  const cors = { origins: [LISTED], allow_headers: ["authorization", "content-type"], expose_headers: ["etag"], max_age: 60 };
  return {
    ratelimits: { NARROW: { namespace_id: "9", simple: { limit: 1, period: 60 as const } } },
    vars: settings({}, [
      { name: "read", path: "/c/thing", methods: ["GET"], upstream, cors },
      { name: "write", path: "/c/thing", methods: ["PUT"], upstream },
      { name: "with-credentials", path: "/c/open", access: "public", upstream, cors: { ...cors, credentials: true } },
      { name: "without-credentials", path: "/c/plain", access: "public", upstream, cors },
      { name: "silent", path: "/c/silent", access: "public", upstream },
      { name: "down", path: "/c/down", access: "public", upstream: `http://127.0.0.1:${await closedPort()}`, cors },
      { name: "scoped", path: "/c/scoped", scopes_all: ["nobody:has"], upstream, cors },
      { name: "narrow", path: "/c/narrow", access: "public", upstream, cors, rate_limit: { binding: "NARROW" } },
      // What Postern itself answers is no route's: this one would open it to other pages.
      { name: "everything", path: "/{*all}", methods: ["GET"], access: "public", upstream, cors },
    ]),
  };
});
afterAll(() => lax.close());

const allow = (response: Response, name: string) => response.headers.get(`access-control-${name}`);
const preflight = (path: string, method: string, origin = LISTED) =>
  postern().fetch(path, { method: "OPTIONS", headers: { origin, "access-control-request-method": method, "access-control-request-headers": "authorization" } });

function expectNothingAllowed(response: Response, what: string): void {
  const names = [...response.headers.keys()].filter((name) => name.startsWith("access-control-"));
  expect(names, what).toEqual([]);
}

describe("preflights", () => {
  // For the route and method that are asked for.
  // Tests Fetch section "CORS-preflight fetch": a preflight has no credentials and needs none
  test("are answered at the edge, without credentials", async () => {
    const before = reached;
    const response = await preflight("/c/thing", "GET");
    expect(response.status).toBe(204);
    expect(allow(response, "allow-origin")).toBe(LISTED);
    expect(allow(response, "allow-methods")).toBe("GET");
    expect(allow(response, "allow-headers")).toBe("authorization, content-type");
    expect(allow(response, "max-age")).toBe("60");
    expect(allow(response, "allow-credentials")).toBeNull();
    // Only an actual answer has something to expose.
    expect(allow(response, "expose-headers")).toBeNull();
    expect(response.headers.get("vary")).toContain("Origin");
    expect(reached).toBe(before);
  });

  test("grant headers for tracing when asked, and no other", async () => {
    const headers = { origin: LISTED, "access-control-request-method": "GET", "access-control-request-headers": "authorization,baggage,sentry-trace,traceparent,x-api-key" };
    const response = await postern().fetch("/c/thing", { method: "OPTIONS", headers });
    expect(allow(response, "allow-headers")).toBe("authorization, content-type, baggage, sentry-trace, traceparent");
  });

  // It has none.
  test("for another route's method get that route's answer", async () => {
    for (const method of ["PUT", "DELETE", "get"]) {
      const response = await preflight("/c/thing", method);
      expect(response.status, method).not.toBe(204);
      expectNothingAllowed(response, method);
      await response.text();
    }
  });

  // However the path is spelled.
  test("for Postern's own paths are not the routes' to grant", async () => {
    for (const path of ["/auth/me", "/%61uth/me", "/healthz", "/.well-known/jwks%2ejson", "/admin/keys", "/%61dmin/keys"]) {
      const response = await preflight(path, "GET");
      expect(allow(response, "allow-origin"), path).not.toBe(LISTED);
      await response.text();
    }
  });

  // Tests Fetch section "CORS protocol and HTTP caches": an answer that depends on the origin has Vary: Origin
  test("of origins that are not listed grant nothing, and vary", async () => {
    for (const origin of FOREIGN) {
      const response = await preflight("/c/thing", "GET", origin);
      expectNothingAllowed(response, origin);
      expect(response.headers.get("vary"), origin).toContain("Origin");
    }
  });
});

describe("answers", () => {
  // Whatever the upstream says.
  // Tests Fetch section "CORS protocol and credentials": Access-Control-Allow-Credentials is sent by rule alone
  test("name the listed origin, credentials by rule", async () => {
    const withThem = await postern().fetch("/c/open", { headers: { origin: LISTED } });
    expect([withThem.status, allow(withThem, "allow-origin"), allow(withThem, "allow-credentials")]).toEqual([200, LISTED, "true"]);
    const without = await postern().fetch("/c/plain", { headers: { origin: LISTED } });
    expect([without.status, allow(without, "allow-origin"), allow(without, "allow-credentials")]).toEqual([200, LISTED, null]);
    expect(allow(without, "expose-headers")).toBe("etag");
    for (const name of ["allow-methods", "allow-headers", "max-age"]) expect(allow(without, name)).toBeNull();
    expect(without.headers.get("vary")).toContain("Accept-Encoding");
    expect(without.headers.get("vary")).toContain("Origin");
  });

  test("let no other origin in, though the upstream says `*`", async () => {
    for (const origin of [...FOREIGN, undefined]) {
      for (const path of ["/c/open", "/c/plain"]) {
        const response = await postern().fetch(path, { headers: origin === undefined ? {} : { origin } });
        expect(response.status).toBe(200);
        expectNothingAllowed(response, `${path} ${origin}`);
        expect(response.headers.get("vary")).toContain("Origin");
        await response.text();
      }
    }
  });

  test("are the upstream's own on a route without a rule", async () => {
    const response = await postern().fetch("/c/silent", { headers: { origin: LISTED } });
    expect([allow(response, "allow-origin"), response.headers.get("vary")]).toEqual(["*", "Accept-Encoding"]);
    await response.text();
  });

  // They vary for every caller.
  // Tests Fetch section "CORS protocol": Access-Control-Expose-Headers names the headers of a refusal
  test("that refuse are readable by the listed origin's page", async () => {
    const { access_token } = await signIn(postern());
    const cases: [number, string, Record<string, string>][] = [
      [401, "/c/thing", {}],
      [400, "/c/thing", { authorization: "Bearer a b" }],
      [401, "/c/thing", bearer("a.b.c")],
      [403, "/c/scoped", bearer(access_token)],
      [502, "/c/down", {}],
    ];
    for (const [status, path, headers] of cases) {
      for (const origin of [LISTED, "https://evil.test"]) {
        const response = await postern().fetch(path, { headers: { ...headers, origin } });
        expect(response.status, path).toBe(status);
        expect(allow(response, "allow-origin"), `${status} ${origin}`).toBe(origin === LISTED ? LISTED : null);
        expect(response.headers.get("vary"), `${status} ${origin}`).toContain("Origin");
        // Why, and when to come again: a script of another origin sees no header that is not exposed.
        const exposed = status === 502 ? "etag" : "etag, www-authenticate, retry-after, ratelimit, ratelimit-policy";
        expect(allow(response, "expose-headers"), `${status} ${origin}`).toBe(origin === LISTED ? exposed : null);
        await response.text();
      }
    }
    const statuses: number[] = [];
    for (let tries = 0; tries < 12 && !statuses.includes(429); tries += 1) {
      const response = await postern().fetch("/c/narrow", { headers: { origin: LISTED } });
      expect([allow(response, "allow-origin"), response.headers.get("vary")?.includes("Origin")]).toEqual([LISTED, true]);
      statuses.push(response.status);
      await response.text();
    }
    expect(statuses).toContain(429);
  });
});
