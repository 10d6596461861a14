// Several Workers, each in an isolate of its own, that share KV and the objects as the locations of one deployment do. Each
// listens on a port of its own, past the entry Worker that Miniflare puts before everything (and that costs more CPU).
import { randomBytes } from "node:crypto";
import { type Agent, request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "miniflare";
import { migrate } from "../../worker/harness.ts";
import { bindingsOf } from "../../worker/harness-config.ts";
import { settings, type RouteSetting } from "../../worker/support/config.ts";
import { startWorkerd } from "../../worker/support/workerd.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface Workers {
  urls: URL[];
  stop(): Promise<void>;
}

/** `own` are the settings of each Worker, where they are versions of one deployment. */
export async function startWorkers(
  count: number,
  vars: Record<string, unknown>,
  own: Record<string, unknown>[] = [],
  routes: readonly RouteSetting[] = [],
): Promise<Workers> {
  const bindings = await bindingsOf(join(root, "wrangler.toml"));
  const master = randomBytes(32).toString("base64url");
  const all = (index: number): Record<string, unknown> =>
    settings({ POSTERN_PROFILE: "local", POSTERN_MASTER_KEY: master, ...vars, ...own[index] }, routes);
  const names = Array.from({ length: count }, (_, index) => (index === 0 ? bindings.name : `${bindings.name}-${index}`));
  // Thousands of refusals in the log tell nothing: it is dropped.
  const miniflare = startWorkerd({
    workers: names.map((name, index) => ({
      name,
      modulesRoot: join(root, "build"),
      modules: [
        { type: "ESModule" as const, path: join(root, "build/index.js") },
        { type: "CompiledWasm" as const, path: join(root, "build/index_bg.wasm") },
      ],
      compatibilityDate: bindings.compatibilityDate,
      compatibilityFlags: bindings.compatibilityFlags,
      kvNamespaces: bindings.kvNamespaces,
      d1Databases: bindings.d1Databases,
      // The first one has the objects; the others ask the same ones.
      durableObjects: Object.fromEntries(
        Object.entries(bindings.durableObjects).map(([binding, object]) => [
          binding,
          index === 0 ? object : { className: object.className, scriptName: bindings.name },
        ]),
      ),
      bindings: JSON.parse(JSON.stringify(all(index))) as Record<string, Json>,
      serviceBindings: { ORIGIN: () => new Response("reached") as never },
      unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
    })),
  });
  await miniflare.ready;
  await migrate(await miniflare.getD1Database(bindings.d1Binding, bindings.name), bindings.migrationsFolder);
  return { urls: await Promise.all(names.map((name) => miniflare.unsafeGetDirectURL(name))), stop: () => miniflare.dispose() };
}

/** A GET over a connection that is kept: the status. */
export function statusOf(agent: Agent, base: URL, path: string, token?: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  request(new URL(path, base), { agent, headers }, (response) => {
    response.resume().on("end", () => resolve(response.statusCode ?? 0));
  })
    .on("error", reject)
    .end();
  return promise;
}
