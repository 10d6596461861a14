// One deployment of which two versions run at once: two Workers over the same KV, D1 and objects, and each object in one of
// the two versions. An object changes its version when it has nothing to do, as when the platform evicts it and starts it
// again: its memory is gone, its storage stays.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Json, Miniflare } from "miniflare";
import { migrate } from "../../worker/harness.ts";
import { bindingsOf, type Bindings } from "../../worker/harness-config.ts";
import { startWorkerd, type WorkerOptions } from "../../worker/support/workerd.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export type Version = "old" | "new";
export const VERSIONS: readonly Version[] = ["old", "new"];

/** How often objects began in each version, and how often one changed its version. */
export interface ObjectTally {
  old: number;
  new: number;
  changed: number;
}

/**
 * The script of the objects. Each class has that of both versions behind it. `POST /.turn` lets every object begin anew, in a
 * version by chance, when it is idle.
 */
const objects = (classes: string[]) => `
import * as before from "./old/index.js";
import * as after from "./new/index.js";
const modules = { old: before, new: after };
const tally = { old: 0, new: 0, changed: 0 };
let turn = 0;
const either = (name) => class {
  constructor(state, env) {
    const { waitUntil } = state;
    this.busy = 0;
    this.begin = (version) => {
      if (this.version !== undefined && this.version !== version) tally.changed += 1;
      this.version = modules[version][name] === undefined ? "new" : version;
      this.turn = turn;
      tally[this.version] += 1;
      this.inner = new modules[this.version][name](state, env);
    };
    // What an object does after its answer belongs to this life of it.
    state.waitUntil = (work) => {
      this.busy += 1;
      const done = () => { this.busy -= 1; };
      work.then(done, done);
      return waitUntil.call(state, work);
    };
    this.begin(Math.random() < 0.5 ? "old" : "new");
  }
  async during(work) {
    if (this.busy === 0 && this.turn !== turn) this.begin(Math.random() < 0.5 ? "old" : "new");
    this.busy += 1;
    try {
      return await work(this.inner);
    } finally {
      this.busy -= 1;
    }
  }
  fetch(request) { return this.during((inner) => inner.fetch(request)); }
  alarm(info) { return this.during((inner) => inner.alarm(info)); }
};
${classes.map((name) => `export const ${name} = either("${name}");`).join("\n")}
export default {
  fetch() {
    turn += 1;
    return Response.json(tally);
  },
};`;

export class Deployment {
  readonly #folders: Record<Version, string>;
  readonly #vars: Record<string, unknown>;
  readonly #bindings: Bindings;
  readonly #disk: string;
  /** What the Workers and workerd printed. */
  readonly printed: string[] = [];
  #miniflare: Miniflare | undefined;
  #urls: Record<Version, URL> | undefined;
  #control: URL | undefined;
  /** The versions that answer now. */
  answering: readonly Version[] = VERSIONS;
  #open = Promise.resolve();
  #underWay = 0;
  readonly tally: ObjectTally = { old: 0, new: 0, changed: 0 };

  private constructor(folders: Record<Version, string>, vars: Record<string, unknown>, bindings: Bindings, disk: string) {
    this.#folders = folders;
    this.#vars = vars;
    this.#bindings = bindings;
    this.#disk = disk;
  }

  /** `folders` have the built Workers. */
  static async start(folders: Record<Version, string>, vars: Record<string, unknown>): Promise<Deployment> {
    const disk = await mkdtemp(join(tmpdir(), "postern-upgrade-"));
    const deployment = new Deployment(folders, vars, await bindingsOf(join(root, "wrangler.toml")), disk);
    await deployment.#begin();
    return deployment;
  }

  async #begin(): Promise<void> {
    const { name, compatibilityDate, compatibilityFlags, kvNamespaces, d1Databases, durableObjects } = this.#bindings;
    const built = async (version: Version, at: string) => [
      { type: "ESModule" as const, path: `${at}/index.js`, contents: await readFile(join(this.#folders[version], "index.js"), "utf8") },
      { type: "CompiledWasm" as const, path: `${at}/index_bg.wasm`, contents: await readFile(join(this.#folders[version], "index_bg.wasm")) },
    ];
    const common = {
      modulesRoot: "/",
      compatibilityDate,
      compatibilityFlags,
      kvNamespaces,
      d1Databases,
      bindings: JSON.parse(JSON.stringify(this.#vars)) as Record<string, Json>,
      serviceBindings: { ORIGIN: () => new Response("reached") as never },
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    };
    const classes = Object.values(durableObjects).map(({ className }) => className);
    const workers: WorkerOptions[] = [
      {
        ...common,
        name,
        modules: [{ type: "ESModule", path: "/objects.js", contents: objects(classes) }, ...(await built("old", "/old")), ...(await built("new", "/new"))],
        durableObjects,
      },
    ];
    for (const version of VERSIONS) {
      const asked = Object.entries(durableObjects).map(([binding, { className }]) => [binding, { className, scriptName: name }] as const);
      workers.push({ ...common, name: version, modules: await built(version, ""), durableObjects: Object.fromEntries(asked) });
    }
    const miniflare = startWorkerd({ resourcePersistencePath: this.#disk, printed: (line) => this.printed.push(line), workers });
    await miniflare.ready;
    await migrate(await miniflare.getD1Database(this.#bindings.d1Binding, name), this.#bindings.migrationsFolder);
    const [control, before, after] = await Promise.all([name, ...VERSIONS].map((worker) => miniflare.unsafeGetDirectURL(worker)));
    if (control === undefined || before === undefined || after === undefined) throw new Error("a Worker has no address");
    this.#miniflare = miniflare;
    this.#control = control;
    this.#urls = { old: before, new: after };
  }

  /** A request to one of the versions that answer now, or to this one. */
  async fetch(path: string, init: RequestInit = {}, version?: Version): Promise<{ response: Response; version: Version }> {
    // During a restart all wait, as nothing of it is a deployment's.
    await this.#open;
    const chosen = version ?? this.answering[Math.floor(Math.random() * this.answering.length)] ?? "new";
    this.#underWay += 1;
    try {
      const response = await fetch(new URL(path, this.#urls?.[chosen]), { redirect: "manual", ...init });
      // The whole of it, so that no answer is half read when workerd ends.
      const body = await response.arrayBuffer();
      const hasNone = [101, 204, 205, 304].includes(response.status);
      return { response: new Response(hasNone ? null : body, response), version: chosen };
    } finally {
      this.#underWay -= 1;
    }
  }

  /** Lets every idle object begin anew, in one of the versions. */
  async turnObjects(): Promise<void> {
    await this.#open;
    const told = (await (await fetch(this.#control ?? "", { method: "POST" })).json()) as ObjectTally;
    this.#latest = told;
  }

  #latest: ObjectTally = { old: 0, new: 0, changed: 0 };
  readonly #earlier: ObjectTally = { old: 0, new: 0, changed: 0 };

  /** Of all restarts. */
  objects(): ObjectTally {
    const sum = (name: keyof ObjectTally) => this.#earlier[name] + this.#latest[name];
    return { old: sum("old"), new: sum("new"), changed: sum("changed") };
  }

  /** Stops workerd between requests and starts it again on the same disk: no isolate and no object remembers anything. */
  async restart(): Promise<void> {
    await this.turnObjects();
    let reopen = (): void => {};
    this.#open = new Promise((resolve) => (reopen = resolve));
    while (this.#underWay > 0) await sleep(10);
    for (const name of ["old", "new", "changed"] as const) this.#earlier[name] += this.#latest[name];
    this.#latest = { old: 0, new: 0, changed: 0 };
    await this.#miniflare?.dispose();
    await this.#begin();
    reopen();
  }

  async stop(): Promise<void> {
    await this.#miniflare?.dispose();
    await rm(this.#disk, { recursive: true, force: true });
  }
}
