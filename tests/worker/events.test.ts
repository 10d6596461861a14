// Events in a queue beside the log, and counts in Analytics Engine: copies that nothing waits for.
import { expect, test } from "vitest";
import { bearer, expectProblem, post, refresh, refreshed, signIn } from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { bitFlipped } from "./support/jwt.ts";
import { METRICS_TOKEN, scrape } from "./support/metrics.ts";
import { eventually } from "./support/poll.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

interface Told {
  event: string;
  [member: string]: unknown;
}

const logged = (postern: Running): string[] => postern.logs.filter((line) => line.startsWith('{"at":'));

/** The cheapest hash there is: what is tested comes after it. */
const CHEAP = { POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 }, POSTERN_METRICS_TOKEN: METRICS_TOKEN };

/** A bit of everything: what goes well, what is refused, theft, and an administrator. */
async function story(postern: Running): Promise<void> {
  const { access_token, refresh_token } = await signIn(postern);
  const second = await refreshed(postern, refresh_token);
  await refreshed(postern, second.refresh_token);
  await expectProblem(await refresh(postern, refresh_token), 401, "invalid_grant");
  await expectProblem(await post(postern, "/auth/login", { login: ALICE, password: "not the right one" }), 401, "invalid_credentials");
  await (await postern.fetch("/echo", { headers: bearer(bitFlipped(access_token)) })).text();
  const admin = await signIn(postern, { login: ADMIN });
  const rotate = { method: "POST", headers: { ...bearer(admin.access_token), "content-type": "application/json" }, body: '{"force":true}' };
  await (await postern.fetch("/admin/keys/rotate", rotate)).text();
  const strangers = Array.from({ length: 20 }, (_, n) => post(postern, "/auth/login", { login: `nobody${n}@example.com`, password: PASSWORD }));
  for (const answer of await Promise.all(strangers)) await expectProblem(answer, 401, "invalid_credentials");
}

// Those of objects too, and none with a secret.
test("the queue gets every event of the log once", async () => {
  const received: Told[] = [];
  const postern = await start({
    vars: settings({ ...CHEAP, POSTERN_EVENTS: { queue: "EVENTS" } }),
    queue: { binding: "EVENTS", received: (message) => received.push(message as Told) },
  });
  try {
    await story(postern);
    await eventually("every event", () => (received.length >= logged(postern).length ? true : undefined));
    const lines = logged(postern);
    expect(received.map((event) => JSON.stringify(event)).sort()).toEqual(lines.sort());
    const names = new Set(received.map(({ event }) => event));
    for (const name of ["signed_in", "refreshed", "reuse_detected", "sign_in_refused", "access_refused", "admin_action", "key_published", "key_rotated"]) {
      expect(names, name).toContain(name);
    }
    expect((await scrape(postern)).get('postern_events_dropped_total{reason="unreachable"}')).toBe(0);
    expectNoSecrets(postern);
  } finally {
    await postern.dispose();
  }
});

// What it did not get is counted and in the log.
test("a missing queue delays and fails nothing", async () => {
  const postern = await start({ vars: settings({ ...CHEAP, POSTERN_EVENTS: { queue: "EVENTS" } }) });
  try {
    await signIn(postern);
    await postern.logged(/"part":"event_queue".*EVENTS/);
    const dropped = await eventually("the count", async () => (await scrape(postern)).get('postern_events_dropped_total{reason="unreachable"}') || undefined);
    const others = logged(postern).filter((line) => !line.includes('"event_queue"'));
    expect(dropped).toBe(others.length);
  } finally {
    await postern.dispose();
  }
});

test("Analytics Engine gets the counters of /metrics", async () => {
  const postern = await start({
    vars: settings({ ...CHEAP, POSTERN_METRICS: { flush_interval: 1, dataset: "ANALYTICS" } }),
    services: { ANALYTICS: { worker: "tests/worker/support/analytics.mjs" } },
  });
  try {
    await story(postern);
    await (await postern.fetch("/echo")).text();
    const counted = await scrape(postern);
    const sums = (): Map<string, number> => {
      const all = new Map<string, number>();
      for (const line of postern.logs.filter((text) => text.startsWith("data point: "))) {
        const { index, blobs, doubles } = JSON.parse(line.slice("data point: ".length)) as { index: string; blobs: string[]; doubles: number[] };
        expect(blobs[0]).toBe(index);
        const series = blobs.join(" ");
        all.set(series, (all.get(series) ?? 0) + doubles[0]!);
      }
      return all;
    };
    for (const [series, point] of [
      ['postern_sign_ins_total{result="success"}', "postern_sign_ins_total success"],
      ['postern_refreshes_total{decision="rotate"}', "postern_refreshes_total rotate"],
      ["postern_reuse_detected_total", "postern_reuse_detected_total"],
      ['postern_events_total{event="admin_action",outcome="success"}', "postern_events_total admin_action success"],
      ['postern_gate_requests_total{route="echo",outcome="unauthenticated"}', "postern_gate_requests_total echo unauthenticated"],
    ] as const) {
      const expected = counted.get(series);
      expect(expected, series).toBeGreaterThan(0);
      await eventually(point, () => (sums().get(point) === expected ? true : undefined));
    }
    expect(sums().get("postern_object_latency_seconds account")).toBeGreaterThan(0);
    expect(postern.logs.filter((line) => line.startsWith("unsound"))).toEqual([]);
    expectNoSecrets(postern);
  } finally {
    await postern.dispose();
  }
});
