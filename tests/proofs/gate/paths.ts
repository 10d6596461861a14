// The differential test of paths: what the origin received is decided on as the request was, by every reading of it.
import { Random, seedOfRun } from "../soak/random.ts";
import { report, type Part, type Report } from "./part.ts";
import { RawClient, received, type Received } from "./raw.ts";
import { decide, READINGS, type Pattern } from "./readings.ts";
import { scene, type Scene } from "./scene.ts";
import { target, type Target } from "./urls.ts";

/** How many targets; each is sent with an access token and without, and what was forwarded is sent once more. */
const TARGETS = Number(process.env["TARGETS"] ?? 6500);

/** Enough to keep workerd busy. */
const CONNECTIONS = 8;

interface Route extends Pattern {
  access?: "public";
  strip_prefix?: string;
  attributes?: object[];
}

/** Protected parts beside public ones, and at the end a public route for all the rest: the table that forgives nothing. */
export const ROUTES: readonly Route[] = [
  { name: "host", host: "secret.gate.test", path: "/{*rest}" },
  { name: "staff", path: "/staff/{*rest}" },
  { name: "staff-itself", path: "/staff" },
  { name: "tenant", path: "/t/{tenant}/docs", attributes: [{ claim: "tenant_id", equals: "{tenant}" }] },
  { name: "api", path: "/api/v1/{*rest}", strip_prefix: "/api/v1" },
  { name: "orders", path: "/orders" },
  { name: "public", path: "/public/{*rest}", access: "public" },
  { name: "rest", path: "/{*rest}", access: "public" },
];

const PUBLIC = new Set(ROUTES.filter((route) => route.access === "public").map((route) => route.name));

/** As bytes, in the form of a string of one character each. */
function wire(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

function fullPath(seen: Received): string {
  const prefix = ROUTES.find((route) => route.name === seen.origin)?.strip_prefix ?? "";
  return prefix + (seen.target.split("?")[0] ?? "");
}

/** The host that the origin is told the client named, without port and in lower case. */
function hostOf(seen: Received): string {
  const forwarded = seen.headers.find(([name]) => name.toLowerCase() === "x-forwarded-host")?.[1] ?? "";
  return forwarded.toLowerCase().replace(/:\d+$/, "").replace(/\.$/, "");
}

/** All that is wrong with what an origin received; empty when every reading of it leads to the route that decided. */
function disagreements(seen: Received): string[] {
  const path = fullPath(seen);
  const wrong: string[] = [];
  for (const [name, read] of READINGS) {
    const other = decide(ROUTES, hostOf(seen), read(path));
    if (other !== seen.origin) wrong.push(`${name}: ${other ?? "no route"}`);
  }
  return wrong;
}

interface Tally extends Report {
  forwarded: Map<string, number>;
  statuses: Map<number, number>;
  /** Answered by the platform itself. */
  beforeTheGate: number;
}

/** Plays one target in every way. */
async function play(client: RawClient, accessToken: string, { target, host }: Target, tally: Tally): Promise<void> {
  const shown = `${JSON.stringify(target)} at ${host}`;
  const ask = (to: string, at: string, signed: boolean) =>
    client.send(`GET ${wire(to)} HTTP/1.1`, [["Host", at], ...(signed ? ([["Authorization", `Bearer ${accessToken}`]] as const) : [])]);

  tally.cases += 1;
  const answer = await ask(target, host, true);
  const status = answer?.status ?? 0;
  tally.statuses.set(status, (tally.statuses.get(status) ?? 0) + 1);
  const seen = received(answer);
  if (seen !== undefined) {
    tally.forwarded.set(seen.origin, (tally.forwarded.get(seen.origin) ?? 0) + 1);
    // Postern's own paths are nobody's route, in any spelling.
    if (/^\/(?:auth(?:\/|$)|readyz$)/.test(fullPath(seen))) tally.bypasses.push(`${shown}: ${seen.origin} got ${seen.target}, which is ours`);
    for (const wrong of disagreements(seen)) tally.bypasses.push(`${shown}: ${seen.origin} got ${JSON.stringify(seen.target)}, but ${wrong}`);
    // The gate itself decides the same on what it forwarded, and forwards the same again.
    const path = fullPath(seen) + (seen.target.includes("?") ? seen.target.slice(seen.target.indexOf("?")) : "");
    const again = await client.send(`GET ${path} HTTP/1.1`, [["Host", hostOf(seen)], ["Authorization", `Bearer ${accessToken}`]]);
    const twice = received(again);
    if (twice?.origin !== seen.origin || twice.target !== seen.target) {
      tally.bypasses.push(`${shown}: ${seen.origin} got ${seen.target}, sent again ${twice?.origin ?? again?.status} got ${twice?.target}`);
    }
  } else if (answer?.body === "Internal Server Error" && !target.startsWith("/")) {
    // The local platform's own answer to a target that is no path: it asks no Worker.
    tally.beforeTheGate += 1;
  } else if (status >= 500) {
    tally.failures.push(`${shown}: ${status}`);
  }

  tally.cases += 1;
  const unsigned = received(await ask(target, host, false));
  if (unsigned !== undefined) {
    const readings = READINGS.map(([, read]) => decide(ROUTES, hostOf(unsigned), read(fullPath(unsigned))) ?? "no route");
    for (const route of new Set([unsigned.origin, ...readings])) {
      if (!PUBLIC.has(route)) tally.bypasses.push(`${shown} without a token: ${unsigned.origin} got ${JSON.stringify(unsigned.target)}, read as ${route}`);
    }
  }
}

function emptyTally(): Tally {
  return { ...report(), forwarded: new Map(), statuses: new Map(), beforeTheGate: 0 };
}

function counts(map: ReadonlyMap<unknown, number>): string {
  return [...map].sort(([a], [b]) => String(a).localeCompare(String(b))).map(([what, count]) => `${what} x ${count}`).join(", ");
}

export async function playPaths({ postern, accessToken, origins }: Scene, seed: number, count: number): Promise<Tally> {
  const random = new Random(seed);
  const tally = emptyTally();
  const targets = Array.from({ length: count }, () => target(random));
  const next = targets.values();
  await Promise.all(
    Array.from({ length: CONNECTIONS }, async () => {
      const client = new RawClient(postern.url);
      for (const one of next) await play(client, accessToken, one, tally);
      client.close();
    }),
  );
  tally.figures.push(
    `${count} targets, seed ${seed}; ${READINGS.length} readings of each that was forwarded`,
    `forwarded with a token: ${counts(tally.forwarded)}`,
    `answers with a token: ${counts(tally.statuses)}; ${tally.beforeTheGate} of them by workerd, which hands on no target without a slash before it`,
  );
  for (const name of origins.keys()) if (!tally.forwarded.has(name)) tally.failures.push(`no target reached ${name}: the run shows nothing about it`);
  return tally;
}

export const paths: Part = {
  name: "paths",
  async run() {
    const playing = await scene(ROUTES);
    try {
      return await playPaths(playing, seedOfRun(), TARGETS);
    } finally {
      await playing.stop();
    }
  },
};
