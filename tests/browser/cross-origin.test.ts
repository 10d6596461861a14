// A page of a listed origin: what it may do, and what its scripts can read of the answers.
import type { Page } from "playwright-core";
import { beforeEach, describe, expect, test } from "vitest";
import { APP, AUTH, fetchFrom, refreshFrom, scene, signInFrom, webSettings } from "./scene.ts";

const cors = { origins: [APP], allow_headers: ["authorization", "content-type"], expose_headers: ["x-total"], max_age: 600 };
const on = scene(() => ({
  ratelimits: { NARROW: { namespace_id: "9", simple: { limit: 1, period: 60 as const } } },
  vars: webSettings({}, [
    { name: "narrow", path: "/narrow", access: "public", service: "ORIGIN", cors, rate_limit: { binding: "NARROW", retry_after: 42 } },
    { name: "admins", path: "/admins", roles_any: ["admin"], service: "ORIGIN", cors },
    { name: "app-stream", path: "/stream", service: "ORIGIN", cors },
    { name: "app-echo", path: "/echo", service: "ORIGIN", cors },
  ]),
}));

let page: Page;
beforeEach(async () => {
  page = await (await on().profile()).newPage();
  await page.goto(`${APP}/`);
});
const bearer = (token: string): RequestInit => ({ headers: { authorization: `Bearer ${token}` } });

// By cookie and CSRF token.
test("signs in, refreshes, calls the API and signs out", async () => {
  const tokens = await signInFrom(page);
  const got = await fetchFrom(page, `${AUTH}/api/orders`, bearer(tokens.access_token));
  expect(got).toMatchObject({ status: 200, type: "cors" });
  const next = await refreshFrom(page, tokens.csrf_token);
  expect(next).toMatchObject({ status: 200 });
  expect(JSON.parse(next.text ?? "")).toMatchObject({ session_id: tokens.session_id });
  const out = await fetchFrom(page, `${AUTH}/auth/logout`, { method: "POST", credentials: "include", headers: { "x-csrf-token": tokens.csrf_token } });
  expect(out).toMatchObject({ status: 204 });
  expect((await page.context().cookies()).map(({ name }) => name)).toEqual(["__Secure-postern_device"]);
});

// Scripts that watch a page add headers of their own to its calls.
test("headers that tracing adds are let through", async () => {
  const { access_token } = await signInFrom(page);
  const traced = { traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", baggage: "a=b", "sentry-trace": "x-y" };
  expect(await fetchFrom(page, `${AUTH}/auth/csrf`, { credentials: "include", headers: { ...traced, "x-requested-with": "XMLHttpRequest" } })).toMatchObject({ status: 200 });
  expect(await fetchFrom(page, `${AUTH}/api/orders`, { headers: { ...traced, authorization: `Bearer ${access_token}` } })).toMatchObject({ status: 200 });
  // Others are for the route's rule to grant.
  const odd = { "x-odd": "1", authorization: `Bearer ${access_token}` };
  expect(await fetchFrom(page, `${AUTH}/api/orders`, { headers: odd })).toEqual({ error: expect.any(String) });
});

// The page's script cannot read the cookies of Postern's host.
test("the CSRF token comes from its call, not from a cookie", async () => {
  const tokens = await signInFrom(page);
  expect(await page.evaluate(() => document.cookie)).toBe("");
  const got = await fetchFrom(page, `${AUTH}/auth/csrf`, { credentials: "include" });
  const { csrf_token } = JSON.parse(got.text ?? "{}") as { csrf_token: string };
  expect(csrf_token).not.toBe(tokens.csrf_token);
  expect(await refreshFrom(page, csrf_token)).toMatchObject({ status: 200 });
});

test("a preflight is asked for once and kept", async () => {
  const { access_token } = await signInFrom(page);
  for (let call = 0; call < 3; call += 1) await fetchFrom(page, `${AUTH}/api/orders`, bearer(access_token));
  expect(on().wire.to("/api/orders", "OPTIONS")).toHaveLength(1);
  expect(on().wire.to("/api/orders", "GET")).toHaveLength(3);
});

describe("of a refusal its script can read", () => {
  test("why: WWW-Authenticate of the gate and of /auth", async () => {
    for (const path of ["/api/orders", "/auth/me"]) {
      const got = await fetchFrom(page, AUTH + path, bearer("a.b.c"));
      expect(got.status).toBe(401);
      expect(got.headers, path).toMatchObject({ "www-authenticate": expect.stringContaining('error="invalid_token"') });
    }
    const { access_token } = await signInFrom(page);
    const got = await fetchFrom(page, `${AUTH}/admins`, bearer(access_token));
    expect(got).toMatchObject({ status: 403, text: expect.stringContaining("code") });
  });

  test("when to come again: Retry-After of a rate limit", async () => {
    let got = await fetchFrom(page, `${AUTH}/narrow`);
    for (let tries = 0; tries < 5 && got.status !== 429; tries += 1) got = await fetchFrom(page, `${AUTH}/narrow`);
    expect(got).toMatchObject({ status: 429, headers: { "retry-after": "42" } });
  });
});

test("a stream comes piece by piece, and can be left", async () => {
  const { access_token } = await signInFrom(page);
  const pieces = await page.evaluate(
    async ([url, token]) => {
      const leave = new AbortController();
      const answer = await fetch(url as string, { headers: { authorization: `Bearer ${token}` }, signal: leave.signal });
      const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
      const { value } = await reader.read();
      leave.abort();
      const rest = await reader.read().then(() => "more", (error: Error) => error.name);
      return [value, rest];
    },
    [`${AUTH}/stream`, access_token],
  );
  expect(pieces[0]).toMatch(/^chunk 0\n/);
  expect(pieces[1]).toBe("AbortError");
  expect(await fetchFrom(page, `${AUTH}/api/orders`, bearer(access_token))).toMatchObject({ status: 200 });
});

test("a request body is streamed up (HTTP/2)", async () => {
  const { access_token } = await signInFrom(page);
  const got = await page.evaluate(
    async ([url, token]) => {
      const body = new ReadableStream({
        async start(controller) {
          for (let piece = 0; piece < 5; piece += 1) {
            controller.enqueue(new TextEncoder().encode(`piece ${piece};`));
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          controller.close();
        },
      });
      const init = { method: "POST", body, duplex: "half", headers: { authorization: `Bearer ${token}`, "content-type": "text/plain" } };
      const answer = await fetch(url as string, init as RequestInit);
      return ((await answer.json()) as { body: string }).body;
    },
    [`${AUTH}/echo`, access_token],
  );
  expect(got).toBe("piece 0;piece 1;piece 2;piece 3;piece 4;");
});
