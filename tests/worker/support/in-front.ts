// Modules that tests put in front of the built Worker, which stays as it is.

/** In front of the Worker's own module when its Account objects are watched. They still do everything themselves. */
export const SPY = `
import worker, * as built from "./index.js";
export * from "./index.js";
export default worker;
export class Account extends built.Account {
  async fetch(request) {
    const message = JSON.parse(await request.clone().text());
    const [kind, body] = typeof message === "string" ? [message] : Object.entries(message)[0];
    try {
      return await super.fetch(request);
    } finally {
      console.log("Account was asked: " + kind + " " + (body?.family ?? ""));
    }
  }
}
`;

/** Notes the instance of WASM that the Worker makes. Imported before it. */
export const INSTANCE_NOTED = `
export const noted = {};
WebAssembly.Instance = new Proxy(WebAssembly.Instance, {
  construct(target, given) {
    const made = Reflect.construct(target, given);
    noted.exports = made.exports;
    return made;
  },
});
`;

/**
 * In front of the Worker's own module when what it holds is counted: the JavaScript objects in wasm-bindgen's table, which no
 * garbage collector frees, after a collection (V8 must have been started with --expose-gc). `/.renew` does as a panic does:
 * the next request begins with a new instance of WASM.
 */
export const COUNTER = `
import { noted } from "./noted.js";
import worker, * as built from "./index.js";
export * from "./index.js";
export default {
  ...worker,
  async fetch(request, env, context) {
    const { pathname } = new URL(request.url);
    if (pathname === "/.renew") {
      globalThis.__worker_init_state.criticalError = true;
      return new Response();
    }
    if (pathname !== "/.held") return worker.fetch(request, env, context);
    for (let turn = 0; turn < 5; turn += 1) {
      gc();
      await scheduler.wait(20);
    }
    const { __wbindgen_externrefs: table, memory } = noted.exports;
    const kinds = {};
    let live = 0;
    for (let index = 0; index < table.length; index += 1) {
      const value = table.get(index);
      if (value === undefined || value === null) continue;
      live += 1;
      const kind = Object.prototype.toString.call(value).slice(8, -1);
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    return Response.json({ live, slots: table.length, memory: memory.buffer.byteLength, kinds });
  },
};
`;

/**
 * In front of the Worker's own module when its parts can be broken. What stands between the Worker and a part is told over
 * HTTP what to do, below a path that no route has; the Worker itself is the one that is deployed. An object whose calls are
 * intercepted here does not run, as one that the platform cannot start; its alarms go on.
 */
export const BREAKER = `
import worker, * as built from "./index.js";
export * from "./index.js";
let broken = {};
const answers = { throws: () => { throw new Error("broken for a test"); }, hangs: () => new Promise((resolve) => setTimeout(resolve, 60_000)) };
function brokenly(part, garbage, whole) {
  const how = broken[part];
  if (how === undefined) return whole();
  return how === "garbage" ? garbage() : answers[how]();
}
/** KV alone: it takes no writes; it takes them, and reads are served what there was at the first look. */
const old = new Map();
async function kvGet(kv, key, ...how) {
  if (broken.POSTERN_KV !== "old") return kv.get(key, ...how);
  if (!old.has(key)) old.set(key, await kv.get(key, ...how));
  return old.get(key);
}
const kvOnly = (how) => how === "takes-no-writes" || how === "old";
/** No plain object: those are settings. */
class Part { constructor(calls) { Object.assign(this, calls); } }
const made = new WeakMap();
function breakable(env) {
  if (made.has(env)) return made.get(env);
  const own = { ...env };
  for (const part of ["ACCOUNT", "REVOCATION_FEED", "KEY_RING", "THROTTLE", "METRICS", "ISSUER_KEYS", "AUDIT_LOG"]) {
    const namespace = env[part];
    own[part] = new Part({ getByName: (name) => ({
      fetch: async (request) => brokenly(part, () => new Response("<html>"), () => namespace.getByName(name).fetch(request)),
    }) });
  }
  const kv = env.POSTERN_KV;
  own.POSTERN_KV = new Part({
    get: async (...given) => kvOnly(broken.POSTERN_KV) ? kvGet(kv, ...given) : brokenly("POSTERN_KV", () => "<html>", () => kv.get(...given)),
    put: async (...given) => {
      if (broken.POSTERN_KV === "takes-no-writes") throw new Error("KV PUT failed: 429 Too Many Requests");
      return kvOnly(broken.POSTERN_KV) ? kv.put(...given) : brokenly("POSTERN_KV", () => undefined, () => kv.put(...given));
    },
  });
  const db = env.DB;
  own.DB = new Part({ prepare: (sql) => {
    const statement = db.prepare(sql);
    return { bind: (...values) => {
      const bound = statement.bind(...values);
      return { all: async () => brokenly("DB", () => ({ results: [{ "<html>": 1 }] }), () => bound.all()) };
    } };
  } });
  made.set(env, own);
  return own;
}
export class RevocationFeed extends built.RevocationFeed {
  constructor(state, env) { super(state, breakable(env)); }
}
export class Account extends built.Account {
  constructor(state, env) { super(state, breakable(env)); }
}
export class KeyRing extends built.KeyRing {
  constructor(state, env) { super(state, breakable(env)); }
}
export default {
  fetch(request, env, context) {
    if (new URL(request.url).pathname === "/.break") return request.json().then((parts) => { broken = parts; old.clear(); return new Response(); });
    return worker.fetch(request, breakable(env), context);
  },
  scheduled: (event, env, context) => worker.scheduled(event, breakable(env), context),
};
`;
