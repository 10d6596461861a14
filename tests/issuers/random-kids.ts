// `node tests/issuers/random-kids.ts`: 10 000 requests with made-up kids over several Workers, each in an isolate of its
// own, that share KV and the objects as the locations of one deployment do. How often is the issuer asked?
import { randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Miniflare } from "miniflare";
import { bindingsOf } from "../worker/harness-config.ts";
import { AUDIENCE, settings } from "../worker/support/config.ts";
import { encode } from "../worker/support/jwt.ts";
import { FaultyIssuer } from "./faulty.ts";

const REQUESTS = 10_000;
const WORKERS = 4;
const CONCURRENCY = 16;
/** The default of `unknown_kid_cooldown`, seconds. */
const COOLDOWN = 30;

const root = fileURLToPath(new URL("../../", import.meta.url));
const bindings = await bindingsOf(join(root, "wrangler.toml"));
const issuer = await FaultyIssuer.start();
const vars = settings({
  POSTERN_PROFILE: "local",
  POSTERN_MASTER_KEY: randomBytes(32).toString("base64url"),
  POSTERN_ISSUERS: [issuer.setting()],
});
const names = Array.from({ length: WORKERS }, (_, index) => (index === 0 ? bindings.name : `${bindings.name}-${index}`));
const miniflare = new Miniflare({
  host: "127.0.0.1",
  port: 0,
  cf: false,
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
    bindings: JSON.parse(JSON.stringify(vars)),
    serviceBindings: { ORIGIN: () => new Response("reached") as never },
    unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
  })),
});

const agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY });
function status(base: URL, token: string): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  request(new URL("/echo", base), { agent, headers: { authorization: `Bearer ${token}` } }, (response) => {
    response.resume().on("end", () => resolve(response.statusCode ?? 0));
  })
    .on("error", reject)
    .end();
  return promise;
}

function madeUp(): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: "ES256", kid: randomBytes(12).toString("hex"), typ: "at+jwt" };
  const claims = { iss: issuer.iss, aud: AUDIENCE, sub: "nobody", iat: now, exp: now + 300, jti: "x", client_id: "x" };
  return `${encode(header)}.${encode(claims)}.${randomBytes(64).toString("base64url")}`;
}

try {
  await miniflare.ready;
  const urls = await Promise.all(names.map((name) => miniflare.unsafeGetDirectURL(name)));
  const statuses = new Map<number, number>();
  const began = Date.now();
  let sent = 0;
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (sent < REQUESTS) {
        const found = await status(urls[sent++ % WORKERS] as URL, madeUp());
        statuses.set(found, (statuses.get(found) ?? 0) + 1);
      }
    }),
  );
  const seconds = (Date.now() - began) / 1000;
  const sound = await Promise.all(urls.map(async (url) => status(url, await issuer.token())));
  const { fetches } = issuer;
  // One fetch to have a set at all; from then on one for each cooldown that has begun.
  const allowed = 1 + Math.ceil(seconds / COOLDOWN);
  const gaps = fetches.slice(1).map((at, index) => ((at - (fetches[index] ?? 0)) / 1000).toFixed(1));
  const counts = [...statuses].map(([code, count]) => `${count} x ${code}`).join(", ");
  console.log(
    `${sent} requests with made-up kids over ${WORKERS} Workers in ${seconds.toFixed(1)} s: ${counts}; ` +
      `fetches ${fetches.length} (allowed ${allowed}), seconds between them [${gaps.join(", ")}]; ` +
      `a sound token afterwards, at each Worker: ${sound.join(", ")}`,
  );
  if (fetches.length > allowed || statuses.size !== 1 || !statuses.has(401) || sound.some((code) => code !== 200)) process.exitCode = 1;
} finally {
  agent.destroy();
  await miniflare.dispose();
  await issuer.stop();
}
