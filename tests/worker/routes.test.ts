// The route table from KV, on the real thing: nothing is restarted while it changes.
import { afterAll, beforeAll, expect, test } from "vitest";
import { bearer, expectProblem, json, signIn } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { METRICS_TOKEN } from "./support/metrics.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";
import { eventually } from "./support/poll.ts";

let postern: Running;
beforeAll(async () => {
  postern = await start({ vars: settings({ POSTERN_ROUTES: { kv: "routes", refresh: 1 }, POSTERN_METRICS_TOKEN: METRICS_TOKEN }) });
});
afterAll(async () => {
  await postern.dispose();
  expectNoSecrets(postern);
});

const route = (path: string, more: object = {}) => ({ path, access: "public", service: "ORIGIN", ...more });
const publish = (version: number, routes: object[]) => postern.kv.write("routes", JSON.stringify({ version, routes }));
const status = async (path: string) => (await postern.fetch(path)).status;

/** Until the path is answered so: each request may be the one that starts the next reading. */
const becomes = (path: string, wanted: number) =>
  eventually(`${path} is ${wanted}`, async () => ((await status(path)) === wanted ? true : undefined));

interface Ready {
  routes?: { source: string; version: number; routes: number; age: number; refused_mistakes?: number };
}

// It can change, and its mistakes change nothing.
test("a table in KV takes effect while requests pass", async () => {
  // Without any table the gate is closed; the service is not.
  const closed = await postern.fetch("/public/ping");
  expect(closed.headers.get("retry-after")).toBe("2");
  await expectProblem(closed, 503, "unavailable");
  expect(await status("/readyz")).toBe(503);
  const { access_token } = await signIn(postern);

  await publish(1, [route("/public/ping")]);
  await becomes("/public/ping", 200);
  expect(await status("/echo")).toBe(404);

  await publish(2, [route("/public/ping", { access: "required" }), route("/echo")]);
  await becomes("/public/ping", 401);
  await json(await postern.fetch("/public/ping", { headers: bearer(access_token) }));
  expect(await status("/echo")).toBe(200);

  await publish(3, [route("/public/ping", { service: "not a binding" })]);
  const refused = await eventually("the refusal is told", async () => {
    await postern.fetch("/echo");
    const ready = await json<Ready>(await postern.fetch("/readyz", { headers: bearer(METRICS_TOKEN) }));
    return ready.routes?.refused_mistakes === undefined ? undefined : ready.routes;
  });
  expect(refused).toMatchObject({ source: "kv", version: 2, routes: 2, refused_mistakes: 1 });
  const line = await postern.logged(/"event":"routes_refused"/);
  expect(line).toContain("routes[0].service");
  expect(await status("/public/ping")).toBe(401);

  // An older one is a copy that came late.
  await publish(1, [route("/public/ping")]);
  await eventually("the old copy is told of", async () => {
    await postern.fetch("/echo");
    return postern.logs.find((text) => /routes_refused.*version: must be above 2/.test(text));
  });
  expect(await status("/public/ping")).toBe(401);

  await publish(4, [route("/public/ping")]);
  await becomes("/public/ping", 200);
});
