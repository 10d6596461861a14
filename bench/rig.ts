// Workers in one workerd, an origin, an issuer, and blocks of requests to each Worker in turn.
import { createServer, Agent, request as send } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { bindingsOf, type Bindings } from "../tests/worker/harness-config.ts";
import { Issuer, issuerKey, type Algorithm } from "../tests/worker/support/issuer.ts";
import { startWorkerd, type WorkerOptions } from "../tests/worker/support/workerd.ts";
import { accounted, workerd } from "./measure.ts";

const CONCURRENCY = 8;
export const ALGORITHMS: Algorithm[] = ["ES256", "EdDSA", "RS256"];

export const root = fileURLToPath(new URL("../", import.meta.url));

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
  /** The path whose answer sets the cookies that every request has. */
  session?: string;
}

/** A lane of a Worker that answers 200 and looks at no path. */
export const plain = (name: string, worker: string, path = "/"): Lane => ({ name, worker, path, status: 200, algorithm: "ES256" });

/** What a list of Workers is made from. */
export interface Place {
  originUrl: string;
  issuer: Issuer;
  /** What wrangler.toml says of Postern. */
  bindings: Bindings;
  /** The compatibility date and flags that all Workers have. */
  compatibility: { compatibilityDate: string; compatibilityFlags: string[] };
}

/** The Workers to run, and the lanes in the order of the table. */
export interface Roster {
  workers: WorkerOptions[];
  lanes: Lane[];
}

/** What one block of requests took, in microseconds. */
export interface Block {
  /** CPU of workerd for each request. */
  micros: number;
  /** How long workerd's threads were ready to run and had no core, as a share of the time they ran. */
  waited: number;
}

export interface Rig {
  lanes: Lane[];
  /** Sends one request until the answer is the lane's: the first ones of an isolate may find a part that is still too slow. */
  first(lane: Lane): Promise<void>;
  /** Sends so many requests. */
  block(lane: Lane, count: number): Promise<Block>;
  /** Where a lane is. */
  url(lane: Lane): URL;
  /** One token for all requests, or with `count` so many that were never seen. */
  tokens(algorithm: Algorithm, count?: number): Promise<string[]>;
  /** Where V8's inspector listens, if it was asked for. */
  inspector: URL | undefined;
  stop(): Promise<void>;
}

export async function start(listed: (place: Place) => Promise<Roster>, inspectorPort?: number): Promise<Rig> {
  const origin = createServer((_, response) => response.writeHead(200, { "content-type": "text/plain" }).end("reached"));
  origin.keepAliveTimeout = 60_000;
  origin.listen(0, "127.0.0.1");
  await once(origin, "listening");
  const originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
  const issuer = await Issuer.start(await Promise.all(ALGORITHMS.map((algorithm) => issuerKey(algorithm))));
  const bindings = await bindingsOf(join(root, "wrangler.toml"));
  const compatibility = { compatibilityDate: bindings.compatibilityDate, compatibilityFlags: bindings.compatibilityFlags };
  const { workers, lanes } = await listed({ originUrl, issuer, bindings, compatibility });
  const miniflare = startWorkerd({
    ...(inspectorPort === undefined ? {} : { inspectorPort }),
    workers: workers.map((worker) => ({ ...worker, unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] })),
  });
  await miniflare.ready;
  const names = new Set(lanes.map(({ worker }) => worker));
  const urls = new Map(await Promise.all([...names].map(async (name) => [name, await miniflare.unsafeGetDirectURL(name)] as const)));

  const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
  const pid = workerd();
  const claims = { scope: "read:orders write:orders", sid: "AAAAAAAAAAAAAAAAAAAAAA", client_id: "shop", roles: ["user", "editor"], tenant_id: "tenant-7" };
  const status = (url: URL, token: string, more: Record<string, string>): Promise<number> => {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const headers = { authorization: `Bearer ${token}`, accept: "application/json", "user-agent": "bench/1", "accept-encoding": "gzip", ...more };
    const request = send(url, { agent, headers }, (response) => response.resume().on("end", () => resolve(response.statusCode ?? 0)));
    // workerd closes a connection that was idle while the others had their turns: once more, on a new one.
    request.on("error", (error: NodeJS.ErrnoException) => (request.reusedSocket && error.code === "ECONNRESET" ? resolve(status(url, token, more)) : reject(error)));
    request.end();
    return promise;
  };
  const kept = new Map<string, string>();
  async function known(algorithm: Algorithm): Promise<string> {
    const token = kept.get(algorithm) ?? (await issuer.token(`${algorithm}-1`, { ...claims, exp: Math.floor(Date.now() / 1000) + 86_400 }));
    kept.set(algorithm, token);
    return token;
  }
  /** More headers of a lane's requests. */
  const more = new Map<Lane, Record<string, string>>();
  for (const lane of lanes) {
    if (lane.session === undefined) continue;
    const answer = await fetch(new URL(lane.session, urls.get(lane.worker)));
    const cookies = answer.headers.getSetCookie().map((cookie) => cookie.split(";", 1)[0]);
    if (!answer.ok || cookies.length === 0) throw new Error(`${lane.name}: no session: ${answer.status} ${await answer.text()}`);
    more.set(lane, { cookie: cookies.join("; ") });
  }
  const urlOf = (lane: Lane) => new URL(lane.path, urls.get(lane.worker));
  return {
    lanes,
    url: urlOf,
    tokens: async (algorithm, count) => (count === undefined ? [await known(algorithm)] : Promise.all(Array.from({ length: count }, () => issuer.token(`${algorithm}-1`, claims)))),
    async first(lane) {
      for (let left = 20; ; left -= 1) {
        const found = await status(urlOf(lane), await known(lane.algorithm), more.get(lane) ?? {});
        if (found === lane.status) return;
        if (left === 0) throw new Error(`${lane.name}: ${found} instead of ${lane.status}`);
      }
    },
    inspector: inspectorPort === undefined ? undefined : await miniflare.getInspectorURL(),
    async block(lane, count) {
      // hono/jwk takes no other `typ`.
      const token = () => issuer.token(`${lane.algorithm}-1`, claims, lane.worker === "hono" ? { typ: "JWT" } : {});
      let tokens = lane.fresh ? await Promise.all(Array.from({ length: count }, token)) : Array<string>(count).fill(await known(lane.algorithm));
      if (lane.bad) tokens = tokens.map((sound) => `${sound.slice(0, -8)}AAAAAAAA`);
      const url = urlOf(lane);
      const before = accounted(pid);
      let next = 0;
      await Promise.all(
        Array.from({ length: CONCURRENCY }, async () => {
          while (next < tokens.length) {
            const found = await status(url, tokens[next++] ?? "", more.get(lane) ?? {});
            if (found !== lane.status) throw new Error(`${lane.name}: ${found} instead of ${lane.status}`);
          }
        }),
      );
      const after = accounted(pid);
      const ran = after.ran - before.ran;
      return { micros: ran / count, waited: (after.waited - before.waited) / ran };
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
