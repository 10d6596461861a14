// The gate in front of the demo origin: who passes, what the origin is told, what comes back.
import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, browserSignIn, cookieHeader, expectProblem, json, signIn, type Tokens } from "./support/client.ts";
import { ADMIN, OWN_ISSUER, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { closedPort, rawRequest, UrlOrigin, type Seen } from "./support/origin.ts";
import { eventually } from "./support/poll.ts";
import { shared } from "./support/postern.ts";

interface Echo {
  method: string;
  url: string;
  headers: [string, string][];
  body: string;
  body_bytes: number;
}

let origin: UrlOrigin;
const postern = shared(async () => {
  origin = await UrlOrigin.start();
  return {
    vars: settings({}, [
      { name: "url-public", path: "/url/public/{*rest}", access: "public", upstream: origin.url, strip_prefix: "/url/public" },
      { name: "url-optional", path: "/url/optional", access: "optional", upstream: origin.url, strip_prefix: "/url" },
      { name: "url-keep", path: "/url/keep", keep_token: true, upstream: origin.url, strip_prefix: "/url" },
      { name: "url-hang", path: "/url/hang", timeout_ms: 300, upstream: origin.url, strip_prefix: "/url" },
      { name: "url-mapped", path: "/url/mapped", headers: { jti: "x-request-token" }, upstream: origin.url },
      { name: "url", path: "/url/{*rest}", upstream: origin.url, strip_prefix: "/url" },
      { name: "who", path: "/who", scopes_all: ["read:orders"], answer: "identity", headers: { jti: "x-request-token" } },
      { name: "who-public", path: "/who/public", access: "public", answer: "identity" },
      { name: "down", path: "/down", upstream: `http://127.0.0.1:${await closedPort()}` },
      { name: "unbound", path: "/unbound", service: "NOT_BOUND" },
    ]),
  };
});
afterAll(() => origin.stop());

let alice: Tokens;
let admin: Tokens;
beforeAll(async () => {
  alice = await signIn(postern());
  admin = await signIn(postern(), { login: ADMIN });
});

const asAlice = () => bearer(alice.access_token);

async function echo(init: RequestInit = {}): Promise<Echo> {
  return json(await postern().fetch("/echo", { ...init, headers: { ...asAlice(), ...init.headers } }));
}

/** Values of a header, under any spelling that a careless server may take for it. */
function valuesOf(headers: [string, string][], name: string): string[] {
  const canonical = (text: string) => text.toLowerCase().replace(/[^a-z0-9]+/g, "-");
  return headers.filter(([own]) => canonical(own) === name).map(([, value]) => value);
}

describe("who passes", () => {
  // To the origin.
  test("a public route takes every caller and names none", async () => {
    for (const headers of [{}, asAlice(), bearer("not.a.token")] as Record<string, string>[]) {
      const answer = await json(await postern().fetch("/public/ping", { headers }));
      expect(answer).toEqual({ pong: true, identity: {} });
    }
  });

  // Tests RFC 6750 section 3: 401 has a WWW-Authenticate header with the scheme Bearer
  test("without an access token the challenge is bare", async () => {
    const response = await postern().fetch("/api/orders");
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer(?: realm="[^"]*")?$/);
    await expectProblem(response, 401, "credentials_required");
  });

  // Tests RFC 6750 section 3.1: an unsound token is 401 invalid_token
  test("an unsound access token is told that it is, and not why", async () => {
    const response = await postern().fetch("/api/orders", { headers: bearer("a.b.c") });
    expect(response.headers.get("www-authenticate")).toMatch(/^Bearer(?: realm="[^"]*",)? error="invalid_token"$/);
    await expectProblem(response, 401, "invalid_token");
  });

  // Tests RFC 6750 section 3.1: the challenge names the missing scope
  test("a missing scope is named (RFC 6750 section 3.1)", async () => {
    const response = await postern().fetch("/api/orders", { headers: bearer(admin.access_token) });
    const challenge = response.headers.get("www-authenticate");
    expect(challenge).toContain('error="insufficient_scope"');
    expect(challenge).toContain('scope="read:orders"');
    await expectProblem(response, 403, "insufficient_scope");
  });

  test("the scope that a method needs is that method's", async () => {
    await json(await postern().fetch("/api/orders", { headers: asAlice() }));
    await json(await postern().fetch("/api/orders", { method: "POST", headers: asAlice(), body: "one moat" }), 201);
    const response = await postern().fetch("/api/orders", { method: "POST", headers: bearer(admin.access_token), body: "x" });
    expect(response.headers.get("www-authenticate")).toContain('scope="write:orders"');
    await expectProblem(response, 403, "insufficient_scope");
  });

  test("a role opens what it opens", async () => {
    await json(await postern().fetch("/reports/stats", { headers: bearer(admin.access_token) }));
    await expectProblem(await postern().fetch("/reports/stats", { headers: asAlice() }), 403, "forbidden");
  });

  // However the tenant's name is written.
  test("one tenant's user cannot read another's documents", async () => {
    await json(await postern().fetch("/t/acme/docs", { headers: asAlice() }));
    // Written as an escape it is the same tenant.
    await json(await postern().fetch("/t/%61cme/docs", { headers: asAlice() }));
    for (const tenant of ["globex", "ACME", "acme%20", "acme%00", "acme%2f..%2fglobex", "%2e%2e", "acme;globex"]) {
      const response = await postern().fetch(`/t/${tenant}/docs`, { headers: asAlice() });
      expect([400, 403, 404], tenant).toContain(response.status);
      await response.text();
    }
    // A user of no tenant is of none.
    await expectProblem(await postern().fetch("/t/acme/docs", { headers: bearer(admin.access_token) }), 403, "forbidden");
  });

  test("what no route takes is not passed through", async () => {
    for (const path of ["/nothing", "/api", "/api/orders/", "/api/orders/1", "/API/orders", "/apis/orders"]) {
      await expectProblem(await postern().fetch(path, { headers: asAlice() }), 404, "no_route");
    }
  });

  // Tests RFC 9110 section 10.2.1: Allow lists the methods of the path
  test("a method that no route takes is refused with Allow", async () => {
    const response = await postern().fetch("/api/orders", { method: "DELETE", headers: asAlice() });
    expect(response.headers.get("allow")?.split(/,\s*/).sort()).toEqual(["GET", "HEAD", "POST"]);
    await expectProblem(response, 405, "method_not_allowed");
  });

  // Tests RFC 9110 section 9.3.2: a HEAD is judged like its GET
  test("a HEAD asks for what its GET asks for", async () => {
    expect((await postern().fetch("/api/orders", { method: "HEAD" })).status).toBe(401);
    expect((await postern().fetch("/api/orders", { method: "HEAD", headers: bearer(admin.access_token) })).status).toBe(403);
  });

  // Through a public route.
  test.for([
    "/public/%2e%2e/api/orders",
    "/public/..%2fapi/orders",
    "/public/%2e%2e%2fapi%2forders",
    "/public/..;/api/orders",
    "/public/%252e%252e/api/orders",
    "/public\\..\\api\\orders",
    "/public/%5c..%5capi/orders",
    "/public//../api/orders",
    "/public/%c0%ae%c0%ae/api/orders",
    "/public/ping%00",
    "//api/orders",
    "/public/../api/orders",
    "/./public/../api/orders",
    "/api%2forders",
    "/api/orders%3f",
    "/api/orders;a=b",
  ])("path confusion: %s does not reach an order", async (path) => {
    const answer = await rawRequest(postern().url, "GET", path);
    expect([400, 401, 404]).toContain(answer.status);
    expect(answer.body).not.toContain("portcullis");
  });
});

describe("what the origin is told", () => {
  test("who is calling arrives as headers", async () => {
    const { headers } = await echo();
    const claims = claimsOf(alice.access_token) as { sub: string; sid: string };
    expect(valuesOf(headers, "x-auth-subject")).toEqual([claims.sub]);
    expect(valuesOf(headers, "x-auth-issuer")).toEqual([OWN_ISSUER]);
    expect(valuesOf(headers, "x-auth-scope")).toEqual(["read:orders write:orders"]);
    expect(valuesOf(headers, "x-auth-tenant")).toEqual(["acme"]);
    expect(valuesOf(headers, "x-auth-session")).toEqual([claims.sid]);
    expect(valuesOf(headers, "x-auth-client")).toEqual(["first-party"]);
    expect(valuesOf(headers, "x-auth-roles")).toEqual([]);
  });

  test("roles arrive, and no tenant for a user without one", async () => {
    const { headers } = await json<Echo>(await postern().fetch("/echo", { headers: bearer(admin.access_token) }));
    expect(valuesOf(headers, "x-auth-roles")).toEqual(["admin"]);
    expect(valuesOf(headers, "x-auth-tenant")).toEqual([]);
  });

  // Kept headers are for all requests, and these for one each.
  test("each request has an id and its caller's trace", async () => {
    const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    const ids = new Set<string>();
    for (const traceparent of [trace, undefined, "00-invalid-01"]) {
      const { headers } = await echo({ headers: traceparent === undefined ? {} : { traceparent, tracestate: "congo=1" } });
      ids.add(valuesOf(headers, "x-postern-request-id").join());
      expect(valuesOf(headers, "traceparent")).toEqual(traceparent === trace ? [trace] : []);
      expect(valuesOf(headers, "tracestate")).toEqual(traceparent === trace ? ["congo=1"] : []);
    }
    for (const path of ["/down", "/reports/stats", "/reports/stats", "/auth/nothing"]) {
      const answer = await postern().fetch(path, { headers: asAlice() });
      const id = answer.headers.get("x-postern-request-id") ?? "";
      expect(await answer.json(), path).toMatchObject({ request_id: id });
      ids.add(id);
      const isFault = (line: string) => line.includes('"part":"upstream"') && line.includes(`"request_id":"${id}"`);
      if (path === "/down") await eventually("the fault in the log", () => postern().logs.find(isFault));
    }
    expect([...ids].filter((id) => /^[0-9a-f]{16}$/.test(id))).toHaveLength(7);
  });

  const SPOOFS: [string, string][] = [
    ["X-Auth-Subject", "admin"],
    ["x-auth-roles", "admin"],
    ["X-AUTH-ROLES", "admin"],
    ["x_auth_subject", "admin"],
    ["X_Auth_Roles", "admin"],
    ["x-auth_tenant", "globex"],
    ["x--auth-tenant", "globex"],
    ["x-auth-anything-new", "1"],
    ["x-postern-assertion", "a.b.c"],
    ["X_Postern_Assertion", "a.b.c"],
    ["x-forwarded-host", "evil.example.test"],
    ["x-original-url", "/reports/stats"],
    ["x-rewrite-url", "/reports/stats"],
    ["x-http-method-override", "DELETE"],
  ];

  // However they are spelled.
  // Tests RFC 9700 section 4.13: identity headers from a client do not reach the origin
  test.for(["/url/seen", "/url/public/seen", "/url/optional"])("spoofed identity headers never arrive at %s", async (path) => {
    const signed = path === "/url/seen";
    const headers: [string, string][] = signed ? [["authorization", `Bearer ${alice.access_token}`]] : [];
    const answer = await rawRequest(postern().url, "GET", path, [...headers, ...SPOOFS]);
    expect(answer.status, answer.body).toBe(200);
    const seen = JSON.parse(answer.body) as Seen;
    const { sub } = claimsOf(alice.access_token) as { sub: string };
    expect(valuesOf(seen.headers, "x-auth-subject")).toEqual(signed ? [sub] : []);
    expect(valuesOf(seen.headers, "x-auth-tenant")).toEqual(signed ? ["acme"] : []);
    expect(valuesOf(seen.headers, "x-auth-roles")).toEqual([]);
    for (const name of ["x-auth-anything-new", "x-postern-assertion", "x-original-url", "x-rewrite-url", "x-http-method-override"]) {
      expect(valuesOf(seen.headers, name), name).toEqual([]);
    }
    expect(JSON.stringify(seen.headers)).not.toContain("evil.example.test");
  });

  // One route of the same origin fills it from a claim.
  test("another route's claim header cannot be sent", async () => {
    const answer = await rawRequest(postern().url, "GET", "/url/public/seen", [["x-request-token", "spoofed"], ["X_Request_Token", "spoofed"]]);
    expect(valuesOf((JSON.parse(answer.body) as Seen).headers, "x-request-token")).toEqual([]);
    const mapped = await json<Seen>(await postern().fetch("/url/mapped", { headers: { ...asAlice(), "x-request-token": "spoofed" } }));
    expect(valuesOf(mapped.headers, "x-request-token")).toEqual([claimsOf(alice.access_token)["jti"]]);
  });

  // By naming them.
  // Tests RFC 9110 section 7.6.1: Connection cannot name headers that the gate sets
  test("hop-by-hop abuse: Connection cannot remove our headers", async () => {
    const answer = await rawRequest(postern().url, "GET", "/url/seen", [
      ["authorization", `Bearer ${alice.access_token}`],
      ["connection", "close, x-auth-subject, x-auth-tenant"],
    ]);
    const seen = JSON.parse(answer.body) as Seen;
    expect(valuesOf(seen.headers, "x-auth-subject")).toHaveLength(1);
    expect(valuesOf(seen.headers, "x-auth-tenant")).toEqual(["acme"]);
  });

  // Other cookies are.
  test("neither access token nor own cookie is forwarded", async () => {
    const browser = await browserSignIn(postern());
    const cookie = `theme=dark; ${cookieHeader(browser.cookies)}; lang=nl`;
    for (const path of ["/url/seen", "/url/public/seen"]) {
      const seen = await json<Seen>(await postern().fetch(path, { headers: { ...asAlice(), cookie } }));
      expect(valuesOf(seen.headers, "authorization")).toEqual([]);
      expect(valuesOf(seen.headers, "cookie")).toEqual(["theme=dark; lang=nl"]);
      expect(JSON.stringify(seen)).not.toContain("prt_");
    }
    const only = await json<Seen>(await postern().fetch("/url/seen", { headers: { ...asAlice(), cookie: cookieHeader(browser.cookies) } }));
    expect(valuesOf(only.headers, "cookie")).toEqual([]);
  });

  test("a route that keeps the token forwards it", async () => {
    const seen = await json<Seen>(await postern().fetch("/url/keep", { headers: asAlice() }));
    expect(valuesOf(seen.headers, "authorization")).toEqual([`Bearer ${alice.access_token}`]);
  });

  // It refuses an unsound access token.
  test("an optional route names the caller if there is a token", async () => {
    const known = await json<Seen>(await postern().fetch("/url/optional", { headers: asAlice() }));
    expect(valuesOf(known.headers, "x-auth-subject")).toHaveLength(1);
    const unknown = await json<Seen>(await postern().fetch("/url/optional"));
    expect(valuesOf(unknown.headers, "x-auth-subject")).toEqual([]);
    await expectProblem(await postern().fetch("/url/optional", { headers: bearer("a.b.c") }), 401, "invalid_token");
  });
});

describe("what passes as it is", () => {
  test.for(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])("%s with its query and headers", async (method) => {
    const body = ["GET", "OPTIONS"].includes(method) ? {} : { body: "päyload" };
    const query = "?a=1&a=2&b=%2F%20+&c=ä&empty=";
    const answer = await json<Echo>(
      await postern().fetch(`/echo${query}`, { method, headers: { ...asAlice(), "x-custom": "kept", "content-type": "text/plain" }, ...body }),
    );
    expect(answer.method).toBe(method);
    expect(new URL(answer.url).search).toBe(new URL(`http://x/${query}`).search);
    expect(valuesOf(answer.headers, "x-custom")).toEqual(["kept"]);
    expect(answer.body).toBe(method === "GET" || method === "OPTIONS" ? "" : "päyload");
  });

  // The query is untouched.
  test("an upstream's path is the request's without the prefix", async () => {
    const seen = await json<Seen>(await postern().fetch("/url/a/b%20c/d?q=%2F&r", { headers: asAlice() }));
    expect(seen.url).toBe("/a/b%20c/d?q=%2F&r");
  });

  test.for([200, 201, 204, 205, 304, 400, 401, 403, 404, 418, 500, 503, 599])("the origin's status %i", async (status) => {
    const response = await postern().fetch(`/status/${status}`, { headers: asAlice() });
    expect(response.status).toBe(status);
    await response.text();
  });

  test("an answer's headers and cookies", async () => {
    const response = await postern().fetch("/url/cookies", { headers: asAlice() });
    expect(response.headers.get("x-answer")).toBe("yes");
    expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2; Path=/"]);
  });

  // Tests RFC 9110 section 15.4: redirects of an origin are passed to the client
  test("a redirect is the client's to follow", async () => {
    const response = await postern().fetch("/url/redirect", { headers: asAlice() });
    expect(response.status).toBe(302);
    expect(response.headers.get("location")).toBe(`${origin.url}/elsewhere`);
    expect(await response.text()).toBe("moved");
  });

  // Tests RFC 9110 section 9.3.2: an answer to HEAD has no body
  test("a HEAD has no body", async () => {
    const response = await postern().fetch("/api/orders", { method: "HEAD", headers: asAlice() });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });

  test("a megabyte there and back, with and without its length said", async () => {
    const bytes = randomBytes(1024 * 1024);
    const digest = (content: Uint8Array) => createHash("sha256").update(content).digest("hex");
    for (const body of [bytes, new Blob([bytes]).stream()]) {
      const response = await postern().fetch("/url/pipe", { method: "POST", headers: asAlice(), body, duplex: "half" } as RequestInit);
      expect(response.status).toBe(200);
      expect(digest(await response.bytes())).toBe(digest(bytes));
    }
  });

  test("a stream arrives piece by piece, not at its end", async () => {
    // Uncompressed: the compressor of the local platform holds small chunks back until the end.
    const response = await postern().fetch("/stream", { headers: { ...asAlice(), "accept-encoding": "identity" } });
    const arrivals: number[] = [];
    let text = "";
    for await (const chunk of response.body ?? []) {
      arrivals.push(Date.now());
      text += new TextDecoder().decode(chunk);
    }
    expect(text).toBe("chunk 0\nchunk 1\nchunk 2\nchunk 3\nchunk 4\n");
    // The origin pauses four times 100 ms. Held back until the end, all would arrive together.
    expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(200);
  });
});

describe("an origin that fails", () => {
  // Tests RFC 9110 section 15.6.3: an origin that fails is 502
  test.for([
    ["nothing listens", "/down"],
    ["the connection is reset", "/url/reset"],
    ["no such service binding", "/unbound"],
  ] as const)("is 502, with a body that names no internals: %s", async ([, path]) => {
    const response = await postern().fetch(path, { headers: asAlice() });
    const text = await response.clone().text();
    await expectProblem(response, 502, "upstream_unreachable");
    expect(text).not.toMatch(/127\.0\.0\.1|NOT_BOUND|refused|ECONN/i);
  });

  // Tests RFC 9110 section 15.6.5: an origin that does not answer in time is 504
  test.for(["/slow?ms=5000", "/url/hang"])("is 504 when it does not answer in time: %s", async (path) => {
    const begun = Date.now();
    await expectProblem(await postern().fetch(path, { headers: asAlice() }), 504, "upstream_timeout");
    expect(Date.now() - begun).toBeLessThan(4000);
  });

  test("a slow origin within its time is waited for", async () => {
    await json(await postern().fetch("/slow?ms=100", { headers: asAlice() }));
  });
});

describe("a route that answers by itself", () => {
  test("tells only who is calling, and has no body", async () => {
    const response = await postern().fetch("/who", { headers: asAlice() });
    expect(response.status).toBe(204);
    const claims = claimsOf(alice.access_token);
    expect(response.headers.get("x-auth-subject")).toBe(claims["sub"]);
    expect(response.headers.get("x-request-token")).toBe(claims["jti"]);
    expect(response.headers.get("x-auth-scope")?.split(" ")).toContain("read:orders");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("x-postern-hops")).toBeNull();
    expect(await response.text()).toBe("");
  });

  // Where it is public it names no caller.
  test("refuses as every route does", async () => {
    await expectProblem(await postern().fetch("/who"), 401, "credentials_required");
    await expectProblem(await postern().fetch("/who", { headers: bearer("a.b.c") }), 401, "invalid_token");
    const response = await postern().fetch("/who/public", { headers: asAlice() });
    expect(response.status).toBe(204);
    expect([...response.headers.keys()].filter((name) => name.startsWith("x-auth"))).toEqual([]);
  });

  // CVE-2026-35039.
  test("answers two sessions in turn with their own names", async () => {
    const second = await signIn(postern());
    for (let round = 0; round < 3; round += 1) {
      for (const { access_token } of [alice, second]) {
        const response = await postern().fetch("/who", { headers: bearer(access_token) });
        const { sub, jti } = claimsOf(access_token);
        expect([response.headers.get("x-auth-subject"), response.headers.get("x-request-token")]).toEqual([sub, jti]);
      }
    }
  });
});

test("a request that goes in a circle is stopped", async () => {
  const response = await postern().fetch("/public/ping", { headers: { "x-postern-hops": "9" } });
  await expectProblem(response, 508, "loop_detected");
});

describe("WebSocket", () => {
  /** Opens /ws and returns its first messages; rejects when the gate does not let it open. */
  function messages(headers: Record<string, string>, send: string): Promise<string[]> {
    const url = new URL("/ws", postern().url.replace("http:", "ws:"));
    const socket = new WebSocket(url, { headers } as unknown as string[]);
    const received: string[] = [];
    return new Promise((resolve, reject) => {
      socket.addEventListener("error", () => reject(new Error("the WebSocket did not open")));
      socket.addEventListener("message", (event) => {
        received.push(String(event.data));
        if (received.length === 1) socket.send(send);
        else {
          socket.close();
          resolve(received);
        }
      });
    });
  }

  // The origin gets the caller's identity.
  // Tests RFC 6455 section 4: a WebSocket handshake passes with a sound access token
  test("passes with an access token, both ways", async () => {
    const [first = "", second] = await messages(asAlice(), "hello");
    expect(JSON.parse(first)).toMatchObject({ identity: { "x-auth-tenant": "acme" } });
    expect(second).toBe("hello");
  });

  test("does not open without one", async () => {
    await expect(messages({}, "hello")).rejects.toThrow();
    await expect(messages(bearer("a.b.c"), "hello")).rejects.toThrow();
  });
});
