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
  for (const part of ["ACCOUNT", "REVOCATION_FEED", "KEY_RING", "THROTTLE"]) {
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
