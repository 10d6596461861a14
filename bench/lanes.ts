// The Workers that `make bench` compares: builds of Postern, Workers that do nothing, plain JavaScript, other verifiers.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Json } from "miniflare";
import { AUDIENCE, settings } from "../tests/worker/support/config.ts";
import type { WorkerOptions } from "../tests/worker/support/workerd.ts";
import { modules, peerScript } from "./bundle.ts";
import { ALGORITHMS, plain, root, type Lane, type Place, type Roster } from "./rig.ts";

const PEERS = ["noop", "forward", "jose", "hono", "tsndr", "webcrypto", "better-auth"];
const FLOORS = ["bare", "usual"];

/** The Worker behind the service bindings. */
export const ORIGIN: WorkerOptions = {
  name: "origin",
  modules: [{ type: "ESModule", path: "origin.js", contents: 'export default { fetch: () => new Response("reached", { headers: { "content-type": "text/plain" } }) };' }],
};

/** A build of Postern. `routes` are its route table. */
export function postern(name: string, folder: string, routes: Json[], { issuer, bindings, compatibility }: Place): WorkerOptions {
  const vars = settings({
    POSTERN_PROFILE: "local",
    POSTERN_MASTER_KEY: randomBytes(32).toString("base64url"),
    POSTERN_ISSUERS: [issuer.setting()],
    POSTERN_JWKS: { soft_age: 86_400 },
    POSTERN_ROUTES: routes,
  });
  return {
    name,
    ...modules(folder),
    ...compatibility,
    kvNamespaces: bindings.kvNamespaces,
    d1Databases: bindings.d1Databases,
    durableObjects: bindings.durableObjects,
    ratelimits: bindings.ratelimits,
    serviceBindings: { ORIGIN: "origin" },
    bindings: JSON.parse(JSON.stringify(vars)) as Record<string, Json>,
  };
}

export function ordinary(builds: Map<string, string>): (place: Place) => Promise<Roster> {
  return async (place) => {
    const { originUrl, issuer, compatibility } = place;
    const routes = [
      // Answered by the gate itself, so that no origin's work is counted.
      { name: "answer", path: "/verify", answer: "identity" },
      // Refused for want of a scope, after everything about the access token has been checked.
      { name: "refuse", path: "/refuse", scopes_all: ["nobody:has-this"], answer: "identity" },
      { name: "forward", path: "/forward", upstream: originUrl },
      { name: "public", path: "/public-forward", access: "public", upstream: originUrl },
      { name: "service", path: "/service-forward", service: "ORIGIN" },
    ];
    // Settings that other builds may not know.
    const more = [{ name: "assertion", path: "/assertion-forward", upstream: originUrl, timeout_ms: "none", assertion: "https://orders.example", headers: "assertion" }];
    const env = { KEYS: issuer.published, ISSUER: issuer.iss, AUDIENCE, ORIGIN_URL: originUrl } as unknown as Record<string, Json>;
    const workers: WorkerOptions[] = [
      { ...ORIGIN, ...compatibility },
      ...[...builds].map(([name, folder]) => postern(name, folder, name === "Postern" ? [...routes, ...more] : routes, place)),
      ...FLOORS.map((name) => ({ name, ...modules(join(root, "bench/floor", name)), ...compatibility })),
      ...(await Promise.all(
        PEERS.map(async (name) => ({
          name,
          modules: [{ type: "ESModule" as const, path: `${name}.js`, contents: await peerScript(`${name}.js`) }],
          ...compatibility,
          ...(name === "better-auth" ? { compatibilityFlags: ["nodejs_compat"] } : {}),
          serviceBindings: { ORIGIN: "origin" },
          bindings: env,
        })),
      )),
    ];
    const lanes: Lane[] = [
      plain("JavaScript, no-op", "noop"),
      plain("Rust, no-op, synchronous entry", "bare"),
      plain("Rust, no-op, `worker`'s macro", "usual"),
      plain("JavaScript, forwarding", "forward", "/forward"),
      plain("JavaScript, forwarding to a service binding", "forward", "/service-forward"),
      ...[...builds.keys()].flatMap((worker): Lane[] => [
        { name: `${worker}, hit`, worker, path: "/verify", status: 204, algorithm: "ES256" },
        ...ALGORITHMS.map((algorithm): Lane => ({ name: `${worker}, miss, ${algorithm}`, worker, path: "/verify", status: 204, algorithm, fresh: true })),
        { name: `${worker}, refused, hit`, worker, path: "/refuse", status: 403, algorithm: "ES256" },
        { name: `${worker}, bad token`, worker, path: "/verify", status: 401, algorithm: "ES256", bad: true },
        plain(`${worker}, forwarding`, worker, "/forward"),
        plain(`${worker}, forwarding a public route`, worker, "/public-forward"),
        ...(worker === "Postern" ? [plain(`${worker}, forwarding, assertion alone`, worker, "/assertion-forward")] : []),
        plain(`${worker}, forwarding to a service binding`, worker, "/service-forward"),
      ]),
      ...["jose", "webcrypto", "hono", "tsndr"].flatMap((worker) =>
        // cloudflare-worker-jwt has no EdDSA.
        ALGORITHMS.filter((algorithm) => worker !== "tsndr" || algorithm !== "EdDSA").map((algorithm): Lane => ({ name: `${worker}, ${algorithm}`, worker, path: "/", status: 200, algorithm, fresh: true })),
      ),
      { ...plain("better-auth, session check", "better-auth"), session: "/session" },
    ];
    return { workers, lanes };
  };
}
