// All contenders in one workerd, and blocks of requests to each: what bench/cpu.ts measures and bench/profile.ts looks into.
import { randomBytes } from "node:crypto";
import { createServer, Agent, request as send } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "miniflare";
import { bindingsOf } from "../tests/worker/harness-config.ts";
import { AUDIENCE, settings } from "../tests/worker/support/config.ts";
import { Issuer, issuerKey, type Algorithm } from "../tests/worker/support/issuer.ts";
import { workerd } from "../tests/worker/support/cpu.ts";
import { startWorkerd } from "../tests/worker/support/workerd.ts";
import { modules, peerScript } from "./bundle.ts";
import { cpuOf } from "./measure.ts";

const CONCURRENCY = 8;
const ALGORITHMS: Algorithm[] = ["ES256", "EdDSA", "RS256"];

const root = fileURLToPath(new URL("../", import.meta.url));

export interface Lane {
  name: string;
  worker: string;
  path: string;
  status: number;
  algorithm: Algorithm;
  /** Whether every request has a token that was never seen. */
  fresh?: boolean;
  /** Sent in place of a sound token. */
  bad?: boolean;
}

export interface Rig {
  /** In the order of the table. */
  lanes: Lane[];
  /** Sends so many requests; gives the microseconds of CPU that workerd took for each. */
  block(lane: Lane, count: number): Promise<number>;
  /** Where V8's inspector listens, if it was asked for. */
  inspector: URL | undefined;
  stop(): Promise<void>;
}

/** Starts them. `builds` are folders with builds of Postern, by name. */
export async function start(builds: Map<string, string>, inspectorPort?: number): Promise<Rig> {
  const origin = createServer((_, response) => response.writeHead(200, { "content-type": "text/plain" }).end("reached"));
  origin.keepAliveTimeout = 60_000;
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const issuer = await Issuer.start(await Promise.all(ALGORITHMS.map((algorithm) => issuerKey(algorithm))));
  const bindings = await bindingsOf(join(root, "wrangler.toml"));

  const routes = [
    // Answered by the gate itself, so that no origin's work is counted.
    { name: "answer", path: "/verify", answer: "identity" },
    // Refused for want of a scope, after everything about the access token has been checked.
    { name: "refuse", path: "/refuse", scopes_all: ["nobody:has-this"], answer: "identity" },
    { name: "forward", path: "/forward", upstream: originUrl },
    { name: "public", path: "/public-forward", access: "public", upstream: originUrl },
  ];
  const vars = settings({
    POSTERN_PROFILE: "local",
    POSTERN_MASTER_KEY: randomBytes(32).toString("base64url"),
    POSTERN_ISSUERS: [issuer.setting()],
    POSTERN_JWKS: { soft_age: 86_400 },
    POSTERN_ROUTES: routes,
  });
  const peers = ["noop", "forward", "jose", "hono", "tsndr", "webcrypto"];
  const env = { KEYS: issuer.published, ISSUER: issuer.iss, AUDIENCE, ORIGIN_URL: originUrl } as unknown as Record<string, Json>;
  const compatibility = { compatibilityDate: bindings.compatibilityDate, compatibilityFlags: bindings.compatibilityFlags };
  const unsafeDirectSockets = [{ host: "127.0.0.1", port: 0 }];
  const floors = ["bare", "usual"];
  const miniflare = startWorkerd({
    ...(inspectorPort === undefined ? {} : { inspectorPort }),
    workers: [
      ...[...builds].map(([name, folder]) => ({
        name,
        ...modules(folder),
        ...compatibility,
        kvNamespaces: bindings.kvNamespaces,
        d1Databases: bindings.d1Databases,
        durableObjects: bindings.durableObjects,
        ratelimits: bindings.ratelimits,
        bindings: JSON.parse(JSON.stringify(vars)) as Record<string, Json>,
        unsafeDirectSockets,
      })),
      ...floors.map((name) => ({ name, ...modules(join(root, "bench/floor", name)), ...compatibility, unsafeDirectSockets })),
      ...(await Promise.all(
        peers.map(async (name) => ({
          name,
          modules: [{ type: "ESModule" as const, path: `${name}.js`, contents: await peerScript(`${name}.js`) }],
          ...compatibility,
          bindings: env,
          unsafeDirectSockets,
        })),
      )),
    ],
  });
  await miniflare.ready;
  const names = [...builds.keys(), ...floors, ...peers];
  const urls = new Map(await Promise.all(names.map(async (name) => [name, await miniflare.unsafeGetDirectURL(name)] as const)));

  const plain = (name: string, worker: string, path = "/"): Lane => ({ name, worker, path, status: 200, algorithm: "ES256" });
  const lanes: Lane[] = [
    plain("JavaScript, no-op", "noop"),
    plain("Rust, no-op, synchronous entry", "bare"),
    plain("Rust, no-op, `worker`'s macro", "usual"),
    plain("JavaScript, forwarding", "forward", "/forward"),
    ...[...builds.keys()].flatMap((worker): Lane[] => [
      { name: `${worker}, hit`, worker, path: "/verify", status: 204, algorithm: "ES256" },
      ...ALGORITHMS.map((algorithm): Lane => ({ name: `${worker}, miss, ${algorithm}`, worker, path: "/verify", status: 204, algorithm, fresh: true })),
      { name: `${worker}, refused, hit`, worker, path: "/refuse", status: 403, algorithm: "ES256" },
      { name: `${worker}, bad token`, worker, path: "/verify", status: 401, algorithm: "ES256", bad: true },
      { name: `${worker}, forwarding`, worker, path: "/forward", status: 200, algorithm: "ES256" },
      { name: `${worker}, forwarding a public route`, worker, path: "/public-forward", status: 200, algorithm: "ES256" },
    ]),
    ...["jose", "webcrypto", "hono", "tsndr"].flatMap((worker) =>
      // cloudflare-worker-jwt has no EdDSA.
      ALGORITHMS.filter((algorithm) => worker !== "tsndr" || algorithm !== "EdDSA").map((algorithm): Lane => ({ name: `${worker}, ${algorithm}`, worker, path: "/", status: 200, algorithm, fresh: true })),
    ),
  ];

  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const pid = workerd();
  const claims = { scope: "read:orders write:orders", sid: "AAAAAAAAAAAAAAAAAAAAAA", roles: ["user", "editor"], tenant_id: "tenant-7" };
  const status = (url: URL, token: string): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const headers = { authorization: `Bearer ${token}`, accept: "application/json", "user-agent": "bench/1", "accept-encoding": "gzip" };
    const request = send(url, { agent, headers }, (response) => response.resume().on("end", () => resolve(response.statusCode ?? 0)));
    // workerd closes a connection that was idle while the others had their turns: once more, on a new one.
    request.on("error", (error: NodeJS.ErrnoException) => (request.reusedSocket && error.code === "ECONNRESET" ? resolve(status(url, token)) : reject(error)));
    request.end();
    return promise;
  };
  const kept = new Map<string, string>();
  async function known(algorithm: Algorithm): Promise<string> {
    const token = kept.get(algorithm) ?? (await issuer.token(`${algorithm}-1`, { ...claims, exp: Math.floor(Date.now() / 1000) + 86_400 }));
    kept.set(algorithm, token);
    return token;
  }
  return {
    lanes,
    inspector: inspectorPort === undefined ? undefined : await miniflare.getInspectorURL(),
    async block(lane, count) {
      // hono/jwk takes no other `typ`.
      const token = () => issuer.token(`${lane.algorithm}-1`, claims, lane.worker === "hono" ? { typ: "JWT" } : {});
      let tokens = lane.fresh ? await Promise.all(Array.from({ length: count }, token)) : Array<string>(count).fill(await known(lane.algorithm));
      if (lane.bad) tokens = tokens.map((sound) => `${sound.slice(0, -8)}AAAAAAAA`);
      const url = new URL(lane.path, urls.get(lane.worker));
      const before = cpuOf(pid);
      let next = 0;
      await Promise.all(
        Array.from({ length: CONCURRENCY }, async () => {
          while (next < tokens.length) {
            const found = await status(url, tokens[next++] ?? "");
            if (found !== lane.status) throw new Error(`${lane.name}: ${found} instead of ${lane.status}`);
          }
        }),
      );
      return (cpuOf(pid) - before) / count;
    },
    async stop() {
      agent.destroy();
      await miniflare.dispose();
      await issuer.stop();
      origin.close();
      origin.closeAllConnections();
    },
  };
}

/** Builds of Postern to run: this one, and with `BENCH_ALSO=name=folder` another to compare it with. */
export function builds(): Map<string, string> {
  const found = new Map([["Postern", join(root, "build")]]);
  for (const also of (process.env["BENCH_ALSO"] ?? "").split(",")) {
    const [name, folder] = also.split("=");
    if (name && folder) found.set(name, folder);
  }
  return found;
}
