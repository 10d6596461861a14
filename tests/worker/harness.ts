// Starts the built Worker in a real workerd, with real KV, D1 and Durable Objects, on a port of 127.0.0.1.
//
// The bindings come from wrangler.toml itself, so what is tested is what is deployed. Nothing here depends on vitest:
// scripts use it too. `scripts/build.sh` must have run.
import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import {
  Log,
  LogLevel,
  type Json,
  type Miniflare,
  type Request as OriginRequest,
  Response as OriginAnswer,
  type Response as OriginResponse,
} from "miniflare";
import { bindingsOf, type Bindings } from "./harness-config.ts";
import { BREAKER, COUNTER, INSTANCE_NOTED, SPY } from "./support/in-front.ts";
import { startKillable } from "./support/killable.ts";
import { noteMasterKey, noteOutput, noteSecret } from "./support/run.ts";
import { noting, Secrets } from "./support/secrets.ts";
import type { WorkerdOptions } from "./support/workerd.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

/** Where a secret would be. The same in every run, so that an instance can be started again on an older one's disk. */
const TEST_MASTER_KEY = createHash("sha256").update("the master key of Postern's tests, known to everyone").digest("base64url");

/** Long enough for a loaded machine to start workerd; a start that takes longer is a failure to report, not to wait for. */
const DEADLINE_MS = 30_000;

/**
 * Limits that no suite meets by accident: they all sign in from one address, as few users, again and again. Whoever tests
 * limits sets POSTERN_LIMITS, and `undefined` there gives the real defaults.
 */
const PLENTY = { per_minute: 60_000, burst: 60_000 };
const NEVER = { delay_after: 1_000_000, lock_after: 1_000_000 };
const WIDE_LIMITS = {
  ...Object.fromEntries(
    [
      ...["login_account", "login_device", "login_ip", "login_network", "refresh_family", "refresh_ip", "refresh_network"],
      ...["register_ip", "register_network", "reset_account", "export_account", "reset_ip", "reset_network"],
    ].map((name) => [name, PLENTY]),
  ),
  account_lock: NEVER,
  ip_lock: NEVER,
  accounts_per_network: { count: 1000 },
  networks_per_account: { count: 1000 },
  hash_queue: 1000,
};

/** Instead of the demo origin: an HTTP server's URL, or a function that plays the origin in this process. */
export type OriginFunction = (request: OriginRequest) => OriginResponse | Promise<OriginResponse>;

export interface PosternOptions {
  /**
   * Settings, on top of wrangler.toml's [vars], those that .dev.vars would have (POSTERN_PROFILE, POSTERN_ISSUER and
   * POSTERN_MASTER_KEY), and wide POSTERN_LIMITS. A string arrives as a string and anything else as JSON, as with wrangler; `undefined` removes.
   */
  vars?: Record<string, unknown>;
  /** A folder for KV, D1 and the objects. Without it they live in a temporary one and go away with the instance. */
  persist?: string;
  /** What the service binding ORIGIN leads to: "demo" (default), a base URL, a function, or false for no binding. */
  origin?: "demo" | false | string | OriginFunction;
  /**
   * Service bindings by name: a function that plays the service in this process, or the TypeScript file of a Worker that
   * runs beside Postern in the same workerd, with these options of its own.
   */
  services?: Record<string, OriginFunction | { worker: string; options?: { compatibilityFlags?: string[]; bindings?: Record<string, string> } }>;
  /** Plays every host that the Worker fetches from by URL; `cf` of its request is what the platform is told. */
  outbound?: OriginFunction;
  /** A queue under this producer binding, and what takes its messages. */
  queue?: { binding: string; received: (message: unknown) => void };
  /** The port to listen on; 0 (default) takes a free one. */
  port?: number;
  /** Rate limits' bindings besides those of wrangler.toml. */
  ratelimits?: Bindings["ratelimits"];
  /**
   * Whether `url` leads straight to the Worker. Miniflare's own front changes requests and answers: it sets
   * Accept-Encoding, compresses, holds small chunks back. Then nobody sets CF-Connecting-IP.
   */
  direct?: boolean;
  /** TLS on `port`, with this key and certificate (PEM); `url` is then https. */
  tls?: { key: string; certificate: string };
  /** Each call that reaches an Account object becomes a log line once it is answered: `Account was asked: KIND FAMILY`. */
  spy?: boolean;
  /** Compatibility flags besides those of wrangler.toml. */
  flags?: string[];
  /** Whether parts of the platform can be broken while it runs: see `Postern.break`. */
  breakable?: boolean;
  /** Whether `/.held` says how many JavaScript objects the Worker's WASM holds. */
  counted?: boolean;
}

/** A binding of wrangler.toml that can be broken: an object's namespace, KV or D1. */
export type Breakable = "ACCOUNT" | "REVOCATION_FEED" | "KEY_RING" | "THROTTLE" | "METRICS" | "ISSUER_KEYS" | "AUDIT_LOG" | "POSTERN_KV" | "DB";

/**
 * How: each call is an exception; no call is ever answered; each answer is one that no part of Postern gives. KV alone: it
 * serves reads and takes no writes; it takes writes, and reads are served what there was when it began.
 */
export type Breakage = "throws" | "hangs" | "garbage" | "takes-no-writes" | "old";

export interface Postern {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** The process of workerd. */
  readonly pid: number | undefined;
  /** What the Worker and workerd printed so far, line by line, of both streams. */
  readonly logs: readonly string[];
  /** The bindings that it was given, by name, as wrangler.toml has them. */
  readonly bindings: Bindings;
  /** An HTTP request. Redirects are answers, not followed. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Runs one SQL statement in D1 and returns its rows. */
  sql<Row = Record<string, unknown>>(statement: string, ...parameters: unknown[]): Promise<Row[]>;
  /** The KV namespace. */
  kv: {
    read(key: string): Promise<string | null>;
    write(key: string, value: string): Promise<void>;
    remove(key: string): Promise<void>;
    keys(prefix?: string): Promise<string[]>;
  };
  /** From now on every call to these parts fails so, and the others work. Without parts all of them work again. */
  break(parts?: Partial<Record<Breakable, Breakage>>): Promise<void>;
  /** Fires the scheduled handler. */
  scheduled(): Promise<void>;
  /** Waits until a line of `logs`, from the first on, matches. Fails after a deadline. */
  logged(pattern: RegExp): Promise<string>;
  /** Kills workerd with SIGKILL, as a power cut would, and waits until it is gone. Start again on the same `persist`. */
  killHard(): Promise<void>;
  /** Stops it and removes what it kept in temporary folders. Can be called twice. */
  dispose(): Promise<void>;
}

const bundles = new Map<string, Promise<string>>();

/** A Worker's TypeScript as one module, as wrangler would bundle it. */
export function bundle(path: string): Promise<string> {
  const known = bundles.get(path);
  if (known) return known;
  const made = build({ entryPoints: [join(root, path)], bundle: true, format: "esm", target: "esnext", external: ["cloudflare:*", "node:*"], write: false }).then(
    ({ outputFiles: [file] }) => {
      if (!file) throw new Error(`esbuild made nothing of ${path}`);
      return file.text;
    },
  );
  bundles.set(path, made);
  return made;
}

/** Takes the messages of a queue and hands them to this process. */
const QUEUE_CONSUMER = `
export default {
  async queue(batch, env) {
    for (const message of batch.messages) {
      await env.SINK.fetch("http://sink/", { method: "POST", body: JSON.stringify(message.body) });
    }
  },
};
`;

/** Miniflare's own words become log lines too, so that a failure to start is not lost. */
class CollectedLog extends Log {
  readonly #lines: string[];
  constructor(lines: string[]) {
    super(LogLevel.WARN);
    this.#lines = lines;
  }
  override log(message: string): void {
    noteOutput(`${message}\n`);
    this.#lines.push(message);
  }
}

type Service = { name: string } | { external: { address: string; http: object } } | OriginFunction;

function originService(origin: NonNullable<PosternOptions["origin"]>): Service | undefined {
  if (origin === false) return undefined;
  if (typeof origin === "function") return origin;
  if (origin === "demo") return { name: "postern-demo-origin" };
  const { protocol, host, pathname } = new URL(origin);
  if (protocol !== "http:" || pathname !== "/") throw new Error(`an origin is http://HOST:PORT, not ${origin}`);
  return { external: { address: host, http: {} } };
}

/** Everything that clients of this process learned. */
const seen = new Secrets();

/** wrangler.toml's [vars], then those of .dev.vars, then the caller's. */
function varsOf(bindings: Bindings, overrides: Record<string, unknown>): Record<string, Json> {
  const all: Record<string, unknown> = {
    ...bindings.vars,
    POSTERN_PROFILE: "local",
    POSTERN_ISSUER: "http://localhost:8787",
    POSTERN_MASTER_KEY: TEST_MASTER_KEY,
    POSTERN_LIMITS: WIDE_LIMITS,
    ...overrides,
  };
  // Through JSON, because that is what becomes of them on the way to workerd.
  return JSON.parse(JSON.stringify(all)) as Record<string, Json>;
}

async function migrations(folder: string): Promise<{ name: string; sql: string }[]> {
  const names = await readdir(join(root, folder)).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const files = names.filter((name) => name.endsWith(".sql")).sort();
  return Promise.all(files.map(async (name) => ({ name, sql: await readFile(join(root, folder, name), "utf8") })));
}

type D1 = Awaited<ReturnType<Miniflare["getD1Database"]>>;

/** Applies what is not in yet, remembered in the same table that wrangler uses. */
export async function migrate(database: D1, folder: string): Promise<void> {
  const pending = await migrations(folder);
  if (pending.length === 0) return;
  await database
    .prepare(
      "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)",
    )
    .run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all<{ name: string }>();
  const applied = new Set(results.map(({ name }) => name));
  for (const { name, sql } of pending) {
    if (applied.has(name)) continue;
    await database.prepare(sql).run();
    await database.prepare("INSERT INTO d1_migrations (name) VALUES (?)").bind(name).run();
  }
}

/** Fails when `work` takes longer than the deadline, saying what was waited for. */
async function within<T>(what: string, work: Promise<T>): Promise<T> {
  const abort = new AbortController();
  const late = delay(DEADLINE_MS, undefined, { signal: abort.signal }).then(() => {
    throw new Error(`${what} took more than ${DEADLINE_MS} ms`);
  });
  late.catch(() => {}); // aborted below
  try {
    return await Promise.race([work, late]);
  } finally {
    abort.abort();
  }
}

/** Starts Postern. */
export async function startPostern(options: PosternOptions = {}): Promise<Postern> {
  const bindings = await bindingsOf(join(root, "wrangler.toml"));
  const { origin = "demo", persist, vars = {}, port = 0, spy = false, breakable = false, counted = false, services = {}, outbound, queue, direct = false, ratelimits = {}, flags = [], tls } = options;
  const service = originService(origin);
  const logs: string[] = [];
  const given = varsOf(bindings, vars);
  noteMasterKey(given["POSTERN_MASTER_KEY"]);
  if (typeof given["POSTERN_METRICS_TOKEN"] === "string") noteSecret(given["POSTERN_METRICS_TOKEN"]);

  const config: WorkerdOptions = {
    port,
    ...(tls === undefined ? {} : { httpsKey: tls.key, httpsCert: tls.certificate }),
    // So that an exception that escapes the Worker is in `logs`, as it would be in production's.
    verbose: true,
    log: new CollectedLog(logs),
    printed(line) {
      noteOutput(`${line}\n`);
      logs.push(line);
    },
    ...(persist === undefined ? {} : { resourcePersistencePath: persist }),
    workers: [
      {
        name: bindings.name,
        modulesRoot: join(root, "build"),
        modules: [
          ...(breakable ? [{ type: "ESModule", path: join(root, "build/breaker.js"), contents: BREAKER } as const] : []),
          ...(counted
            ? [
                { type: "ESModule", path: join(root, "build/counter.js"), contents: COUNTER } as const,
                { type: "ESModule", path: join(root, "build/noted.js"), contents: INSTANCE_NOTED } as const,
              ]
            : []),
          ...(spy ? [{ type: "ESModule", path: join(root, "build/spy.js"), contents: SPY } as const] : []),
          { type: "ESModule", path: join(root, "build/index.js") },
          { type: "CompiledWasm", path: join(root, "build/index_bg.wasm") },
        ],
        compatibilityDate: bindings.compatibilityDate,
        compatibilityFlags: [...bindings.compatibilityFlags, ...flags],
        kvNamespaces: bindings.kvNamespaces,
        d1Databases: bindings.d1Databases,
        durableObjects: bindings.durableObjects,
        ratelimits: { ...bindings.ratelimits, ...ratelimits },
        ...(direct ? { unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }] } : {}),
        ...(outbound === undefined ? {} : { outboundService: outbound }),
        bindings: given,
        serviceBindings: {
          ...(service === undefined ? {} : { ORIGIN: service }),
          ...Object.fromEntries(
            Object.entries(services).map(([name, its]) => [name, typeof its === "function" ? its : { name: `service-${name.toLowerCase()}` }]),
          ),
        },
        ...(queue === undefined ? {} : { queueProducers: { [queue.binding]: "messages" } }),
      },
      ...(queue === undefined
        ? []
        : [
            {
              name: "queue-consumer",
              modules: true,
              script: QUEUE_CONSUMER,
              compatibilityDate: bindings.compatibilityDate,
              queueConsumers: { messages: { maxBatchTimeout: 0 } },
              serviceBindings: {
                async SINK(request: OriginRequest) {
                  queue.received(await request.json());
                  return new OriginAnswer();
                },
              },
            } as const,
          ]),
      ...(await Promise.all(
        Object.entries(services).flatMap(([name, its]) =>
          typeof its === "function"
            ? []
            : [
                bundle(its.worker).then((script) => ({
                  name: `service-${name.toLowerCase()}`,
                  modules: true as const,
                  script,
                  compatibilityDate: bindings.compatibilityDate,
                  ...its.options,
                })),
              ],
        ),
      )),
      ...(origin === "demo"
        ? [
            {
              name: "postern-demo-origin",
              modules: true,
              script: await bundle("examples/origin/src/index.ts"),
              compatibilityDate: bindings.compatibilityDate,
            } as const,
          ]
        : []),
    ],
  };

  const workerd = startKillable(config);
  const { miniflare, dispose } = workerd;

  try {
    const front = await within("starting workerd", miniflare.ready);
    const url = (direct ? await miniflare.unsafeGetDirectURL(bindings.name) : front).origin;
    const database = await miniflare.getD1Database(bindings.d1Binding, bindings.name);
    await migrate(database, bindings.migrationsFolder);
    const kv = await miniflare.getKVNamespace(bindings.kvBinding, bindings.name);

    const postern: Postern = {
      url,
      get pid() {
        return workerd.pid;
      },
      logs,
      bindings,
      dispose,
      fetch(path, init) {
        const headers = new Headers(init?.headers);
        // A connection kept alive may be closed by workerd, after five idle seconds, in the moment that it is used again.
        if (!headers.has("connection")) headers.set("connection", "close");
        return fetch(new URL(path, url), { redirect: "manual", ...init, headers });
      },
      async sql<Row>(statement: string, ...parameters: unknown[]) {
        const { results } = await database.prepare(statement).bind(...parameters).all<Row>();
        return results;
      },
      kv: {
        read: (key) => kv.get(key, "text"),
        write: (key, value) => kv.put(key, value),
        remove: (key) => kv.delete(key),
        async keys(prefix = "") {
          return (await kv.list({ prefix })).keys.map(({ name }) => name);
        },
      },
      async break(parts = {}) {
        if (!breakable) throw new Error("start it with `breakable`");
        await within("breaking parts", fetch(new URL("/.break", url), { method: "POST", body: JSON.stringify(parts) }).then((answer) => answer.text()));
      },
      async scheduled() {
        const worker = await miniflare.getWorker(bindings.name);
        await worker.scheduled();
      },
      async logged(pattern) {
        return within(
          `a log line like ${pattern}`,
          (async () => {
            for (;;) {
              const line = logs.find((text) => pattern.test(text));
              if (line !== undefined) return line;
              await delay(20);
            }
          })(),
        );
      },
      killHard: () => within("the end of workerd", workerd.killHard()),
    };
    return noting(postern, seen);
  } catch (error) {
    await dispose().catch(() => {});
    throw new Error(`Postern did not start:\n${logs.join("\n")}`, { cause: error });
  }
}
