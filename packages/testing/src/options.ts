// What a test says about its Postern, and the settings that come of it.
import { randomBytes } from "node:crypto";
import { KitError } from "./handle.ts";
import type { IssuerOptions, FakeIssuer, Provider } from "./issuer.ts";
import { readToml } from "./worker.ts";

/** What plays a server: a function from Request to Response, or an app that has one as `fetch` (Hono, a Worker). */
export type Handler = ((request: Request) => Response | Promise<Response>) | { fetch(request: Request, ...more: never[]): Response | Promise<Response> };

/** A route as POSTERN_ROUTES has it (docs/reference/routes.md). Without a place to go to, it leads to `upstream`. */
export interface Route {
  path: string;
  [member: string]: unknown;
}

export interface StartOptions {
  /** The route table. Without one, every path wants an access token and leads to `upstream`. */
  routes?: Route[];
  /**
   * Your API: a function from Request to Response, an app with `fetch` (Hono, a Worker), or the URL of a server on this
   * machine. Every route leads there, whatever host or service it names. Without one, callers get what an API would have got.
   */
  upstream?: Handler | string;
  /** Providers whose tokens are accepted too: by name, with the addresses of your own tenant, or one from `startIssuer`. */
  issuers?: (Provider | IssuerOptions | FakeIssuer)[];
  /** A wrangler.toml, whose settings are taken: routes, issuers, clients and all. `vars` comes on top. */
  settings?: string;
  /** Settings by their names: POSTERN_REGISTRATION, POSTERN_CLIENTS, ... */
  vars?: Record<string, unknown>;
  /** Service bindings by name, which routes and POSTERN_IDENTITY can name, where those are not `upstream`. */
  services?: Record<string, Handler>;
  /** Hosts that are played, by origin: `{ "https://api.example.com": handler }`. */
  hosts?: Record<string, Handler>;
  /** Whether the Worker may reach the internet; this machine it always may. */
  network?: boolean;
  /** Whether limits and lockouts hold. */
  limits?: boolean;
  /** The port of `localhost` to listen on; a free one without it. */
  port?: number;
  /** A folder that keeps users and sessions; without it they end with the test. */
  persist?: string;
  /** A checkout of Postern with a built Worker, in place of the npm package `postern`. */
  worker?: string;
}

const NAMES = new Set(["routes", "upstream", "issuers", "settings", "vars", "services", "hosts", "network", "limits", "port", "persist", "worker"]);

/** Fails on what is no option: a spelling mistake must not make a test pass. */
export function checkNames(options: StartOptions): void {
  const unknown = Object.keys(options).filter((name) => !NAMES.has(name));
  if (unknown.length > 0) throw new KitError(`startPostern has no option ${unknown.join(", ")}; it has ${[...NAMES].join(", ")}`);
}

type Vars = Record<string, unknown>;
const objectOf = (value: unknown): Vars => (typeof value === "string" && value.startsWith("{") ? (JSON.parse(value) as Vars) : typeof value === "object" && value !== null && !Array.isArray(value) ? { ...value } : {});
const listOf = <Item>(value: unknown): Item[] => (Array.isArray(value) ? (value as Item[]) : typeof value === "string" && value.startsWith("[") ? (JSON.parse(value) as Item[]) : []);

/** Member names that say where a route leads. */
const PLACES = ["upstream", "service", "answer"];

export interface Settings {
  vars: Vars;
  routes: Route[];
}

/** The Worker's variables. */
export function settingsOf(options: StartOptions, url: string, issuers: FakeIssuer[]): Settings {
  const given: Vars = { ...(options.settings === undefined ? {} : readToml(options.settings).vars), ...options.vars };
  const named = options.routes ?? (given["POSTERN_ROUTES"] === undefined ? [{ path: "/{*rest}" }] : listOf<Route>(given["POSTERN_ROUTES"]));
  const routes = named.map((route) => (PLACES.some((place) => place in route) ? route : { ...route, service: "UPSTREAM" }));
  // An issuer of the settings keeps what they say about it.
  const theirs = listOf<{ issuer?: string }>(given["POSTERN_ISSUERS"]);
  const played = issuers.filter(({ issuer }) => !theirs.some((each) => each.issuer === issuer)).map(({ setting }) => setting);
  const { dataset: _, ...metrics } = objectOf(given["POSTERN_METRICS"]);
  const { queue: __, service: ___, ...notifier } = objectOf(given["POSTERN_NOTIFIER"]);
  const vars: Vars = {
    POSTERN_ISSUER: url,
    // Hashes of the least cost: a test makes users all the time.
    POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
    ...given,
    POSTERN_PROFILE: "local",
    POSTERN_MASTER_KEY: given["POSTERN_MASTER_KEY"] ?? randomBytes(32).toString("base64url"),
    POSTERN_NOTIFIER: { ...notifier, service: "TESTING_MAIL" },
    POSTERN_EVENTS: undefined,
    POSTERN_METRICS: given["POSTERN_METRICS"] === undefined ? undefined : metrics,
    ...(options.limits === true ? {} : { POSTERN_LIMITS: "off" }),
    ...(given["POSTERN_ISSUERS"] === undefined && played.length === 0 ? {} : { POSTERN_ISSUERS: [...theirs, ...played] }),
    POSTERN_ROUTES: routes,
  };
  return { vars: JSON.parse(JSON.stringify(vars)) as Vars, routes };
}

/** The origins of this machine, which are reached as they are. */
const LOCAL = /^https?:\/\/(localhost|127\.\d+\.\d+\.\d+|\[::1\])(:\d+)?$/;

/** The origins and the service names that routes lead to. */
export function placesOf(routes: Route[]): { origins: string[]; services: string[] } {
  const origins = routes.flatMap(({ upstream }) => (typeof upstream === "string" && URL.canParse(upstream) ? [new URL(upstream).origin] : []));
  const services = routes.flatMap(({ service }) => (typeof service === "string" ? [service] : []));
  return { origins: [...new Set(origins)].filter((origin) => !LOCAL.test(origin)), services: [...new Set(services)] };
}
