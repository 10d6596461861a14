// `make bench PART=start`: how long an isolate takes until its first answer, what a workerd holds after 100 000 requests, and
// what Argon2id costs in WASM beside the same crate natively. ONLY="start memory argon2" picks; ROUNDS=21, REQUESTS=100000.
import { execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request as send } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Json } from "miniflare";
import { bindingsOf } from "../tests/worker/harness-config.ts";
import { startPostern } from "../tests/worker/harness.ts";
import { PASSWORD, settings } from "../tests/worker/support/config.ts";
import { workerd } from "../tests/worker/support/cpu.ts";
import { Issuer, issuerKey } from "../tests/worker/support/issuer.ts";
import { freePort } from "../tests/worker/support/port.ts";
import { startWorkerd } from "../tests/worker/support/workerd.ts";
import { modules } from "./bundle.ts";
import { lines, program } from "./counts.ts";
import { made, onMachine, record, recorded, table } from "./pages.ts";
import { cpuOf, plot, spread, type Spread } from "./measure.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const WORKERD = join(root, "node_modules/@cloudflare/workerd-linux-64/bin/workerd");
const ROUNDS = Number(process.env["ROUNDS"] ?? 21);
const REQUESTS = Number(process.env["REQUESTS"] ?? 100_000);
const PARTS = (process.env["ONLY"] ?? "start memory argon2").split(" ");
const JAVASCRIPT = "JavaScript, no-op";
const NOOP = 'export default { fetch() { return new Response("ok"); } };\n';
const bindings = await bindingsOf(join(root, "wrangler.toml"));

// --- start -----------------------------------------------------------------------------------------------------------

interface Start {
  /** From the process's birth to the end of the first answer, in milliseconds. */
  wall: Spread;
  /** Processor time of all threads by then. */
  cpu: Spread;
}

/** A workerd configuration for one Worker: its modules and its variables, nothing to wait for. */
function configuration(modules: string[], vars: Record<string, unknown>, address: string): string {
  const quoted = (text: string) => JSON.stringify(text);
  const binding = ([name, value]: [string, unknown]) =>
    typeof value === "string" ? `(name = ${quoted(name)}, text = ${quoted(value)})` : `(name = ${quoted(name)}, json = ${quoted(JSON.stringify(value))})`;
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = (
    modules = [${modules.join(", ")}],
    bindings = [${Object.entries(vars).map(binding).join(", ")}],
    compatibilityDate = ${quoted(bindings.compatibilityDate)},
    compatibilityFlags = [${bindings.compatibilityFlags.map(quoted).join(", ")}],
  ))],
  sockets = [(name = "http", address = ${quoted(address)}, http = (), service = "main")],
);
`;
}

function ask(port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    send({ host: "127.0.0.1", port, path: "/orders", agent: false }, (answer) => answer.resume().on("end", () => resolve(answer.statusCode)))
      .on("error", () => resolve(undefined)) // it does not listen yet
      .end();
  });
}

async function startOnce(folder: string, modules: string[], vars: Record<string, unknown>, status: number): Promise<{ wall: number; cpu: number }> {
  const port = await freePort();
  writeFileSync(join(folder, "config.capnp"), configuration(modules, vars, `127.0.0.1:${port}`));
  // Compiled beforehand: workerd needs 3 to 4 ms for each MB that a text embeds, and an isolate has no part in that.
  writeFileSync(join(folder, "config.bin"), execFileSync(WORKERD, ["compile", "--config-only", join(folder, "config.capnp")], { maxBuffer: 1 << 27, stdio: ["ignore", "pipe", "pipe"] }));
  const begun = performance.now();
  const child = spawn(WORKERD, ["serve", "--binary", join(folder, "config.bin")], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text: Buffer) => (said += text.toString()));
  try {
    for (;;) {
      if (child.exitCode !== null) throw new Error(`workerd ended:\n${said}`);
      const found = await ask(port);
      if (found === undefined) continue;
      const wall = performance.now() - begun;
      if (found !== status) throw new Error(`${found} instead of ${status}:\n${said}`);
      return { wall, cpu: cpuOf(String(child.pid)) / 1000 };
    }
  } finally {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
}

async function starts(): Promise<Record<string, Start>> {
  const folder = mkdtempSync(join(tmpdir(), "postern-start-"));
  writeFileSync(join(folder, "noop.js"), NOOP);
  // Beside the configuration: what it embeds it looks for there.
  const embed = (name: string, kind: string, file: string) => `(name = ${JSON.stringify(name)}, ${kind} = embed ${JSON.stringify(file)})`;
  const wasm = (name: string, built: string) =>
    ([["index.js", "esModule"], ["index_bg.wasm", "wasm"]] as const).map(([file, kind]) => {
      copyFileSync(join(built, file), join(folder, `${name}-${file}`));
      return embed(file, kind, `${name}-${file}`);
    });
  const vars = JSON.parse(JSON.stringify(settings({ POSTERN_PROFILE: "local", POSTERN_MASTER_KEY: randomBytes(32).toString("base64url"), POSTERN_ROUTES: [{ name: "orders", path: "/orders", upstream: "http://127.0.0.1:9" }] }))) as Record<string, unknown>;
  const workers: [string, string[], Record<string, unknown>, number][] = [
    [JAVASCRIPT, [embed("noop.js", "esModule", "noop.js")], {}, 200],
    ["Rust, no-op (workers-rs)", wasm("floor", join(root, "bench/floor/usual")), {}, 401],
    ["Postern", wasm("postern", join(root, "build")), vars, 401],
  ];
  const found = new Map<string, { wall: number[]; cpu: number[] }>(workers.map(([name]) => [name, { wall: [], cpu: [] }]));
  try {
    // The first round fills the file cache.
    for (let round = -1; round < ROUNDS; round += 1) {
      for (const [name, modules, its, status] of workers) {
        const { wall, cpu } = await startOnce(folder, modules, its, status);
        if (round < 0) continue;
        found.get(name)?.wall.push(wall);
        found.get(name)?.cpu.push(cpu);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  const floor = found.get("Rust, no-op (workers-rs)");
  const ours = found.get("Postern");
  const more = (of: "wall" | "cpu") => spread((ours?.[of] ?? []).map((value, round) => value - (floor?.[of][round] ?? Number.NaN)));
  return {
    ...Object.fromEntries([...found].map(([name, { wall, cpu }]) => [name, { wall: spread(wall), cpu: spread(cpu) }])),
    "Postern less the Rust no-op, round by round": { wall: more("wall"), cpu: more("cpu") },
  };
}

// --- memory ----------------------------------------------------------------------------------------------------------

interface Memory {
  requests: number;
  /** Resident bytes of workerd, in MB. */
  resident: number;
}

const resident = (pid: string): number => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1000;

/** Requests with tokens that are all different, each refused for want of a scope after everything about it was checked; or
 * the same number of requests to a Worker that does nothing, since what the runtime holds grows too. */
async function memory(noop: boolean): Promise<Memory[]> {
  const issuer = await Issuer.start([await issuerKey("ES256")]);
  const vars = settings({
    POSTERN_PROFILE: "local",
    POSTERN_MASTER_KEY: randomBytes(32).toString("base64url"),
    POSTERN_ISSUERS: [issuer.setting()],
    POSTERN_JWKS: { soft_age: 86_400 },
    POSTERN_ROUTES: [{ name: "refuse", path: "/verify", scopes_all: ["nobody:has-this"], upstream: "http://127.0.0.1:9" }],
  });
  const miniflare = startWorkerd({
    workers: [
      {
        name: "postern",
        ...(noop
          ? { modules: [{ type: "ESModule" as const, path: "noop.js", contents: NOOP }] }
          : {
              ...modules(join(root, "build")),
              durableObjects: bindings.durableObjects,
            }),
        compatibilityDate: bindings.compatibilityDate,
        compatibilityFlags: bindings.compatibilityFlags,
        kvNamespaces: bindings.kvNamespaces,
        d1Databases: bindings.d1Databases,
        bindings: JSON.parse(JSON.stringify(vars)) as Record<string, Json>,
        unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
      },
    ],
  });
  const agent = new Agent({ keepAlive: true, maxSockets: 8 });
  const steps: Memory[] = [];
  try {
    await miniflare.ready;
    const url = new URL("/verify", await miniflare.unsafeGetDirectURL("postern"));
    const pid = workerd();
    const status = (token: string) =>
      new Promise<number>((resolve, reject) => {
        send(url, { agent, headers: { authorization: `Bearer ${token}` } }, (answer) => answer.resume().on("end", () => resolve(answer.statusCode ?? 0)))
          .on("error", reject)
          .end();
      });
    const step = Math.max(1, REQUESTS / 10);
    for (let sent = 0; sent <= REQUESTS; sent += 1) {
      if (sent % step === 0) steps.push({ requests: sent, resident: resident(pid) });
      if (sent === REQUESTS || sent % 8 !== 0) continue;
      const answers = await Promise.all(Array.from({ length: 8 }, async (_, index) => status(noop ? "none" : await issuer.token("ES256-1", { sub: `user-${sent + index}`, roles: ["user", "editor"], tenant_id: "tenant-7" }))));
      const other = answers.find((answer) => answer !== (noop ? 200 : 403));
      if (other !== undefined) throw new Error(`${other} of a request for memory`);
    }
  } finally {
    agent.destroy();
    await miniflare.dispose();
    await issuer.stop();
  }
  return steps;
}

// --- Argon2id --------------------------------------------------------------------------------------------------------

interface Argon2 {
  /** Milliseconds of processor time for one hash with the default parameters. */
  wasm: Spread;
  native: Spread;
  ratio: number;
}

/** In WASM a sign-in with the default parameters, less one with the cheapest: what lies between is the hash. */
async function argon2(): Promise<Argon2> {
  const costs = async (password: Record<string, number> | undefined): Promise<number[]> => {
    const postern = await startPostern({ origin: false, vars: settings({ ...(password ? { POSTERN_PASSWORD: password } : {}), POSTERN_REGISTRATION: "open" }) });
    try {
      const pid = String(postern.pid);
      const call = async (path: string, body: unknown) => {
        const answer = await postern.fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
        const text = await answer.text();
        if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text}`);
      };
      await call("/auth/register", { login: "argon2@example.com", password: PASSWORD });
      const found: number[] = [];
      for (let round = -5; round < 15; round += 1) {
        const before = cpuOf(pid);
        await call("/auth/login", { login: "argon2@example.com", password: PASSWORD, delivery: "body" });
        if (round >= 0) found.push((cpuOf(pid) - before) / 1000);
      }
      return found;
    } finally {
      await postern.dispose();
    }
  };
  const cheap = spread(await costs({ memory_kib: 32, iterations: 1 })).median;
  const wasm = spread((await costs(undefined)).map((cost) => cost - cheap));
  const [times] = lines<number[]>(program(), "argon2");
  const native = spread(times ?? []);
  return { wasm, native, ratio: Math.round((wasm.median / native.median) * 100) / 100 };
}

// --- the page --------------------------------------------------------------------------------------------------------

const render = process.argv.includes("--render");
if (!render && PARTS.includes("start")) await record("start", await starts());
if (!render && PARTS.includes("memory")) await record("memory", { [JAVASCRIPT]: await memory(true), Postern: await memory(false) });
if (!render && PARTS.includes("argon2")) await record("argon2", await argon2());

const cells = ({ median, min, max }: Spread) => [median.toFixed(1), `${min.toFixed(1)} to ${max.toFixed(1)}`];
const parts: string[] = [];

const started = await recorded<Record<string, Start>>("start");
if (started) {
  const rows = Object.entries(started).map(([name, { wall, cpu }]) => [name, ...cells(cpu), ...cells(wall)]);
  parts.push(`### From the start of workerd to the first answer\n\n${table(["milliseconds", "CPU, median", "min to max", "elapsed, median", "min to max"], rows)}\n\n${Object.values(started)[0]?.wall.rounds} rounds, in turn.`);
}

const held = await recorded<Record<string, Memory[]>>("memory");
if (held) {
  const names = Object.keys(held);
  const rows = (held["Postern"] ?? []).map(({ requests }, step) => [requests, ...names.map((name) => held[name]?.[step]?.resident.toFixed(0) ?? "")]);
  parts.push(`### Memory\n\nResident MB of workerd.\n\n${table(["requests", ...names], rows)}\n\n![Memory over requests](growth-memory.svg)`);
  const curves = names.map((name) => ({ name, points: (held[name] ?? []).map(({ requests, resident: value }): [number, number] => [requests, value]) }));
  await plot("growth-memory", { title: "workerd, resident MB over requests", x: "requests", y: "MB", log: false, curves });
}

const hashed = await recorded<Argon2>("argon2");
if (hashed) {
  parts.push(`### Argon2id\n\n${table(["milliseconds of CPU a hash, 19 MiB, two passes", "median", "min to max"], [["in WASM, in workerd", ...cells(hashed.wasm)], ["the same crate natively", ...cells(hashed.native)]])}\n\nRatio ${hashed.ratio}.`);
}

const text = parts.join("\n\n");
await made("growth.md", "make bench PART=start", `${text}\n\n${onMachine}`);
console.log(text);
