// The platform and nothing else: a Worker whose objects do one thing for each path, /OBJECT/THING, so that a test sees what
// workerd makes of it. The tests of the platform say what each is for.
import { DurableObject } from "cloudflare:workers";

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

/** The properties of an exception that a caller sees. */
const seen = (error) => ({
  message: error.message,
  retryable: error.retryable ?? false,
  remote: error.remote ?? false,
  overloaded: error.overloaded ?? false,
});

/** CPU work for some tenths of a second. */
function work() {
  let sum = 0;
  for (let round = 0; round < 100_000_000; round += 1) sum = (sum + round) % 1_000_003;
  return sum;
}

export class Probe extends DurableObject {
  #born = crypto.randomUUID();

  constructor(ctx, env) {
    super(ctx, env);
    this.sql = ctx.storage.sql;
    this.sql.exec("CREATE TABLE IF NOT EXISTS notes (number INTEGER PRIMARY KEY, word TEXT, at INTEGER)");
  }

  note(word) {
    this.sql.exec("INSERT INTO notes (word, at) VALUES (?, ?)", word, Date.now());
  }

  async fetch(request) {
    const { pathname, searchParams } = new URL(request.url);
    const [, name, thing] = pathname.split("/");
    const answer = await this[thing](Object.fromEntries(searchParams), name);
    return Response.json(answer ?? null);
  }

  born() {
    return this.#born;
  }

  notes() {
    return this.sql.exec("SELECT word, at FROM notes ORDER BY number").toArray();
  }

  mark() {
    this.note("mark");
  }

  /** Sends itself a message, and waits for something meanwhile. */
  async hold({ on }, name) {
    this.note("enter");
    const other = this.env.SELF.fetch(`http://probe/${name}/mark`);
    if (on === "sql") for (let row = 0; row < 2000; row += 1) this.sql.exec("SELECT count(*) FROM notes").one();
    if (on === "storage") {
      for (let row = 0; row < 300; row += 1) {
        await this.ctx.storage.put(`row ${row}`, row);
        await this.ctx.storage.get(`row ${row}`);
      }
    }
    if (on === "block") await this.ctx.blockConcurrencyWhile(() => sleep(300));
    if (on === "timer") await sleep(500);
    if (on === "fetch") await (await this.env.SLOW.fetch("http://slow/")).text();
    if (on === "kv") for (let read = 0; read < 100; read += 1) await this.env.KV.get(`key ${read}`);
    if (on === "d1") for (let read = 0; read < 100; read += 1) await this.env.DB.prepare("SELECT 1").run();
    this.note("leave");
    await other;
  }

  write() {
    this.note("one");
    this.note("two");
  }

  /** Two writes, and a long time between them. */
  async part({ waits }) {
    this.note("one");
    if (waits) await sleep(1);
    console.log(`between: ${waits ? "waits" : "works"}`);
    if (waits) await sleep(60_000);
    else for (;;) work();
  }

  abort() {
    this.note("before the reset");
    this.ctx.abort("the reset");
  }

  async abortLater() {
    this.note("before the reset");
    await sleep(200);
    this.ctx.abort("the reset");
  }

  fail() {
    this.note("before the error");
    throw new Error("uncaught");
  }

  async waits() {
    this.note("enter");
    await sleep(60_000);
  }

  async ring({ after, how = "" }) {
    await this.ctx.storage.put("how", how);
    await this.ctx.storage.setAlarm(Date.now() + Number(after));
  }

  async alarm({ retryCount, isRetry } = {}) {
    const how = (await this.ctx.storage.get("how")) ?? "";
    const rings = this.notes().filter(({ word }) => word.startsWith("ring")).length;
    this.note(`ring ${retryCount} ${isRetry}`);
    const alarm = await this.ctx.storage.getAlarm();
    if (alarm !== null) this.note("still set");
    if (how === "again" && rings === 0) {
      await this.ctx.storage.setAlarm(Date.now());
      await sleep(300);
    }
    if (how.startsWith("set and") && rings === 0) await this.ctx.storage.setAlarm(Date.now() + 60_000);
    if (how.endsWith("abort") && rings === 0) {
      await sleep(100);
      this.ctx.abort("the reset");
    }
    if (how === "fail always" || (how === "fail" && rings < 2) || (how === "set and fail" && rings === 0)) throw new Error("the alarm fails");
    if (how === "hang" && rings === 0) {
      console.log("the alarm hangs");
      await sleep(60_000);
    }
    this.note("done");
  }

  alarmAt() {
    return this.ctx.storage.getAlarm();
  }

  async clear() {
    await this.ctx.storage.deleteAll();
    return this.ctx.storage.getAlarm();
  }
}

/** What the Worker does itself: /-/THING. */
const own = {
  async reset(env, _ctx, { how, name }) {
    const stub = env.PROBE.getByName(name);
    const ask = (thing, from = stub) => from.fetch(`http://probe/${name}/${thing}`).then((answer) => answer.json());
    const born = await ask("born");
    const pending = how === "abort" ? ask("waits").catch(seen) : undefined;
    const caller = await ask(how).catch(seen);
    const waiting = await pending;
    const old = await ask("born").catch(seen);
    const fresh = await ask("born", env.PROBE.getByName(name)).catch(seen);
    return { caller, waiting, isOldStubBroken: typeof old !== "string", old, isSameInstance: fresh === born };
  },
  async kv(env) {
    const key = crypto.randomUUID();
    const refused = (promise) => promise.then(() => "accepted", (error) => error.message);
    const missing = await env.KV.get(key);
    await env.KV.put(key, "one");
    await env.KV.put(key, "two");
    return {
      missing,
      newest: await env.KV.get(key),
      ttl29: await refused(env.KV.get(key, { cacheTtl: 29 })),
      ttl30: await refused(env.KV.get(key, { cacheTtl: 30 })),
      expires59: await refused(env.KV.put(key, "three", { expirationTtl: 59 })),
      expires60: await refused(env.KV.put(key, "three", { expirationTtl: 60 })),
    };
  },
  async later(env, ctx, { key, ms }) {
    ctx.waitUntil(sleep(Number(ms)).then(() => env.KV.put(key, "written after the answer")));
  },
  read: (env, _ctx, { key }) => env.KV.get(key),
  async database(env) {
    await env.DB.batch([
      env.DB.prepare("CREATE TABLE IF NOT EXISTS rows (word TEXT)"),
      env.DB.prepare("INSERT INTO rows VALUES ('answered')"),
    ]);
  },
  async rows(env) {
    return (await env.DB.prepare("SELECT word FROM rows").all()).results;
  },
};

export default {
  async fetch(request, env, ctx) {
    const { pathname, searchParams } = new URL(request.url);
    const [, name, thing] = pathname.split("/");
    if (name !== "-") return env.PROBE.getByName(name).fetch(request);
    return Response.json((await own[thing](env, ctx, Object.fromEntries(searchParams))) ?? null);
  },
};
