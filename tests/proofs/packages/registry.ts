// A registry on loopback (verdaccio), which has our packages and asks the usual one for all others.
import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../../worker/support/port.ts";

/** Starts it in a folder of its own; its URL, and what ends it. */
export async function startRegistry(folder: string, uplink: string): Promise<{ url: string; stop: () => void }> {
  mkdirSync(folder);
  const url = `http://127.0.0.1:${await freePort()}/`;
  const settings = {
    storage: join(folder, "storage"),
    uplinks: { usual: { url: uplink, timeout: "60s" } },
    packages: {
      // Ours are here alone: a package of the same name elsewhere must not come in.
      postern: { access: "$all", publish: "$all" },
      "create-postern": { access: "$all", publish: "$all" },
      "@postern/*": { access: "$all", publish: "$all" },
      "**": { access: "$all", proxy: "usual" },
    },
    log: { type: "file", path: join(folder, "log"), level: "warn" },
  };
  writeFileSync(join(folder, "config.json"), JSON.stringify(settings));
  const child = spawn(process.execPath, [join(import.meta.dirname, "node_modules/.bin/verdaccio"), "--config", join(folder, "config.json"), "--listen", url], { stdio: "ignore" });
  for (let tries = 0; tries < 300; tries += 1) {
    if (child.exitCode !== null) throw new Error(`verdaccio ended with ${child.exitCode}`);
    if ((await fetch(new URL("-/ping", url)).catch(() => undefined))?.ok === true) return { url, stop: () => child.kill() };
    await delay(100);
  }
  child.kill();
  throw new Error("verdaccio does not answer");
}
