// Starts Postern in Miniflare.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { join } from "node:path";
import type * as miniflare from "miniflare";
import { controlOf, serveControl, Stream, type Parts } from "./control.ts";
import { ENTRY, NETWORK, PLATFORM } from "./front.ts";
import { KitError, Postern, type Mail, type PosternEvent } from "./handle.ts";
import { FakeIssuer } from "./issuer.ts";
import { checkNames, placesOf, settingsOf, type Handler, type StartOptions } from "./options.ts";
import { echo, serviceOf, type Service } from "./serve.ts";
import { findWorker, readToml, type Migration } from "./worker.ts";

/** Long enough for a loaded machine to start workerd. */
const DEADLINE_MS = 30_000;

/** Loaded late, and so that what is missing is said in one line. */
async function loadMiniflare(): Promise<typeof miniflare> {
  try {
    return await import("miniflare");
  } catch (error) {
    const { message } = error as Error;
    throw new KitError(`miniflare or its program workerd cannot be loaded (${message.split("\n")[0]}): run npm install again, on this system and without --omit=optional or --ignore-scripts`, { cause: error });
  }
}

/** This port, or a free one; fails when it is taken. */
async function portOf(wanted: number | undefined): Promise<number> {
  const probe = createServer();
  probe.listen(wanted ?? 0, "127.0.0.1");
  try {
    await once(probe, "listening");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new KitError(code === "EADDRINUSE" ? `port ${wanted} is taken: leave \`port\` out for a free one` : `port ${wanted} cannot be listened on: ${code}`);
  }
  const { port } = probe.address() as { port: number };
  probe.close();
  await once(probe, "close");
  return port;
}

async function within<T>(what: string, work: Promise<T>): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, fail) => {
    late = setTimeout(() => fail(new KitError(`${what} took more than ${DEADLINE_MS / 1000} s`)), DEADLINE_MS);
  });
  return Promise.race([work, deadline]).finally(() => clearTimeout(late));
}

/** Where the upstream is: a function here, or a server of this machine. */
function upstreamOf(upstream: StartOptions["upstream"], library: typeof miniflare): Service | { external: { address: string; http: object } } {
  if (upstream === undefined) return serviceOf(echo, library);
  if (typeof upstream !== "string") return serviceOf(upstream, library);
  const { protocol, host, pathname } = URL.canParse(upstream) ? new URL(upstream) : { protocol: "", host: "", pathname: "" };
  if (protocol !== "http:" || pathname !== "/") throw new KitError("upstream is a function, an app with `fetch`, or http://HOST:PORT");
  return { external: { address: host, http: {} } };
}

/** The mistakes that Postern found in its settings. */
const mistakesIn = (lines: string[]): string[] => lines.flatMap((line) => /^configuration: (.*)/.exec(line)?.[1] ?? []);

/** Starts Postern, in less than two seconds. `await using` or `dispose` ends it. */
export async function startPostern(options: StartOptions = {}): Promise<Postern> {
  checkNames(options);
  const worker = findWorker(options.worker);
  const [library, port, issuers] = await Promise.all([
    loadMiniflare(),
    portOf(options.port),
    Promise.all((options.issuers ?? []).map((issuer) => (issuer instanceof FakeIssuer ? issuer : FakeIssuer.start(issuer)))),
  ]);
  // One site with the pages of development servers, whose cookies Chromium and Firefox keep on http, too.
  const url = `http://localhost:${port}`;
  const { vars, routes } = settingsOf(options, url, issuers);
  const { origins, services } = placesOf(routes);
  const secret = randomBytes(24).toString("base64url");
  const mails = new Stream<Mail>();
  const events = new Stream<PosternEvent>();
  const lines = new Stream<string>();

  const upstream = upstreamOf(options.upstream, library);
  const mail: Service = async (request) => {
    mails.push((await request.json()) as Mail);
    return new library.Response(null, { status: 204 });
  };
  const played: Record<string, string> = {};
  const players: Record<string, Service | typeof upstream> = {};
  const play = (origin: string, service: Service | typeof upstream) => {
    played[origin] ??= `PLAYER_${Object.keys(played).length}`;
    players[played[origin]] ??= service;
  };
  for (const [host, handler] of Object.entries(options.hosts ?? {})) play(new URL(host).origin, serviceOf(handler, library));
  for (const issuer of issuers) for (const origin of issuer.origins) play(origin, serviceOf((request) => issuer.answer(request.url), library));
  for (const origin of origins) play(origin, upstream);

  const identity = vars["POSTERN_IDENTITY"] as { service?: string } | undefined;
  const named = [...services, ...(identity?.service === undefined ? [] : [identity.service])];
  const given = Object.fromEntries(Object.entries(options.services ?? {}).map(([name, handler]: [string, Handler]) => [name, serviceOf(handler, library)]));
  const ratelimits = Object.fromEntries((options.settings === undefined ? [] : readToml(options.settings).ratelimits ?? []).map(({ name, namespace_id, simple }) => [name, { namespace_id, simple }]));

  const modules = (name: string, contents: string) => ({ type: "ESModule" as const, path: join(worker.folder, name), contents });
  const running = new library.Miniflare(
    library.convertV4MiniflareOptions({
      host: "localhost",
      port,
      cf: false,
      verbose: true,
      log: new library.Log(library.LogLevel.NONE),
      handleStructuredLogs({ message }) {
        for (const line of message.split("\n")) {
          lines.push(line);
          if (line.startsWith("@postern/testing:")) console.error(line);
          if (line.startsWith('{"at":')) events.push(JSON.parse(line) as PosternEvent);
        }
      },
      ...(options.persist === undefined ? {} : { resourcePersistencePath: options.persist }),
      workers: [
        {
          name: "postern",
          modulesRoot: worker.folder,
          modules: [
            modules("postern-testing.js", ENTRY),
            modules("postern-testing-platform.js", PLATFORM),
            { type: "ESModule", path: join(worker.folder, "index.js") },
            { type: "CompiledWasm", path: join(worker.folder, "index_bg.wasm") },
          ],
          compatibilityDate: worker.compatibilityDate,
          compatibilityFlags: worker.compatibilityFlags,
          kvNamespaces: worker.kvNamespaces,
          d1Databases: worker.d1Databases,
          durableObjects: worker.durableObjects,
          ratelimits,
          bindings: { ...(vars as Record<string, miniflare.Json>), TESTING_SECRET: secret },
          serviceBindings: { ...Object.fromEntries(named.map((name) => [name, upstream])), UPSTREAM: upstream, ...given, TESTING_MAIL: mail },
          outboundService: "network",
        },
        { name: "network", modules: true, script: NETWORK, compatibilityDate: worker.compatibilityDate, bindings: { PLAYED: played, NETWORK: options.network ?? false }, serviceBindings: players },
      ],
    }),
  );

  let stopControl = () => {};
  let disposed: Promise<void> | undefined;
  const dispose = () => {
    stopControl();
    return (disposed ??= running.dispose());
  };
  try {
    await within("starting workerd", running.ready);
    const database = await running.getD1Database(Object.keys(worker.d1Databases)[0] ?? "", "postern");
    await migrate(database, worker.migrations);
    const front: Parts["front"] = async (command, more = {}) => {
      const answer = await fetch(url, { method: "POST", headers: { "x-postern-testing": secret, connection: "close" }, body: JSON.stringify({ ...more, command }) });
      if (!answer.ok) throw new KitError(`the Worker's side of the kit failed: ${await answer.text()}`);
      return (await answer.json()) as object;
    };
    const control = controlOf({ front, issuers, mails, events, lines, dispose });
    const [served, healthy] = await Promise.all([serveControl(control, secret), fetch(`${url}/healthz`, { headers: { connection: "close" } })]);
    stopControl = () => void served.server.close();
    if (!healthy.ok) {
      const { lines: said } = (await control("logs")) as { lines: string[] };
      throw new KitError(`Postern does not take these settings: ${mistakesIn(said).join("; ") || said.join("\n")}`);
    }
    const issuer = String(vars["POSTERN_ISSUER"]);
    const audience = String(vars["POSTERN_AUDIENCE"] ?? issuer);
    return new Postern({ url, control: served.url, secret, issuer, audience }, control as never);
  } catch (error) {
    await dispose().catch(() => {});
    if (error instanceof KitError) throw error;
    throw new KitError(`Postern did not start: ${String(error)}\n${lines.items.join("\n")}`, { cause: error });
  }
}

/** Makes the tables; those of a kept folder are there, remembered as wrangler remembers them. */
async function migrate(database: Awaited<ReturnType<miniflare.Miniflare["getD1Database"]>>, migrations: Migration[]): Promise<void> {
  const table = "CREATE TABLE IF NOT EXISTS d1_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)";
  const [, applied] = await database.batch<{ name: string }>([database.prepare(table), database.prepare("SELECT name FROM d1_migrations")]);
  const known = new Set(applied?.results.map(({ name }) => name));
  const pending = migrations.filter(({ name }) => !known.has(name));
  if (pending.length === 0) return;
  const remember = database.prepare("INSERT INTO d1_migrations (name) VALUES (?)");
  await database.batch(pending.flatMap(({ name, sql }) => [...statementsOf(sql).map((statement) => database.prepare(statement)), remember.bind(name)]));
}

/** D1 takes one statement at a time in a batch. */
function statementsOf(sql: string): string[] {
  return sql
    .replaceAll(/--.*$/gm, "")
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
}
