// The access token in a cookie: where a route says so and nowhere else, and what a foreign page can do with it.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, browserSignIn, cookieHeader, expectEmpty, expectProblem, json, keepCookies, post, SESSION_COOKIE, signIn, type Browser } from "./support/client.ts";
import { AUDIENCE, settings } from "./support/config.ts";
import { Issuer, issuerKey } from "./support/issuer.ts";
import { rawRequest, UrlOrigin, type Seen } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

const ACCESS_COOKIE = "__Host-postern_access";
const LISTED = "https://app.example.test";

let origin: UrlOrigin;
let theirs: Issuer;
const postern = shared(async () => {
  origin = await UrlOrigin.start();
  theirs = await Issuer.start([await issuerKey("ES256", "theirs")]);
  const pages = { upstream: origin.url, token_sources: ["header", "cookie"] };
  return {
    vars: settings({ POSTERN_COOKIE: { access: true }, POSTERN_ISSUERS: [theirs.setting()], POSTERN_CORS_ORIGINS: [LISTED] }, [
      { name: "pages", path: "/pages", ...pages, cors: { origins: [LISTED], credentials: true } },
      { name: "open-page", path: "/open-page", ...pages, access: "optional" },
      { name: "strict", path: "/strict", ...pages, revocation: "strong" },
      { name: "cookie-only", path: "/cookie-only", upstream: origin.url, token_sources: "cookie" },
      { name: "keeps", path: "/keeps", ...pages, keep_token: true },
      { name: "live", path: "/ws", service: "ORIGIN", token_sources: ["cookie"] },
      { name: "api", path: "/api-only", upstream: origin.url },
    ]),
  };
});
afterAll(async () => {
  await origin.stop();
  await theirs.stop();
});

let browser: Browser;
beforeAll(async () => {
  browser = await browserSignIn(postern());
});

const access = () => ({ cookie: `${ACCESS_COOKIE}=${browser.cookies.get(ACCESS_COOKIE)}` });
const csrf = () => ({ "x-csrf-token": browser.tokens.csrf_token });
const own = () => new URL(postern().url).origin;

// Scripts cannot read it, and it lives as long as the token.
// Tests RFC 6265bis section 4.1.3.2: the access cookie has the prefix __Host-, Secure, Path=/ and no Domain
// Tests RFC 6265bis section 4.1.2.5: the access cookie is Secure
test("signing in as a page sets a __Host- cookie", () => {
  const line = browser.setCookies.find((cookie) => cookie.startsWith(ACCESS_COOKIE));
  expect(line).toBe(
    `${ACCESS_COOKIE}=${browser.tokens.access_token}; Path=/; Max-Age=${browser.tokens.expires_in}; HttpOnly; Secure; SameSite=Strict`,
  );
});

test("an app gets none", async () => {
  const response = await post(postern(), "/auth/login", { login: "alice@example.com", password: "correct horse battery staple", delivery: "body" });
  expect(response.headers.getSetCookie()).toEqual([]);
});

// Neither the cookie nor the CSRF token reaches the origin.
test("a page's request passes with it", async () => {
  const all = { cookie: `theme=dark; ${cookieHeader(browser.cookies)}` };
  for (const [path, init] of [
    ["/pages", {}],
    ["/keeps", {}],
    ["/cookie-only", {}],
    ["/pages", { method: "POST", body: "x", headers: { ...csrf(), origin: own() } }],
  ] as [string, RequestInit][]) {
    const seen = await json<Seen>(await postern().fetch(path, { ...init, headers: { ...all, ...(init.headers as object) } }));
    const sent = JSON.stringify(seen);
    expect(sent).toContain("x-auth-subject");
    for (const secret of [browser.tokens.access_token, browser.tokens.csrf_token, "postern_"]) expect(sent).not.toContain(secret);
    expect(sent).toContain("theme=dark");
  }
});

test("a refresh renews it, and signing out takes it away", async () => {
  const page = await browserSignIn(postern());
  const before = page.cookies.get(ACCESS_COOKIE);
  const headers = { cookie: cookieHeader(page.cookies), "x-csrf-token": page.tokens.csrf_token, origin: own() };
  const refreshed = await post(postern(), "/auth/refresh", {}, headers);
  keepCookies(refreshed, page.cookies);
  expect(refreshed.status).toBe(200);
  expect(page.cookies.get(ACCESS_COOKIE)).not.toBe(before);
  const { csrf_token } = (await refreshed.json()) as { csrf_token: string };
  const out = await post(postern(), "/auth/logout", {}, { cookie: cookieHeader(page.cookies), "x-csrf-token": csrf_token, origin: own() });
  keepCookies(await expectEmpty(out), page.cookies);
  // The device stays known: that is no token of anybody.
  expect([...page.cookies.keys()]).toEqual(["__Secure-postern_device"]);
});

describe("attacks", () => {
  test("never taken where the route does not list it", async () => {
    for (const path of ["/api-only", "/echo", "/api/orders", "/t/acme/docs"]) {
      await expectProblem(await postern().fetch(path, { headers: access() }), 401, "credentials_required");
    }
    for (const path of ["/auth/me", "/auth/sessions"]) {
      await expectProblem(await postern().fetch(path, { headers: access() }), 401, "credentials_required");
    }
    const seen = await json<Seen>(await postern().fetch("/api-only", { headers: { ...access(), ...bearer(browser.tokens.access_token) } }));
    expect(JSON.stringify(seen)).not.toContain(ACCESS_COOKIE);
  });

  test("a header is not taken where the route lists the cookie alone", async () => {
    await expectProblem(await postern().fetch("/cookie-only", { headers: bearer(browser.tokens.access_token) }), 401, "credentials_required");
  });

  // RFC 6750, section 2.
  // Tests RFC 6750 section 2: more than one way of sending the token in a request is refused
  test("a token in header and cookie is one too many", async () => {
    const other = await signIn(postern(), { login: "admin@example.com" });
    for (const token of [other.access_token, browser.tokens.access_token, "a.b.c"]) {
      await expectProblem(await postern().fetch("/pages", { headers: { ...access(), ...bearer(token) } }), 400, "invalid_request");
    }
  });

  test.for(["POST", "PUT", "PATCH", "DELETE", "PROPPATCH"])("CSRF: a foreign page's %s does not pass", async (method) => {
    const send = (headers: [string, string][]) => rawRequest(postern().url, method, "/pages", [["cookie", access().cookie], ...headers]);
    const foreign: [string, string][][] = [
      [],
      [["origin", "https://evil.example"]],
      [["origin", "null"]],
      [["sec-fetch-site", "cross-site"]],
      [["x-csrf-token", "forged"]],
      // Even with the right CSRF token: a page of another origin has no business here.
      [["origin", "https://evil.example"], ["x-csrf-token", browser.tokens.csrf_token]],
      [["origin", `${own()}.evil.example`], ["x-csrf-token", browser.tokens.csrf_token]],
      [["sec-fetch-site", "cross-site"], ["x-csrf-token", browser.tokens.csrf_token]],
    ];
    for (const headers of foreign) {
      const answer = await send(headers);
      expect(answer.status, JSON.stringify(headers)).toBe(403);
      expect(JSON.parse(answer.body).code).toMatch(/^(csrf_failed|cross_origin)$/);
    }
    expect((await send([["x-csrf-token", browser.tokens.csrf_token], ["origin", own()]])).status).toBe(200);
    expect((await send([["x-csrf-token", browser.tokens.csrf_token], ["origin", LISTED], ["sec-fetch-site", "cross-site"]])).status).toBe(200);
  });

  // It is of another session.
  test("CSRF: the attacker's own CSRF token does not serve", async () => {
    const attacker = await browserSignIn(postern());
    const headers = { ...access(), "x-csrf-token": attacker.tokens.csrf_token, origin: own() };
    await expectProblem(await postern().fetch("/pages", { method: "POST", headers }), 403, "csrf_failed");
  });

  test("CSRF by method override: a GET stays a GET", async () => {
    const answer = await rawRequest(postern().url, "GET", "/pages", [["cookie", access().cookie], ["x-http-method-override", "DELETE"]]);
    expect(answer.body).not.toContain("DELETE");
  });

  // Two that verify are refused, unless a cookie that no other host can set says which is meant.
  test("a second cookie of the name counts only if it verifies", async () => {
    const both = (other: string) => ({ cookie: `${ACCESS_COOKIE}=${other}; ${access().cookie}` });
    for (const other of ["a.b.c", "", await theirs.token("theirs", { aud: AUDIENCE })]) {
      const seen = await json<Seen>(await postern().fetch("/pages", { headers: both(other) }));
      expect(JSON.stringify(seen)).toContain(browser.tokens.session_id);
    }
    const attacker = await browserSignIn(postern(), { login: "admin@example.com" });
    const planted = both(attacker.cookies.get(ACCESS_COOKIE) ?? "");
    await expectProblem(await postern().fetch("/pages", { headers: planted }), 401, "invalid_token");
    // Which of them is meant, a cookie says that no other host can set.
    const marked = { cookie: `${planted.cookie}; ${SESSION_COOKIE}=${browser.tokens.session_id}` };
    expect(JSON.stringify(await json<Seen>(await postern().fetch("/pages", { headers: marked })))).toContain(browser.tokens.session_id);
  });

  // No CSRF token could be bound to it.
  test("another issuer's token in the cookie is refused", async () => {
    const cookie = `${ACCESS_COOKIE}=${await theirs.token("theirs", { aud: AUDIENCE })}`;
    await expectProblem(await postern().fetch("/pages", { headers: { cookie } }), 401, "invalid_token");
  });

  // So that the page opens without it.
  test("an unsound one is refused and taken away", async () => {
    const response = await postern().fetch("/open-page", { headers: { cookie: `${ACCESS_COOKIE}=a.b.c` } });
    expect(response.headers.getSetCookie()).toEqual([`${ACCESS_COOKIE}=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Strict`]);
    await expectProblem(response, 401, "invalid_token");
    await json(await postern().fetch("/open-page"));
    // Not because of an image, whose answer may come after a newer cookie.
    const image = await postern().fetch("/open-page", { headers: { cookie: `${ACCESS_COOKIE}=a.b.c`, "sec-fetch-dest": "image" } });
    expect(image.headers.getSetCookie()).toEqual([]);
    await expectProblem(image, 401, "invalid_token");
  });

  // Where the route asks for that.
  test("after signing out a copy of it is refused", async () => {
    const page = await browserSignIn(postern());
    const headers = { cookie: `${ACCESS_COOKIE}=${page.cookies.get(ACCESS_COOKIE)}` };
    await json(await postern().fetch("/strict", { headers }));
    await postern().fetch("/auth/logout", { method: "POST", headers: bearer(page.tokens.access_token) });
    await expectProblem(await postern().fetch("/strict", { headers }), 401, "invalid_token");
  });

  // By the cookie.
  // Tests RFC 6455 section 10.2: a handshake by cookie is taken from listed origins alone
  test("cross-site WebSocket hijacking: own pages alone connect", async () => {
    const open = (headers: Record<string, string>) =>
      new Promise<boolean>((resolve) => {
        const socket = new WebSocket(new URL("/ws", postern().url.replace("http:", "ws:")), { headers } as unknown as string[]);
        socket.addEventListener("error", () => resolve(false));
        socket.addEventListener("open", () => {
          socket.close();
          resolve(true);
        });
      });
    expect(await open({ ...access(), origin: own() })).toBe(true);
    expect(await open({ ...access() }), "no Origin").toBe(false);
    expect(await open({ ...access(), origin: "https://evil.example" })).toBe(false);
    expect(await open({ ...access(), origin: "https://sibling.example.test", ...csrf() })).toBe(false);
    expect(await open({ origin: own() }), "no cookie").toBe(false);
  });
});
