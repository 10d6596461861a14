// `make proof NAME=rollout`: a new master secret, while an old and a new version of the Worker answer in turn under the traffic of
// browsers. Told: sessions lost, cookies deleted, and how often a browser had to come again.
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { startWorkers } from "../issuers/workers.ts";
import { PASSWORD } from "../../worker/support/config.ts";

const MINUTES = Number(process.env["MINUTES"] ?? 5);
const BROWSERS = Number(process.env["BROWSERS"] ?? 50);
/** How often a browser comes again after a 503 before a person would see it. */
const TRIES = 30;
const CSRF_HEADER = "x-csrf-token";

const LIMITS = Object.fromEntries(
  [
    ...["login_account", "login_device", "login_ip", "login_network", "login_known_ip", "login_known_network"],
    ...["refresh_family", "refresh_ip", "refresh_network", "register_ip", "register_network"],
  ].map((name) => [name, "off"]),
);

const OLD = { id: 1, key: randomBytes(32).toString("base64url") };
const NEW = { id: 2, key: randomBytes(32).toString("base64url") };

interface Plan {
  name: string;
  told: string;
  /** The masters of both versions, the current one first. The objects run in the first. */
  versions: [object[], object[]];
}

const PLANS: Plan[] = [
  {
    name: "two-steps",
    told: "as the runbook says: the old version accepts the new master already; the objects run in the old version",
    versions: [[OLD, NEW], [NEW, OLD]],
  },
  {
    name: "one-step",
    told: "a step was left out: the old version does not have the new master; the objects run in the old version",
    versions: [[OLD], [NEW, OLD]],
  },
  {
    name: "one-step-new-objects",
    told: "a step was left out, and the objects run in the new version, which wraps the signing keys under the new master",
    versions: [[NEW, OLD], [OLD]],
  },
];

interface Tally {
  refreshes: number;
  signIns: number;
  apiCalls: number;
  apiRefused: number;
  cameAgain: number;
  mostTries: number;
  sessionsLost: string[];
  cookiesDeleted: number;
}

class Browser {
  readonly login: string;
  /** Values by name, and the scope (path and domain) of each: a cookie of another scope is another cookie. */
  readonly cookies = new Map<string, { value: string; scope: string }>();
  csrf = "";
  accessToken = "";

  readonly #urls: URL[];
  readonly #tally: Tally;

  constructor(number: number, urls: URL[], tally: Tally) {
    this.login = `browser-${number}@example.com`;
    this.#urls = urls;
    this.#tally = tally;
  }

  /** One call at whichever version answers, again after each 503, as `Retry-After` says. */
  async call(path: string, init: { method: string; headers?: Record<string, string>; body?: unknown }): Promise<Response> {
    for (let tries = 1; ; tries += 1) {
      const url = this.#urls[Math.floor(Math.random() * this.#urls.length)] as URL;
      const cookie = [...this.cookies].map(([name, { value }]) => `${name}=${value}`).join("; ");
      const response = await fetch(new URL(path, url), {
        method: init.method,
        headers: { "content-type": "application/json", ...(cookie === "" ? {} : { cookie }), ...init.headers },
        ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
      });
      this.#keep(response);
      this.#tally.mostTries = Math.max(this.#tally.mostTries, tries);
      if (response.status !== 503 || tries === TRIES) return response;
      await response.arrayBuffer();
      this.#tally.cameAgain += 1;
      await sleep(Number(response.headers.get("retry-after") ?? 2) * 1000);
    }
  }

  #keep(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      const [pair = "", ...attributes] = line.split("; ");
      const [name = "", value = ""] = pair.split(/=(.*)/s);
      const scope = attributes.filter((attribute) => /^(Path|Domain)=/.test(attribute)).join("; ");
      if (!attributes.includes("Max-Age=0")) {
        this.cookies.set(name, { value, scope });
      } else if (this.cookies.get(name)?.scope === scope) {
        // A sign-in takes away what stands in other scopes: there is nothing in them.
        this.#tally.cookiesDeleted += 1;
        this.cookies.delete(name);
      }
    }
  }

  async #tokens(response: Response, what: string): Promise<boolean> {
    const text = await response.text();
    if (response.status !== 200) {
      this.#tally.sessionsLost.push(`${this.login}: ${what}: ${response.status} ${text.slice(0, 200)}`);
      return false;
    }
    const body = JSON.parse(text) as { access_token: string; csrf_token: string };
    this.accessToken = body.access_token;
    this.csrf = body.csrf_token;
    return true;
  }

  async register(): Promise<void> {
    const response = await this.call("/auth/register", { method: "POST", body: { login: this.login, password: PASSWORD } });
    if (response.status !== 201) throw new Error(`registering: ${response.status} ${await response.text()}`);
  }

  async signIn(): Promise<void> {
    this.#tally.signIns += 1;
    await this.#tokens(
      await this.call("/auth/login", { method: "POST", body: { login: this.login, password: PASSWORD } }),
      "sign-in",
    );
  }

  async refresh(): Promise<boolean> {
    this.#tally.refreshes += 1;
    const response = await this.call("/auth/refresh", { method: "POST", headers: { [CSRF_HEADER]: this.csrf } });
    return this.#tokens(response, "refresh");
  }

  async useApi(): Promise<void> {
    this.#tally.apiCalls += 1;
    const response = await this.call("/api/orders", { method: "GET", headers: { authorization: `Bearer ${this.accessToken}` } });
    await response.arrayBuffer();
    if (response.status !== 200) this.#tally.apiRefused += 1;
  }

  /** A page that is loaded, calls the API, refreshes; now and then two tabs at once, or a new CSRF token. */
  async browse(until: number, between: number): Promise<void> {
    await sleep(Math.random() * between);
    while (Date.now() < until) {
      const dice = Math.random();
      if (dice < 0.2) {
        await Promise.all([this.refresh(), this.refresh()]);
      } else if (dice < 0.3) {
        const response = await this.call("/auth/csrf", { method: "GET" });
        const text = await response.text();
        if (response.status === 200) this.csrf = (JSON.parse(text) as { csrf_token: string }).csrf_token;
        else this.#tally.sessionsLost.push(`${this.login}: csrf: ${response.status} ${text.slice(0, 200)}`);
      } else if (dice < 0.32) {
        // From another tab; the session there was is left to itself.
        await this.signIn();
      } else {
        await this.refresh();
      }
      await this.useApi();
      await sleep(between * (0.5 + Math.random()));
    }
  }
}

async function play({ name, told, versions }: Plan): Promise<boolean> {
  const workers = await startWorkers(
    2,
    {
      POSTERN_REGISTRATION: "open",
      POSTERN_LIMITS: LIMITS,
      // Sign-ins are not what is looked at here.
      POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
    },
    versions.map((masters) => ({ POSTERN_MASTER_KEY: masters })),
    [{ name: "api", path: "/api/{*rest}", service: "ORIGIN" }],
  );
  const tally: Tally = {
    refreshes: 0,
    signIns: 0,
    apiCalls: 0,
    apiRefused: 0,
    cameAgain: 0,
    mostTries: 0,
    sessionsLost: [],
    cookiesDeleted: 0,
  };
  try {
    const browsers = Array.from({ length: BROWSERS }, (_, number) => new Browser(number, workers.urls, tally));
    for (const url of workers.urls) {
      const health = await fetch(new URL("/healthz", url));
      if (health.status !== 200) throw new Error(`not started: ${await health.text()}`);
    }
    await Promise.all(
      browsers.map(async (browser) => {
        await browser.register();
        await browser.signIn();
      }),
    );
    const until = Date.now() + MINUTES * 60_000;
    await Promise.all(browsers.map((browser) => browser.browse(until, 4000)));
    const alive = (await Promise.all(browsers.map((browser) => browser.refresh()))).filter(Boolean).length;
    console.log(`${name}: ${told}`);
    console.log(
      `  ${BROWSERS} browsers, ${MINUTES} min: ${tally.refreshes} refreshes, ${tally.signIns} sign-ins, ${tally.apiCalls} calls of the API ` +
        `(${tally.apiRefused} refused); ${tally.cameAgain} times a browser came again after a 503, at most ${tally.mostTries - 1} times in a row`,
    );
    console.log(`  sessions lost: ${tally.sessionsLost.length}; cookies deleted: ${tally.cookiesDeleted}; alive at the end: ${alive} of ${BROWSERS}`);
    for (const lost of tally.sessionsLost.slice(0, 5)) console.log(`  ${lost}`);
    return tally.sessionsLost.length === 0 && tally.cookiesDeleted === 0 && tally.apiRefused === 0 && alive === BROWSERS;
  } finally {
    await workers.stop();
  }
}

const wanted = process.argv.slice(2);
let sound = true;
for (const plan of PLANS) {
  if (wanted.length === 0 || wanted.includes(plan.name)) sound = (await play(plan)) && sound;
}
if (!sound) process.exitCode = 1;
