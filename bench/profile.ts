// Where the time of one lane goes: V8's own profile of a Worker under load, as self times by function. `node
// bench/profile.ts "Postern, hit"`. Functions of WASM have names when build/index_bg.names.wasm is there.
import { cpSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ordinary } from "./lanes.ts";
import { start } from "./rig.ts";

interface Profile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number }; children?: number[] }[];
  samples: number[];
  timeDeltas: number[];
}

const REQUESTS = Number(process.env["BENCH_BLOCK"] ?? 3000);
const root = fileURLToPath(new URL("../", import.meta.url));

/** The build with its names. */
function named(): string {
  const folder = mkdtempSync(join(tmpdir(), "postern-profile-"));
  cpSync(join(root, "build/index.js"), join(folder, "index.js"));
  const names = join(root, "build/index_bg.names.wasm");
  cpSync(existsSync(names) ? names : join(root, "build/index_bg.wasm"), join(folder, "index_bg.wasm"));
  return folder;
}

async function session(url: URL) {
  const socket = new WebSocket(url);
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener("message", ({ data }) => {
    const { id, result } = JSON.parse(String(data)) as { id?: number; result?: unknown };
    if (id !== undefined) waiting.get(id)?.(result);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  let last = 0;
  return {
    call: (method: string, params: object = {}) =>
      new Promise<unknown>((resolve) => {
        last += 1;
        waiting.set(last, resolve);
        socket.send(JSON.stringify({ id: last, method, params }));
      }),
    close: () => socket.close(),
  };
}

function shown({ nodes, samples, timeDeltas }: Profile): void {
  const self = new Map<string, number>();
  const names = new Map(nodes.map(({ id, callFrame }) => [id, callFrame.functionName || `(anonymous, line ${callFrame.lineNumber + 1})`]));
  let total = 0;
  samples.forEach((id, at) => {
    const name = names.get(id) ?? "?";
    const micros = timeDeltas[at] ?? 0;
    if (name === "(idle)") return;
    self.set(name, (self.get(name) ?? 0) + micros);
    total += micros;
  });
  console.log(`${(total / REQUESTS).toFixed(1)} µs a request inside V8 (with the profiler's own cost)`);
  const rows = [...self].toSorted(([, a], [, b]) => b - a).slice(0, Number(process.env["ROWS"] ?? 45));
  for (const [name, micros] of rows) console.log((micros / REQUESTS).toFixed(2).padStart(8), name.slice(0, 150));
}

const wanted = process.argv[2] ?? "Postern, hit";
const folder = named();
const rig = await start(ordinary(new Map([["Postern", folder]])), 0);
try {
  const lane = rig.lanes.find(({ name }) => name === wanted);
  if (!lane || !rig.inspector) throw new Error(`no such lane: ${rig.lanes.map(({ name }) => name).join("; ")}`);
  const list = (await (await fetch(new URL("/json", rig.inspector.href.replace("ws:", "http:")))).json()) as { id: string; webSocketDebuggerUrl: string }[];
  const target = list.find(({ id }) => id.includes(lane.worker)) ?? list[0];
  await rig.block(lane, 2000);
  const { call, close } = await session(new URL(target?.webSocketDebuggerUrl ?? ""));
  await call("Profiler.enable");
  await call("Profiler.setSamplingInterval", { interval: 50 });
  await call("Profiler.start");
  await rig.block(lane, REQUESTS);
  const { profile } = (await call("Profiler.stop")) as { profile: Profile };
  close();
  shown(profile);
} finally {
  await rig.stop();
  rmSync(folder, { recursive: true });
}
process.exit(0);
