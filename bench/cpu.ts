// What a request costs workerd in CPU: all contenders in one workerd, one block of requests each in turn, several rounds.
// The figure is what the operating system accounts to the process, so that what the client and the origin do does not
// count. `node bench/cpu.ts`; BENCH_ALSO=name=folder adds another build of Postern, to compare two of them in one run.
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, Agent, request as send } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Miniflare, type Json } from "miniflare";
import { bindingsOf } from "../tests/worker/harness-config.ts";
import { AUDIENCE, settings } from "../tests/worker/support/config.ts";
import { Issuer, issuerKey, type Algorithm } from "../tests/worker/support/issuer.ts";
import { workerd } from "../tests/worker/support/cpu.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 9);
/** Requests of one contender before the next one's turn: long enough for the scheduler's accounting, short enough that
 * what disturbs the machine disturbs all. */
const BLOCK = Number(process.env["BENCH_BLOCK"] ?? 500);
const CONCURRENCY = 8;
const ALGORITHMS: Algorithm[] = ["ES256", "EdDSA", "RS256"];

const root = fileURLToPath(new URL("../", import.meta.url));

export interface Spread {
  median: number;
  min: number;
  max: number;
  rounds: number;
}

export interface CpuResults {
  /** Microseconds of CPU a request, by contender. */
  micros: Record<string, Spread>;
  ratios: Record<string, Spread>;
}

interface Lane {
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

async function peer(name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(root, `bench/peers/${name}.js`)],
    bundle: true,
    format: "esm",
    target: "esnext",
    conditions: ["workerd", "worker", "import"],
    external: ["cloudflare:*", "node:*"],
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}

/** Microseconds on a processor so far, of all threads: the scheduler counts nanoseconds, /proc/PID/stat hundredths. */
function cpu(pid: string): number {
  let nanos = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    try {
      nanos += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, "utf8").split(" ")[0]);
    } catch {
      // the thread ended meanwhile
    }
  }
  return nanos / 1000;
}

export function spread(values: number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const round = (value = 0) => Math.round(value * 1000) / 1000;
  return { median: round(sorted[Math.floor(sorted.length / 2)]), min: round(sorted[0]), max: round(sorted.at(-1)), rounds: sorted.length };
}

export async function measure(): Promise<CpuResults> {
  const origin = createServer((_, response) => response.writeHead(200, { "content-type": "text/plain" }).end("reached"));
  origin.keepAliveTimeout = 60_000;
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const issuer = await Issuer.start(await Promise.all(ALGORITHMS.map((algorithm) => issuerKey(algorithm))));
  const bindings = await bindingsOf(join(root, "wrangler.toml"));

  const builds = new Map([["Postern", join(root, "build")]]);
  const also = process.env["BENCH_ALSO"]?.split("=");
  if (also?.[0] && also[1]) builds.set(also[0], also[1]);
  const routes = [
    // Refused for want of a scope: 403 comes after everything about the access token, and no origin's work is counted.
    { name: "refuse", path: "/verify", scopes_all: ["nobody:has-this"], upstream: originUrl },
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
  const socket = [{ host: "127.0.0.1", port: 0 }];
  const miniflare = new Miniflare({
    host: "127.0.0.1",
    port: 0,
    cf: false,
    handleRuntimeStdio(stdout: Readable, stderr: Readable) {
      stdout.resume();
      stderr.resume();
    },
    workers: [
      ...[...builds].map(([name, folder]) => ({
        name,
        modulesRoot: folder,
        modules: [
          { type: "ESModule" as const, path: join(folder, "index.js") },
          { type: "CompiledWasm" as const, path: join(folder, "index_bg.wasm") },
        ],
        compatibilityDate: bindings.compatibilityDate,
        compatibilityFlags: bindings.compatibilityFlags,
        kvNamespaces: bindings.kvNamespaces,
        d1Databases: bindings.d1Databases,
        durableObjects: bindings.durableObjects,
        bindings: JSON.parse(JSON.stringify(vars)) as Record<string, Json>,
        unsafeDirectSockets: socket,
      })),
      ...(await Promise.all(
        peers.map(async (name) => ({
          name,
          modules: [{ type: "ESModule" as const, path: `${name}.js`, contents: await peer(name) }],
          compatibilityDate: bindings.compatibilityDate,
          compatibilityFlags: ["nodejs_compat"],
          bindings: env,
          unsafeDirectSockets: socket,
        })),
      )),
    ],
  });
  await miniflare.ready;
  const urls = new Map(await Promise.all([...builds.keys(), ...peers].map(async (name) => [name, await miniflare.unsafeGetDirectURL(name)] as const)));

  const lanes: Lane[] = [
    { name: "JavaScript, no-op", worker: "noop", path: "/", status: 200, algorithm: "ES256" },
    { name: "JavaScript, forwarding", worker: "forward", path: "/forward", status: 200, algorithm: "ES256" },
    ...[...builds.keys()].flatMap((worker): Lane[] => [
      { name: `${worker}, hit`, worker, path: "/verify", status: 403, algorithm: "ES256" },
      { name: `${worker}, bad token`, worker, path: "/verify", status: 401, algorithm: "ES256", bad: true },
      { name: `${worker}, forwarding`, worker, path: "/forward", status: 200, algorithm: "ES256" },
      { name: `${worker}, forwarding a public route`, worker, path: "/public-forward", status: 200, algorithm: "ES256" },
      ...ALGORITHMS.map((algorithm): Lane => ({ name: `${worker}, miss, ${algorithm}`, worker, path: "/verify", status: 403, algorithm, fresh: true })),
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
    send(url, { agent, headers }, (response) => response.resume().on("end", () => resolve(response.statusCode ?? 0)))
      .on("error", reject)
      .end();
    return promise;
  };
  async function block(lane: Lane, count: number): Promise<number> {
    // hono/jwk takes no other `typ`.
    const token = () => issuer.token(`${lane.algorithm}-1`, claims, lane.worker === "hono" ? { typ: "JWT" } : {});
    let tokens = lane.fresh ? await Promise.all(Array.from({ length: count }, token)) : Array<string>(count).fill(await known(lane.algorithm));
    if (lane.bad) tokens = tokens.map((sound) => `${sound.slice(0, -8)}AAAAAAAA`);
    const url = new URL(lane.path, urls.get(lane.worker));
    const before = cpu(pid);
    let next = 0;
    await Promise.all(
      Array.from({ length: CONCURRENCY }, async () => {
        while (next < tokens.length) {
          const found = await status(url, tokens[next++] ?? "");
          if (found !== lane.status) throw new Error(`${lane.name}: ${found} instead of ${lane.status}`);
        }
      }),
    );
    return (cpu(pid) - before) / count;
  }
  const kept = new Map<string, string>();
  async function known(algorithm: Algorithm): Promise<string> {
    const token = kept.get(algorithm) ?? (await issuer.token(`${algorithm}-1`, { ...claims, exp: Math.floor(Date.now() / 1000) + 86_400 }));
    kept.set(algorithm, token);
    return token;
  }

  const found = new Map<string, number[]>(lanes.map(({ name }) => [name, []]));
  try {
    // Two rounds so that all code is compiled and optimised.
    for (let round = -2; round < ROUNDS; round += 1) {
      for (const lane of lanes) {
        const micros = await block(lane, BLOCK);
        if (round >= 0) found.get(lane.name)?.push(micros);
      }
    }
  } finally {
    agent.destroy();
    await miniflare.dispose();
    await issuer.stop();
    origin.close();
    origin.closeAllConnections();
  }
  const of = (name: string) => found.get(name) ?? [];
  const ratio = (ours: string, theirs: string) => spread(of(ours).map((value, round) => value / (of(theirs)[round] ?? Number.NaN)));
  const ratios: Record<string, Spread> = {};
  for (const name of builds.keys()) {
    const prefix = name === "Postern" ? "" : `${name}: `;
    ratios[`${prefix}gate_hit_vs_jose`] = ratio(`${name}, hit`, "jose, ES256");
    ratios[`${prefix}gate_hit_vs_noop_js`] = ratio(`${name}, hit`, "JavaScript, no-op");
    ratios[`${prefix}gate_miss_vs_jose`] = ratio(`${name}, miss, ES256`, "jose, ES256");
    ratios[`${prefix}gate_miss_vs_jose_eddsa`] = ratio(`${name}, miss, EdDSA`, "jose, EdDSA");
    ratios[`${prefix}gate_miss_vs_jose_rs256`] = ratio(`${name}, miss, RS256`, "jose, RS256");
    ratios[`${prefix}forward_vs_js`] = ratio(`${name}, forwarding`, "JavaScript, forwarding");
  }
  return { micros: Object.fromEntries([...found].map(([name, values]) => [name, spread(values)])), ratios };
}
