// `make bench PART=inside`: what the handler itself takes, without HTTP. A Worker calls it for a list of requests within one
// request of the bench. The least of many short blocks hardly changes on a busy machine, so a few parts in a hundred show.
// It writes the page only when no other build runs beside this one.
//   ROUNDS=40 ALSO=before=folder
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { AUDIENCE } from "../tests/worker/support/config.ts";
import { Issuer, issuerKey, type Algorithm } from "../tests/worker/support/issuer.ts";
import { startWorkerd, type WorkerOptions } from "../tests/worker/support/workerd.ts";
import { bindingsOf } from "../tests/worker/harness-config.ts";
import { modules, peerScript } from "./bundle.ts";
import { ORIGIN, postern } from "./lanes.ts";
import { made, onMachine, table } from "./pages.ts";
import { ALGORITHMS, builds, root } from "./rig.ts";

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
    const requests = (await request.text()).split("\\n").map((token) => new Request(url, { headers: { authorization: "Bearer " + token, accept: "application/json" } }));
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

const origin = createServer((_, response) => response.writeHead(200, { "content-type": "text/plain" }).end("reached"));
origin.listen(0, "127.0.0.1");
await once(origin, "listening");
const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
const issuer = await Issuer.start(await Promise.all(ALGORITHMS.map((algorithm) => issuerKey(algorithm))));
const bindings = await bindingsOf(join(root, "wrangler.toml"));
const compatibility = { compatibilityDate: bindings.compatibilityDate, compatibilityFlags: bindings.compatibilityFlags };
const routes = [
  { name: "answer", path: "/verify", answer: "identity" },
  { name: "forward", path: "/forward", upstream: originUrl },
  { name: "service", path: "/service", service: "ORIGIN" },
];

const ours = [...builds()].map(([name, folder]): WorkerOptions => {
  const { modules: listed, modulesRoot } = modules(folder);
  const front = { type: "ESModule" as const, path: join(folder, "inside.js"), contents: inFront("index.js") };
  return { ...postern(name, folder, routes, { originUrl, issuer, bindings, compatibility }), modulesRoot, modules: [front, ...listed] };
});
const peers = await Promise.all(
  ["noop", "jose", "webcrypto", "steps"].map(async (name): Promise<WorkerOptions> => ({
    name,
    modulesRoot: "/",
    modules: [
      { type: "ESModule", path: "/inside.js", contents: inFront("peer.js") },
      { type: "ESModule", path: "/peer.js", contents: await peerScript(`${name}.js`) },
    ],
    ...compatibility,
    serviceBindings: { ORIGIN: "origin" },
    bindings: JSON.parse(JSON.stringify({ KEYS: issuer.published, ISSUER: issuer.iss, AUDIENCE, ORIGIN_URL: originUrl })),
  })),
);
const workers = [...ours, ...peers].map((worker) => ({ ...worker, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] }));
const miniflare = startWorkerd({ workers: [{ ...ORIGIN, ...compatibility }, ...workers] });
await miniflare.ready;

const claims = { scope: "read:orders write:orders", sid: "AAAAAAAAAAAAAAAAAAAAAA", client_id: "shop", roles: ["user", "editor"], tenant_id: "tenant-7" };
const known = Array<string>(CALLS).fill(await issuer.token("ES256-1", { ...claims, exp: Math.floor(Date.now() / 1000) + 86_400 }));

interface Lane {
  name: string;
  worker: string;
  path: string;
  /** Of new tokens in every call; without it one that was seen. */
  algorithm?: Algorithm;
}
const all = [...builds().keys()];
const EVERYTHING = "JavaScript, forwarding with all that Postern sets";
const EVERYTHING_TO_SERVICE = "JavaScript, to a service binding with all that Postern sets";
const lanes: Lane[] = [
  { name: "JavaScript, no-op", worker: "noop", path: "/" },
  ...all.map((worker) => ({ name: `${worker}, hit`, worker, path: "/verify" })),
  ...ALGORITHMS.flatMap((algorithm) => [
    ...all.map((worker) => ({ name: `${worker}, miss, ${algorithm}`, worker, path: "/verify", algorithm })),
    { name: `jose, ${algorithm}`, worker: "jose", path: "/", algorithm },
    { name: `WebCrypto alone, ${algorithm}`, worker: "webcrypto", path: "/", algorithm },
    { name: `WebCrypto alone, ${algorithm}, answering with thirteen headers`, worker: "webcrypto", path: "/headers", algorithm },
  ]),
  { name: "JavaScript, forwarding", worker: "steps", path: "/plain" },
  { name: EVERYTHING, worker: "steps", path: "/everything" },
  ...all.map((worker) => ({ name: `${worker}, forwarding`, worker, path: "/forward" })),
  { name: "JavaScript, to a service binding", worker: "steps", path: "/service" },
  { name: EVERYTHING_TO_SERVICE, worker: "steps", path: "/everything, service" },
  ...all.map((worker) => ({ name: `${worker}, to a service binding`, worker, path: "/service" })),
];

const least = new Map<string, number>();
for (let round = 0; round <= ROUNDS; round += 1) {
  for (const { name, worker, path, algorithm } of lanes) {
    const url = new URL("/", await miniflare.unsafeGetDirectURL(worker));
    const tokens = algorithm === undefined ? known : await Promise.all(known.map(() => issuer.token(`${algorithm}-1`, claims)));
    const begun = performance.now();
    const answer = await fetch(url, { method: "POST", headers: { "x-inside": encodeURI(path), ...(algorithm === undefined && !["/", "/verify"].includes(path) ? { "x-inside-forwarded": "1" } : {}) }, body: tokens.join("\n") });
    const status = await answer.text();
    const micros = ((performance.now() - begun) * 1000) / CALLS;
    // The first block is for compilers and caches.
    if (round === 0) continue;
    if (status !== "200" && status !== "204") throw new Error(`${name}: ${status}`);
    least.set(name, Math.min(least.get(name) ?? Infinity, micros));
  }
}
await miniflare.dispose();
await issuer.stop();
origin.close();
origin.closeAllConnections();

/** What does the same work in plain JavaScript. */
const floorOf = ({ path, algorithm }: Lane): string => {
  if (algorithm !== undefined) return `WebCrypto alone, ${algorithm}`;
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
