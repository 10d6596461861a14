// GET /metrics: who may read it, and that what happened is what was counted. `make proof NAME=metrics` asks a parser of others, too.
import { afterAll, beforeAll, expect, test } from "vitest";
import { bearer, expectProblem, post, refresh, refreshed, signIn } from "./support/client.ts";
import { ADMIN, ALICE, settings } from "./support/config.ts";
import { bitFlipped } from "./support/jwt.ts";
import { growth, METRICS_TOKEN, metricsText, scrape } from "./support/metrics.ts";
import { UrlOrigin } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

/** A port that nobody listens on: it is reserved (discard), and fetch of workerd reaches it. */
const DEAD = "http://127.0.0.1:9";

let origin: UrlOrigin;
beforeAll(async () => {
  origin = await UrlOrigin.start();
});
afterAll(() => origin.stop());

const postern = shared(() => ({
  vars: settings({ POSTERN_METRICS_TOKEN: METRICS_TOKEN, POSTERN_METRICS: { flush_interval: 1 } }, [
    { name: "down", path: "/down", access: "public", upstream: DEAD },
    { name: "down-watched", path: "/down-watched", access: "public", upstream: DEAD, total_timeout_ms: 5000 },
    { name: "mute", path: "/hang", access: "public", upstream: origin.url, timeout_ms: 100 },
    { name: "nowhere", path: "/nowhere", access: "public", service: "NOBODY" },
    { name: "sick", path: "/sick", access: "public", upstream: origin.url },
  ]),
}));

// A refusal says nothing.
test("only the metrics token reads metrics", async () => {
  await expectProblem(await postern().fetch("/metrics"), 401, "credentials_required");
  await expectProblem(await postern().fetch("/metrics", { headers: bearer("x".repeat(METRICS_TOKEN.length)) }), 401, "invalid_token");
  await expectProblem(await postern().fetch("/metrics", { headers: bearer(METRICS_TOKEN.slice(0, -1)) }), 401, "invalid_token");
  const { access_token } = await signIn(postern(), { login: ALICE });
  await expectProblem(await postern().fetch("/metrics", { headers: bearer(access_token) }), 403, "insufficient_scope");
});

test("the text is OpenMetrics and says so", async () => {
  const response = await postern().fetch("/metrics", { headers: bearer(METRICS_TOKEN) });
  expect(response.headers.get("content-type")).toBe("application/openmetrics-text; version=1.0.0; charset=utf-8");
  expect(response.headers.get("cache-control")).toBe("no-store");
  expect(await response.text()).toMatch(/# EOF\n$/);
});

test("what clients see is what is counted, once", async () => {
  const before = await scrape(postern());
  const { access_token, refresh_token } = await signIn(postern());
  const second = await refreshed(postern(), refresh_token);
  await refreshed(postern(), refresh_token);
  const third = await refreshed(postern(), second.refresh_token);
  await refreshed(postern(), third.refresh_token);
  await expectProblem(await refresh(postern(), refresh_token), 401, "invalid_grant");
  await expectProblem(await post(postern(), "/auth/login", { login: ADMIN, password: "not the right one" }), 401, "invalid_credentials");
  for (let time = 0; time < 3; time += 1) await (await postern().fetch("/echo", { headers: bearer(access_token) })).text();
  await (await postern().fetch("/echo")).text();
  await (await postern().fetch("/echo", { headers: bearer(bitFlipped(access_token)) })).text();
  await (await postern().fetch("/no-such-route")).text();

  const grown = growth(before, await scrape(postern()));
  expect(grown).toMatchObject({
    'postern_sign_ins_total{result="success"}': 1,
    'postern_sign_ins_total{result="wrong_password"}': 1,
    'postern_refreshes_total{decision="rotate"}': 3,
    'postern_refreshes_total{decision="retry"}': 1,
    'postern_refreshes_total{decision="reuse"}': 1,
    postern_reuse_detected_total: 1,
    'postern_access_refused_total{code="bad_signature"}': 1,
    'postern_gate_requests_total{route="echo",outcome="forwarded"}': 3,
    'postern_gate_requests_total{route="echo",outcome="unauthenticated"}': 2,
    'postern_gate_requests_total{route="",outcome="no_route"}': 1,
    'postern_events_total{event="reuse_detected",outcome="alert"}': 1,
  });
  const calls = Object.entries(grown).find(([series]) => series === 'postern_object_latency_seconds_count{object="account"}');
  expect(calls?.[1]).toBeGreaterThanOrEqual(6);
});

// Down, mute or not bound. One that answers 503 is none of ours.
test("an upstream fault is counted by route and cause", async () => {
  const before = await scrape(postern());
  for (const path of ["/down", "/down", "/down-watched", "/nowhere"]) {
    await expectProblem(await postern().fetch(path), 502, "upstream_unreachable");
  }
  await expectProblem(await postern().fetch("/hang"), 504, "upstream_timeout");
  expect((await postern().fetch("/sick")).status).toBe(503);
  const grown = growth(before, await scrape(postern()));
  expect(Object.fromEntries(Object.entries(grown).filter(([series]) => /upstream/.test(series)))).toEqual({
    'postern_upstream_failures_total{route="down",cause="unreachable"}': 2,
    'postern_upstream_failures_total{route="down-watched",cause="unreachable"}': 1,
    'postern_upstream_failures_total{route="nowhere",cause="not_bound"}': 1,
    'postern_upstream_failures_total{route="mute",cause="timeout"}': 1,
    'postern_faults_total{part="upstream"}': 5,
  });
  expect(grown).toMatchObject({ 'postern_gate_requests_total{route="down",outcome="forwarded"}': 2 });
});

test("no label holds what a client sent", async () => {
  const mark = "zxqv7";
  await post(postern(), "/auth/login", { login: `${mark}@example.com`, password: mark.repeat(3) });
  await refresh(postern(), `prt_${mark.repeat(20)}`);
  await postern().fetch(`/${mark}`, { headers: { "user-agent": mark, "x-forwarded-for": mark, ...bearer(`${mark}.${mark}.${mark}`) } });
  await postern().fetch(`/echo?${mark}`, { method: mark.toUpperCase(), headers: bearer(`${mark}.${mark}.${mark}`) });
  expect((await metricsText(postern())).toLowerCase()).not.toContain(mark);
});
