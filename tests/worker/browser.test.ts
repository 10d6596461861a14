// Sessions of pages: the refresh token in a cookie, and every way in which another site may try to use it.
import { describe, expect, test } from "vitest";
import {
  browserSignIn,
  cookieHeader,
  CSRF_COOKIE,
  DEVICE_COOKIE,
  expectEmpty,
  expectProblem,
  json,
  keepCookies,
  post,
  REFRESH_COOKIE,
  refresh,
  SESSION_COOKIE,
  sessions,
  signIn,
  type Browser,
  type Tokens,
} from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { shared } from "./support/postern.ts";

const LISTED = "https://app.example.test";
const APPS = ["capacitor://localhost", "https://localhost", "tauri://localhost", "chrome-extension://abcdefghijklmnopabcdefghijklmnop"];
const FOREIGN = "https://evil.example.test";

const postern = shared(() => ({ vars: settings({ POSTERN_CORS_ORIGINS: [LISTED, ...APPS] }) }));

/** What the browser sends with a call to /auth by itself. */
function fromBrowser(browser: Browser, headers: Record<string, string> = {}): Record<string, string> {
  return { cookie: cookieHeader(browser.cookies), ...headers };
}

function withCsrf(browser: Browser, headers: Record<string, string> = {}): Record<string, string> {
  return fromBrowser(browser, { "x-csrf-token": browser.tokens.csrf_token, ...headers });
}

/** The session is untouched: the honest page's refresh still works. */
async function expectAlive(browser: Browser): Promise<void> {
  await json(await post(postern(), "/auth/refresh", undefined, withCsrf(browser)));
}

/** The attributes of a Set-Cookie line, sorted and in lower case, without what varies. */
function attributesOf(line: string): string[] {
  return line
    .split(/;\s*/)
    .slice(1)
    .map((attribute) => attribute.toLowerCase())
    .filter((attribute) => !attribute.startsWith("max-age="))
    .sort();
}

describe("signing in", () => {
  // And nowhere else.
  // Tests RFC 6265bis section 4.1.2.6: scripts cannot read the refresh cookie
  test("the refresh token is in an HttpOnly, SameSite cookie", async () => {
    const { tokens, cookies, setCookies } = await browserSignIn(postern());
    expect(Object.keys(tokens).sort()).toEqual(["access_token", "csrf_token", "expires_in", "scope", "session_id", "token_type"]);
    const line = setCookies.find((cookie) => cookie.startsWith(`${REFRESH_COOKIE}=`)) ?? "";
    expect(attributesOf(line)).toEqual(["httponly", "path=/auth", "samesite=strict", "secure"]);
    // Seven days idle, the default: a browser that keeps it longer only shows an ended session.
    expect(line).toMatch(/max-age=604800(?:;|$)/i);
    expect(cookies.get(REFRESH_COOKIE)).toMatch(/^prt_/);
    expect(JSON.stringify(tokens)).not.toContain("prt_");
    expect(setCookies.map((cookie) => cookie.slice(0, cookie.indexOf("=")))).toEqual([REFRESH_COOKIE, CSRF_COOKIE, SESSION_COOKIE, DEVICE_COOKIE]);
    expect(cookies.get(SESSION_COOKIE)).toBe(tokens.session_id);
  });

  // It is not sent across sites.
  test("scripts can read the CSRF token's cookie", async () => {
    const { tokens, cookies, setCookies } = await browserSignIn(postern());
    const line = setCookies.find((cookie) => cookie.startsWith(`${CSRF_COOKIE}=`)) ?? "";
    expect(attributesOf(line)).toEqual(["path=/", "samesite=strict", "secure"]);
    expect(cookies.get(CSRF_COOKIE)).toBe(tokens.csrf_token);
  });

  // The visitor would act in the attacker's account.
  // Tests RFC 9700 section 4.7: a foreign page cannot sign a visitor in
  test("login CSRF: a foreign page cannot sign a visitor in", async () => {
    for (const headers of [{ origin: FOREIGN }, { origin: "null" }, { "sec-fetch-site": "cross-site" }] as Record<string, string>[]) {
      const response = await post(postern(), "/auth/login", { login: ALICE, password: PASSWORD }, headers);
      expect(response.headers.getSetCookie()).toEqual([]);
      await expectProblem(response, 403, "cross_origin");
    }
  });
});

describe("refresh by cookie", () => {
  // From the cookie into the cookie.
  test("cookie and CSRF token rotate the session", async () => {
    const browser = await browserSignIn(postern());
    const response = await post(postern(), "/auth/refresh", undefined, withCsrf(browser));
    const before = browser.cookies.get(REFRESH_COOKIE);
    const lines = keepCookies(response, browser.cookies);
    expect(lines.map((line) => line.slice(0, line.indexOf("="))).sort()).toEqual([CSRF_COOKIE, REFRESH_COOKIE, SESSION_COOKIE].sort());
    expect(browser.cookies.get(REFRESH_COOKIE)).not.toBe(before);
    const tokens = await json<Tokens>(response);
    expect(tokens.session_id).toBe(browser.tokens.session_id);
    expect(tokens.refresh_token).toBeUndefined();
    expect(tokens.csrf_token).toBe(browser.cookies.get(CSRF_COOKIE));
  });

  // It is bound to the session.
  test("the CSRF token of the sign-in serves after a rotation", async () => {
    const browser = await browserSignIn(postern());
    keepCookies(await post(postern(), "/auth/refresh", undefined, withCsrf(browser)), browser.cookies);
    await json(await post(postern(), "/auth/refresh", undefined, withCsrf(browser)));
  });

  // A client that is no browser sends no Origin.
  test("own, listed and missing origins may refresh", async () => {
    for (const headers of [
      { origin: postern().url, "sec-fetch-site": "same-origin" },
      { origin: LISTED, "sec-fetch-site": "cross-site" },
      { "sec-fetch-site": "same-origin" },
      {},
    ] as Record<string, string>[]) {
      const browser = await browserSignIn(postern());
      await json(await post(postern(), "/auth/refresh", undefined, withCsrf(browser, headers)));
    }
  });

  // The cookie comes along, the CSRF token does not.
  // Tests RFC 9700 section 4.7: a cookie alone refreshes nothing
  test("CSRF by a form or an image does nothing", async () => {
    const browser = await browserSignIn(postern());
    await expectProblem(await post(postern(), "/auth/refresh", undefined, fromBrowser(browser)), 403, "csrf_failed");
    await expectAlive(browser);
  });

  // Of another session of the same user, or of another user.
  test("CSRF with the attacker's own CSRF token does nothing", async () => {
    const victim = await browserSignIn(postern());
    for (const login of [ALICE, ADMIN]) {
      const attacker = await browserSignIn(postern(), { login });
      const headers = fromBrowser(victim, { "x-csrf-token": attacker.tokens.csrf_token });
      await expectProblem(await post(postern(), "/auth/refresh", undefined, headers), 403, "csrf_failed");
    }
    await expectAlive(victim);
  });

  // Equal cookie and header prove nothing.
  test("CSRF with a cookie planted by a sibling does nothing", async () => {
    const [victim, attacker] = [await browserSignIn(postern()), await browserSignIn(postern(), { login: ADMIN })];
    victim.cookies.set(CSRF_COOKIE, attacker.tokens.csrf_token);
    const headers = fromBrowser(victim, { "x-csrf-token": attacker.tokens.csrf_token });
    await expectProblem(await post(postern(), "/auth/refresh", undefined, headers), 403, "csrf_failed");
    await expectAlive(victim);
  });

  test("CSRF with a guessed or altered token does nothing", async () => {
    const browser = await browserSignIn(postern());
    const own = browser.tokens.csrf_token;
    const flipped = `${own.slice(0, -2)}${own.at(-2) === "A" ? "B" : "A"}${own.at(-1)}`;
    for (const csrf of ["", "x", "A".repeat(own.length), flipped, own.slice(0, -1), `${own}A`, `${own}, ${own}`, "null", "undefined"]) {
      const response = await post(postern(), "/auth/refresh", undefined, fromBrowser(browser, { "x-csrf-token": csrf }));
      await expectProblem(response, 403, "csrf_failed");
    }
    await expectAlive(browser);
  });

  // The CSRF token of the session itself.
  test.for([
    ["a page of another origin", { origin: FOREIGN }],
    ["a sandboxed frame", { origin: "null" }],
    ["a look-alike of the listed origin", { origin: `${LISTED}.evil.example.test` }],
    ["the listed origin over plain HTTP", { origin: LISTED.replace("https", "http") }],
    ["a subdomain of the listed origin", { origin: LISTED.replace("app.", "x.app.") }],
    ["the listed origin with another port", { origin: `${LISTED}:8443` }],
    ["a browser that says cross-site and hides the origin", { "sec-fetch-site": "cross-site" }],
    ["a foreign page whose browser claims same-origin", { origin: FOREIGN, "sec-fetch-site": "same-origin" }],
  ] as [string, Record<string, string>][])("cross-origin is refused even with a stolen token: %s", async ([, headers]) => {
    const browser = await browserSignIn(postern());
    const response = await post(postern(), "/auth/refresh", undefined, withCsrf(browser, headers));
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    await expectProblem(response, 403, "cross_origin");
    await expectAlive(browser);
  });

  test("a refresh token from a cookie never comes in a body", async () => {
    const browser = await browserSignIn(postern());
    const stolen = browser.cookies.get(REFRESH_COOKIE) ?? "";
    // A script cannot read the cookie; were it leaked anyway, the body path is a client's own and sets no cookie.
    const response = await refresh(postern(), stolen, { cookie: cookieHeader(browser.cookies) });
    expect(response.headers.getSetCookie()).toEqual([]);
    await response.text();
  });
});

describe("a page that was loaded anew asks for its CSRF token", () => {
  const csrf = (headers: Record<string, string>) => postern().fetch("/auth/csrf", { headers });

  test("and it serves in the session of the cookie", async () => {
    const browser = await browserSignIn(postern());
    for (const headers of [{}, { "sec-fetch-site": "same-origin" }, { origin: LISTED, "sec-fetch-site": "same-site" }] as Record<string, string>[]) {
      const response = await csrf(fromBrowser(browser, headers));
      expect(response.headers.get("cache-control")).toBe("no-store");
      expect(response.headers.getSetCookie()).toEqual([]);
      const { csrf_token, ...rest } = await json<{ csrf_token: string }>(response);
      expect(rest).toEqual({});
      expect(csrf_token).not.toBe(browser.tokens.csrf_token);
      const refreshed = await post(postern(), "/auth/refresh", undefined, fromBrowser(browser, { "x-csrf-token": csrf_token }));
      keepCookies(refreshed, browser.cookies);
      await json(refreshed);
    }
  });

  // A sign-out takes an unsound cookie away.
  test("without a sound cookie there is none", async () => {
    await expectProblem(await csrf({}), 401, "invalid_grant");
    const forged = { cookie: `${REFRESH_COOKIE}=prt_forged` };
    const response = await csrf(forged);
    expect(response.headers.getSetCookie()).toEqual([]);
    await expectProblem(response, 401, "invalid_grant");
    const out = await post(postern(), "/auth/logout", undefined, forged);
    expect(out.headers.getSetCookie().filter((line) => line.startsWith(`${REFRESH_COOKIE}=;`))).toHaveLength(1);
    await expectProblem(out, 401, "invalid_grant");
    // Nor for whoever has an access token and no cookie.
    const { tokens } = await browserSignIn(postern());
    await expectProblem(await csrf({ authorization: `Bearer ${tokens.access_token}` }), 401, "invalid_grant");
  });

  test.for([
    ["a page of another origin", { origin: FOREIGN }],
    ["a sandboxed frame", { origin: "null" }],
    ["a foreign image, which says no origin", { "sec-fetch-site": "cross-site" }],
  ] as [string, Record<string, string>][])("CSRF: not for %s", async ([, headers]) => {
    const browser = await browserSignIn(postern());
    const response = await csrf(fromBrowser(browser, headers));
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
    expect(response.headers.get("cross-origin-resource-policy")).toBe("same-origin");
    await expectProblem(response, 403, "cross_origin");
  });
});

describe("leaving", () => {
  test.for(["/auth/logout", "/auth/logout-all"])("%s by cookie ends the session and takes both cookies away", async (path) => {
    const browser = await browserSignIn(postern(), { login: ADMIN });
    const stolen = fromBrowser(browser);
    const response = await post(postern(), path, undefined, withCsrf(browser));
    keepCookies(response, browser.cookies);
    await expectEmpty(response);
    // The device stays known: that is what it is for after the session has ended.
    expect([...browser.cookies.keys()]).toEqual([DEVICE_COOKIE]);
    const replay = await post(postern(), "/auth/refresh", undefined, { ...stolen, "x-csrf-token": browser.tokens.csrf_token });
    await expectProblem(replay, 401, "invalid_grant");
  });

  test.for(["/auth/logout", "/auth/logout-all"])("CSRF: a foreign page cannot sign a visitor out by %s", async (path) => {
    const browser = await browserSignIn(postern());
    await expectProblem(await post(postern(), path, undefined, fromBrowser(browser)), 403, "csrf_failed");
    await expectProblem(await post(postern(), path, undefined, withCsrf(browser, { origin: FOREIGN })), 403, "cross_origin");
    await expectAlive(browser);
  });
});

describe("CORS", () => {
  // With credentials, and for that origin alone.
  // Tests Fetch section "CORS-preflight fetch": a listed origin's preflight is granted, with credentials
  test("a listed origin's preflight is granted", async () => {
    const response = await postern().fetch("/auth/refresh", {
      method: "OPTIONS",
      headers: {
        origin: LISTED,
        "access-control-request-method": "POST",
        "access-control-request-headers": "baggage,content-type,sentry-trace,traceparent,tracestate,x-csrf-token",
      },
    });
    await expectEmpty(response);
    expect(response.headers.get("access-control-allow-origin")).toBe(LISTED);
    expect(response.headers.get("access-control-allow-credentials")).toBe("true");
    expect(response.headers.get("access-control-allow-methods")).toContain("POST");
    expect(response.headers.get("access-control-allow-headers")?.split(", ").sort()).toEqual(["authorization", "baggage", "content-type", "sentry-trace", "traceparent", "tracestate", "x-csrf-token"]);
    expect(response.headers.get("vary")?.toLowerCase()).toContain("origin");
  });

  // Refusals included.
  test("a listed origin's page may read the answers", async () => {
    const response = await post(postern(), "/auth/login", { login: ALICE, password: "wrong wrong" }, { origin: LISTED });
    expect(response.headers.get("access-control-allow-origin")).toBe(LISTED);
    expect(response.headers.get("access-control-allow-credentials")).toBe("true");
    expect(response.headers.get("access-control-expose-headers")).toBe("www-authenticate, retry-after, ratelimit, ratelimit-policy");
    await expectProblem(response, 401, "invalid_credentials");
  });

  // An origin that is not listed spends no token.
  test("apps and extensions sign in and refresh by the body", async () => {
    for (const origin of APPS) {
      const headers = { origin, "sec-fetch-site": "cross-site" };
      const { refresh_token } = await signIn(postern(), { headers });
      const unlisted = await refresh(postern(), refresh_token, { ...headers, origin: "capacitor://other" });
      expect(unlisted.headers.get("access-control-allow-origin")).toBeNull();
      expect((await expectProblem(unlisted, 403, "cross_origin")).detail).toContain("POSTERN_CORS_ORIGINS");
      const response = await refresh(postern(), refresh_token, headers);
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      await json(response);
    }
    expect(postern().logs.join("\n")).toContain(`"event":"cross_origin","origin":"capacitor://other","expected":["${new URL(postern().url).origin}"`);
  });

  // Tests Fetch section "CORS protocol and credentials": no answer names a wildcard
  test("no other origin is named in any answer, and never a wildcard", async () => {
    for (const origin of [FOREIGN, "null", `${LISTED}.evil.example.test`]) {
      const preflight = await postern().fetch("/auth/refresh", {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST" },
      });
      expect(preflight.headers.get("access-control-allow-origin")).toBeNull();
      await preflight.text();
      const call = await postern().fetch("/auth/me", { headers: { origin } });
      expect(call.headers.get("access-control-allow-origin")).toBeNull();
      await call.text();
    }
  });
});

test("a page's session is in the list like any other", async () => {
  const { tokens } = await browserSignIn(postern());
  const list = await sessions(postern(), tokens.access_token);
  expect(list.find((one) => one.current)?.session_id).toBe(tokens.session_id);
});
