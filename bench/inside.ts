// `make bench PART=inside`: what the handler itself takes, without HTTP. A Worker calls it for a list of requests within one
// request of the bench. The least of many short blocks hardly changes on a busy machine, so a few parts in a hundred show.
// It writes the page only when no other build runs beside this one.
//   ROUNDS=40 ALSO=before=folder
import { join } from "node:path";
import { AUDIENCE } from "../tests/worker/support/config.ts";
import type { WorkerOptions } from "../tests/worker/support/workerd.ts";
import { modules, peerScript } from "./bundle.ts";
import { ORIGIN, postern } from "./lanes.ts";
import { made, onMachine, table } from "./pages.ts";
import { ALGORITHMS, builds, plain, start, type Lane, type Place, type Roster } from "./rig.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 40);
/** Requests in a block. A token that was seen is tried as often as new ones. */
const CALLS = 200;

/** In front of a Worker's module: calls its handler once for each token in the body. */
const inFront = (module: string) => `
import handlers from "./${module}";
export * from "./${module}";
export default {
  ...handlers,
  async fetch(request, env, ctx) {
    const path = request.headers.get("x-inside");
    if (path === null) return handlers.fetch(request, env, ctx);
    const url = new URL(path, request.url);
    const isForwarded = request.headers.has("x-inside-forwarded");
    const requests = (await request.text()).split("\\n").map((token) => new Request(url, { headers: { authorization: "Bearer " + token, accept: "application/json", "cf-ray": "8f1c2d3e4a5b6c7d-VIE" } }));
    let status = 0;
    for (const each of requests) {
      const promised = handlers.fetch(each, env, ctx);
      const answer = promised instanceof Promise ? await promised : promised;
      status = answer.status;
      // Else the upstream's answers would pile up. What a Worker answers by itself would cost its reader only.
      if (isForwarded) await answer.arrayBuffer();
    }
    return new Response(String(status));
  },
};`;

const all = [...builds().keys()];
const EVERYTHING = "JavaScript, forwarding with all that Postern sets";
const EVERYTHING_TO_SERVICE = "JavaScript, to a service binding with all that Postern sets";
const FORWARDING = [
  plain("JavaScript, forwarding", "steps", "/plain"),
  plain(EVERYTHING, "steps", "/everything"),
  ...all.map((worker) => plain(`${worker}, forwarding`, worker, "/forward")),
  plain("JavaScript, to a service binding", "steps", "/service"),
  plain(EVERYTHING_TO_SERVICE, "steps", "/everything, service"),
  ...all.map((worker) => plain(`${worker}, to a service binding`, worker, "/service")),
];

/** The module in front of another one in its folder. */
const front = (folder: string, module: string) => ({ type: "ESModule" as const, path: join(folder, "inside.js"), contents: inFront(module) });

async function roster(place: Place): Promise<Roster> {
  const { originUrl, issuer, compatibility } = place;
  const routes = [
    { name: "answer", path: "/verify", answer: "identity" },
    { name: "forward", path: "/forward", upstream: originUrl },
    { name: "service", path: "/service", service: "ORIGIN" },
  ];
  const ours = [...builds()].map(([name, folder]): WorkerOptions => ({ ...postern(name, folder, routes, place), modules: [front(folder, "index.js"), ...modules(folder).modules] }));
  const peers = await Promise.all(
    ["noop", "jose", "webcrypto", "steps"].map(async (name): Promise<WorkerOptions> => ({
      name,
      modulesRoot: "/",
      modules: [front("/", "peer.js"), { type: "ESModule", path: "/peer.js", contents: await peerScript(`${name}.js`) }],
      ...compatibility,
      serviceBindings: { ORIGIN: "origin" },
      bindings: JSON.parse(JSON.stringify({ KEYS: issuer.published, ISSUER: issuer.iss, AUDIENCE, ORIGIN_URL: originUrl })),
    })),
  );
  const lanes: Lane[] = [
    plain("JavaScript, no-op", "noop"),
    ...all.map((worker): Lane => ({ name: `${worker}, hit`, worker, path: "/verify", status: 204, algorithm: "ES256" })),
    ...ALGORITHMS.flatMap((algorithm): Lane[] => [
      ...all.map((worker) => ({ name: `${worker}, miss, ${algorithm}`, worker, path: "/verify", status: 204, algorithm, fresh: true })),
      { name: `jose, ${algorithm}`, worker: "jose", path: "/", status: 200, algorithm, fresh: true },
      { name: `WebCrypto alone, ${algorithm}`, worker: "webcrypto", path: "/", status: 200, algorithm, fresh: true },
      { name: `WebCrypto alone, ${algorithm}, answering with thirteen headers`, worker: "webcrypto", path: "/headers", status: 204, algorithm, fresh: true },
    ]),
    ...FORWARDING,
  ];
  return { workers: [{ ...ORIGIN, ...compatibility }, ...ours, ...peers], lanes };
}

const rig = await start(roster);
const { lanes } = rig;
const least = new Map<string, number>();
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const lane of lanes) {
    const tokens = lane.fresh ? await rig.tokens(lane.algorithm, CALLS) : Array<string>(CALLS).fill((await rig.tokens(lane.algorithm))[0] ?? "");
    const headers = { "x-inside": encodeURI(lane.path), ...(FORWARDING.includes(lane) ? { "x-inside-forwarded": "1" } : {}) };
    const begun = performance.now();
    const answer = await fetch(new URL("/", rig.url(lane)), { method: "POST", headers, body: tokens.join("\n") });
    const status = await answer.text();
    const micros = ((performance.now() - begun) * 1000) / CALLS;
    // The first block is for compilers and caches.
    if (round === 0) continue;
    if (status !== String(lane.status)) throw new Error(`${lane.name}: ${status}`);
    least.set(lane.name, Math.min(least.get(lane.name) ?? Infinity, micros));
  }
}
await rig.stop();

/** What does the same work in plain JavaScript. */
const floorOf = ({ path, algorithm, fresh }: Lane): string => {
  if (fresh) return `WebCrypto alone, ${algorithm}`;
  return { "/forward": EVERYTHING, "/service": EVERYTHING_TO_SERVICE }[path] ?? "JavaScript, no-op";
};
const micros = (name: string) => least.get(name) ?? Number.NaN;
const rows = lanes.map((lane) => {
  const isOurs = all.includes(lane.worker);
  const floor = floorOf(lane);
  return [lane.name, micros(lane.name).toFixed(0), isOurs ? (micros(lane.name) / micros(floor)).toFixed(2) : "", isOurs ? floor : ""];
});
const text = `${table(["the least of all blocks", "µs a call", "ratio", "to"], rows)}\n\n${ROUNDS} blocks of ${CALLS} calls each, in turn.\n\n${onMachine}`;
if (all.length === 1) await made("performance.md", "make bench PART=inside", text);
console.log(text);
process.exit(0);
