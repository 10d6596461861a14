// workerd under valgrind's callgrind: instructions a request, which a busy machine does not change. Three things differ from a
// plain run: the kernel's work is not in it, memory is dearer, since the allocator's fast path does not run there, and V8
// leaves JavaScript in its interpreter. So it is for lanes that are nearly all the platform's own work.
import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { workerd } from "./measure.ts";
import { root, type Rig } from "./rig.ts";

/** Before anything is counted: caches fill, and workerd makes its connections. */
const WARM_UP = 300;
const BLOCK = 30;
/** The least of them counts: some have a collection of garbage in them. */
const TIMES = 3;

/** Instructions of all threads so far. */
function instructions(pid: string): number {
  const said = execFileSync("callgrind_control", ["-e", pid], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return [...said.matchAll(/^\s*Th\s+\d+\s+([\d,]+)/gm)].reduce((sum, [, count = ""]) => sum + Number(count.replaceAll(",", "")), 0);
}

/** Thousands of instructions a request, by lane, of one Worker. `started` starts a rig. */
export async function counted(worker: string, started: () => Promise<Rig>): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), "postern-callgrind-"));
  const binary = createRequire(join(root, "package.json"))("workerd") as { default: string };
  const script = join(folder, "workerd");
  writeFileSync(script, `#!/bin/sh\nexec valgrind --quiet --tool=callgrind --callgrind-out-file=${folder}/out ${binary.default} "$@"\n`);
  chmodSync(script, 0o755);
  process.env["MINIFLARE_WORKERD_PATH"] = script;
  const rig = await started();
  try {
    const pid = workerd();
    const found: Record<string, number> = {};
    for (const lane of rig.lanes.filter((lane) => lane.worker === worker)) {
      await rig.first(lane);
      await rig.block(lane, WARM_UP);
      const counts: number[] = [];
      for (let time = 0; time < TIMES; time += 1) {
        const before = instructions(pid);
        await rig.block(lane, BLOCK);
        counts.push((instructions(pid) - before) / BLOCK / 1000);
      }
      found[lane.name] = Math.round(Math.min(...counts));
    }
    return found;
  } finally {
    delete process.env["MINIFLARE_WORKERD_PATH"];
    await rig.stop();
    rmSync(folder, { recursive: true });
  }
}
