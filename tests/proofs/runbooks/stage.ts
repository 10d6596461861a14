// One deployment on workerd with its users, its attacker, its Prometheus, and its operator.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { stringify } from "smol-toml";
import { startPostern, type Postern, type PosternOptions } from "../../worker/harness.ts";
import { ADMIN, PASSWORD, settings, type RouteSetting } from "../../worker/support/config.ts";
import { METRICS_TOKEN } from "../../worker/support/metrics.ts";
import { claim, compared, OnCall, type Sight } from "./dashboard.ts";
import { blocks } from "./guide.ts";
import { Prometheus, SCRAPE_SECONDS } from "./prometheus.ts";
import { Tally, User } from "./user.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const postern = join(process.env["CARGO_TARGET_DIR"] ?? join(root, "target"), "debug/postern");
const USERS = 2;
/** As often as the page asks for itself. */
const LOOK_MS = 10_000;
/** The dashboard shows an incident at the latest this long after the alert: isolates send their counts every 10 s. */
const LATE_SECONDS = 60;
/** Traffic before the first scrape, so that the counters of an ordinary day are there. */
const WARM_MS = 15_000;

export interface Ran {
  code: number | null;
  out: string;
  err: string;
}

export interface Staged {
  /** Settings on top of those of every stage. */
  vars?: Record<string, unknown>;
  routes?: readonly RouteSetting[];
  options?: Partial<PosternOptions>;
  /** The call of its users. Without it: their own access token at /api/orders. */
  call?: (stage: Stage) => Promise<Response>;
}

export class Stage {
  readonly name: string;
  readonly folder: string;
  readonly users: User[] = [];
  honest = new Tally();
  attacker = new Tally();
  /** What wrangler does here, by the words after its name: set by the incident. */
  wrangler: (words: string[], input: string) => Promise<string> = async (words) => {
    throw new Error(`wrangler ${words.join(" ")} is not played`);
  };
  #staged: Staged;
  #vars: Record<string, unknown>;
  #postern!: Postern;
  #port = 0;
  #prometheus: Prometheus | undefined;
  readonly #stop = new AbortController();
  readonly #loops: Promise<void>[] = [];
  #control!: Server;
  #begun = 0;
  readonly #onCall = new OnCall(() => this);
  #sights: readonly Sight[] = [];
  #looking: Promise<void> | undefined;
  /** Seconds from the cause until the dashboard showed all of it, or why it cannot. */
  seen: number | string = "not looked for";

  private constructor(name: string, staged: Staged) {
    this.name = name;
    this.#staged = staged;
    this.folder = mkdtempSync(join(tmpdir(), "postern-runbooks-"));
    this.#vars = {
      POSTERN_MASTER_KEY: randomBytes(32).toString("base64url"),
      POSTERN_METRICS_TOKEN: METRICS_TOKEN,
      POSTERN_REGISTRATION: "open",
      POSTERN_DEFAULT_SCOPES: ["read:orders"],
      POSTERN_ADMIN: { dashboard: true },
      ...staged.vars,
    };
  }

  /** Starts it, lets users in, and waits until Prometheus has seen an ordinary day. */
  static async start(name: string, staged: Staged = {}): Promise<Stage> {
    const stage = new Stage(name, staged);
    try {
      await stage.deploy({});
      stage.#operator();
      for (let number = 1; number <= USERS; number += 1) {
        const user = new User(stage, number);
        await user.join();
        stage.users.push(user);
        stage.#loops.push(user.live(stage.#stop.signal, staged.call === undefined ? undefined : () => (staged.call as (stage: Stage) => Promise<Response>)(stage)));
      }
      await delay(WARM_MS);
      const metrics = await stage.fetch("/metrics", { headers: { authorization: `Bearer ${METRICS_TOKEN}` } });
      const quiet = await metrics.text();
      if (metrics.status !== 200) throw new Error(`/metrics: ${metrics.status} ${quiet}`);
      stage.#prometheus = await Prometheus.start(join(stage.folder, "prometheus"), `127.0.0.1:${stage.#port}`, METRICS_TOKEN, quiet);
      // Rates need two scrapes of the traffic.
      while (((await stage.#prometheus.query("count_over_time(up[1h])")) ?? 0) < 2) await delay(1000);
      const early = await stage.#prometheus.firing();
      if (early.length > 0) throw new Error(`alerts before the cause: ${JSON.stringify(early)}`);
      await stage.command(blocks("runbook", "Start here").join("\n").split("\n").filter((line) => line.startsWith("postern login")).join("\n").replace("you@example.com", ADMIN));
      await stage.#onCall.signIn();
      return stage;
    } catch (error) {
      await stage.end();
      throw error;
    }
  }

  get postern(): Postern {
    return this.#postern;
  }

  get vars(): Readonly<Record<string, unknown>> {
    return this.#vars;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    headers.set("connection", "close");
    return fetch(new URL(path, this.url), { redirect: "manual", ...init, headers, signal: AbortSignal.timeout(20_000) });
  }

  /** Another version at the same address, with the same data. Requests find no server for about a second, which wrangler's have not. */
  async deploy(change: Record<string, unknown>): Promise<void> {
    this.#vars = { ...this.#vars, ...change };
    await this.#postern?.dispose();
    this.#postern = await startPostern({
      persist: join(this.folder, "state"),
      port: this.#port,
      ...this.#staged.options,
      vars: settings(this.#vars, this.#staged.routes),
    });
    this.#port = Number(new URL(this.#postern.url).port);
    const { POSTERN_MASTER_KEY: key, ...vars } = settings({ ...this.#vars, POSTERN_PROFILE: "local" }, this.#staged.routes);
    const defined = Object.fromEntries(Object.entries(vars).filter(([, value]) => value !== undefined));
    writeFileSync(join(this.folder, "wrangler.production.toml"), stringify({ name: "postern", main: "index.js", compatibility_date: "2026-01-01", vars: defined }));
    writeFileSync(join(this.folder, ".dev.vars"), `POSTERN_MASTER_KEY='${typeof key === "string" ? key : JSON.stringify(key)}'\n`);
  }

  /** The tools of the operator: `postern`, and `npx wrangler`, which acts here. */
  #operator(): void {
    const bin = join(this.folder, "bin");
    mkdirSync(bin);
    symlinkSync(postern, join(bin, "postern"));
    writeFileSync(join(bin, "npx"), `#!/bin/sh\nexec '${process.execPath}' '${fileURLToPath(new URL("shim.mjs", import.meta.url))}' "$@"\n`);
    chmodSync(join(bin, "npx"), 0o755);
    this.#control = createServer((request, response) => {
      text(request)
        .then(async (body) => {
          const { words, input } = JSON.parse(body) as { words: string[]; input: string };
          if (words[0] !== "wrangler") throw new Error(`npx ${words.join(" ")} is not played`);
          response.writeHead(200).end(`${await this.wrangler(words.slice(1), input)}\n`);
        })
        .catch((error: unknown) => response.writeHead(500).end(`${String(error)}\n`));
    }).listen(0, "127.0.0.1");
  }

  /** Runs lines of a guide as the operator does. */
  async command(lines: string, env: Record<string, string> = {}): Promise<Ran> {
    const child = spawn("bash", ["--norc", "-c", lines], {
      cwd: this.folder,
      stdio: "pipe",
      env: {
        PATH: `${join(this.folder, "bin")}${delimiter}${process.env["PATH"]}`,
        POSTERN_URL: this.url,
        POSTERN_SESSION_FILE: join(this.folder, "session.json"),
        RUNBOOK_WRANGLER: `http://127.0.0.1:${(this.#control.address() as AddressInfo).port}/`,
        ...env,
      },
    });
    child.stdin.on("error", () => {});
    child.stdin.end(`${PASSWORD}\n`);
    const closed = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
    const [code, out, err] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
    if (process.env["VERBOSE"]) console.log(`--- ${this.name}\n$ ${lines}\n${out}${err}(${code})`);
    return { code, out, err };
  }

  /** The same, where each line must succeed. */
  async must(lines: string, env?: Record<string, string>): Promise<Ran> {
    const ran = await this.command(`set -euo pipefail\n${lines}`, env);
    if (ran.code !== 0) throw new Error(`${this.name}: ended with ${ran.code}:\n${lines}\n${ran.out}${ran.err}`);
    return ran;
  }

  /** The cause, now: from here on is counted. */
  cause(): void {
    this.honest = new Tally();
    this.attacker = new Tally();
    this.#begun = performance.now();
    if (this.#sights.length > 0) this.#looking = this.#look();
  }

  /** Where the guide says that the dashboard shows the incident. Called before the cause, when nothing of it may be there. */
  async watch(section: string, sights: readonly Sight[], guide = "runbook"): Promise<void> {
    compared(guide, section, sights);
    await this.#onCall.note(sights);
    this.#sights = sights;
  }

  async #look(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const missing = await this.#onCall.missing(this.#sights);
      this.seen = missing ?? this.seconds();
      if (missing === undefined) return;
      await delay(LOOK_MS, undefined, { signal: this.#stop.signal }).catch(() => {});
    }
  }

  /** The dashboard shows all of the incident now, or soon. */
  async sees(): Promise<void> {
    await Promise.race([this.#looking, delay(LATE_SECONDS * 1000, undefined, { ref: false })]);
    if (typeof this.seen === "string") throw new Error(`${this.name}: the dashboard does not show it: ${this.seen}`);
  }

  /** The dashboard does not answer while the incident lasts: with this code, which the guide names. */
  async isBlind(section: string, code: string): Promise<void> {
    claim("runbook", section, [code]);
    const { status, page } = await this.#onCall.open("/overview");
    if (status !== 503 || !page.includes(code)) throw new Error(`${this.name}: the dashboard answers ${status} and not ${code}: ${page}`);
    this.seen = "not there";
  }

  seconds(): number {
    return (performance.now() - this.#begun) / 1000;
  }

  /** Waits until the alert fires, with these labels. Seconds since the cause. */
  async alert(name: string, labels: Record<string, string> = {}): Promise<number> {
    // The longest rule looks back 10 minutes; then come a scrape, an evaluation, and the feed's beat of 5 minutes.
    const deadline = 1000 + 4 * SCRAPE_SECONDS;
    while (this.seconds() < deadline) {
      const all = (await this.#prometheus?.firing()) ?? [];
      if (all.some((found) => found["alertname"] === name && Object.entries(labels).every(([label, value]) => found[label] === value))) return await this.#alerted(this.seconds());
      await delay(500);
    }
    throw new Error(`${this.name}: ${name} did not fire in ${deadline} s`);
  }

  async #alerted(seconds: number): Promise<number> {
    if (this.#looking !== undefined) await this.sees();
    return seconds;
  }

  /** Something beside the users, again and again until the end. */
  meanwhile(pauseMs: number, act: () => Promise<void>): void {
    this.#loops.push(
      (async () => {
        while (!this.#stop.signal.aborted) {
          await act().catch(() => {});
          await delay(pauseMs);
        }
      })(),
    );
  }

  async end(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#loops);
    await this.#prometheus?.stop();
    await this.#postern?.dispose();
    this.#control?.close();
    this.#control?.closeAllConnections();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
