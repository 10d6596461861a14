// `wrangler dev`, as `make dev` runs it, in front of the built Worker: it goes on after a client that breaks off.
import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "./support/poll.ts";
import { freePort } from "./support/port.ts";
import { RawOrigin } from "./support/raw-origin.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

let folder: string;
let origin: RawOrigin;
let wrangler: ChildProcess;
let port: number;
let printed = "";

/** wrangler.toml as it is, but what is built is there already, and one route leads to the origin of this test. */
async function configuration(): Promise<string> {
  const toml = await readFile(join(root, "wrangler.toml"), "utf8");
  return [
    toml.replace('"build/index.js"', JSON.stringify(join(root, "build/index.js"))).replace(/^\[build\]\n(?:[^[\n].*\n)+/m, ""),
    "[vars]",
    'POSTERN_PROFILE = "local"',
    'POSTERN_ISSUER = "http://localhost:8787"',
    `POSTERN_MASTER_KEY = "${randomBytes(32).toString("base64url")}"`,
    "[[vars.POSTERN_ROUTES]]",
    'name = "upload"\npath = "/upload"\naccess = "public"',
    `upstream = "${origin.url}"`,
    "",
  ].join("\n");
}

const isUp = () => fetch(`http://127.0.0.1:${port}/healthz`).then(({ status }) => status === 200, () => false);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "postern-dev-"));
  // Takes the head and waits for the rest.
  origin = await RawOrigin.start({ "/upload": () => {} });
  await writeFile(join(folder, "wrangler.toml"), await configuration());
  port = await freePort();
  const environment = { ...process.env, WRANGLER_SEND_METRICS: "false", WRANGLER_HIDE_BANNER: "true", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_LOG_PATH: join(folder, "logs"), CI: "true" };
  const options = ["dev", "-c", join(folder, "wrangler.toml"), "--ip", "127.0.0.1", "--port", String(port), "--inspector-port", String(await freePort()), "--persist-to", join(folder, "state")];
  // A group of its own: wrangler starts workerd, and both have to end with this test.
  wrangler = spawn(join(root, "node_modules/.bin/wrangler"), options, { cwd: folder, env: environment, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [wrangler.stdout, wrangler.stderr]) stream?.on("data", (chunk: Buffer) => (printed += chunk.toString()));
  await eventually("the dev server", async () => ((await isUp()) ? true : undefined), 50_000);
});

afterAll(async () => {
  if (wrangler.pid !== undefined && wrangler.exitCode === null) {
    const gone = once(wrangler, "exit");
    process.kill(-wrangler.pid, "SIGKILL");
    await gone;
  }
  await origin.stop();
  await rm(folder, { recursive: true, force: true });
});

test("it lives when clients break off their uploads", async () => {
  for (const [number, framing] of ["content-length: 1000000", "transfer-encoding: chunked", "content-length: 1000000"].entries()) {
    const client = connect(port, "127.0.0.1");
    client.on("error", () => {});
    client.write(`POST /upload HTTP/1.1\r\nhost: 127.0.0.1\r\n${framing}\r\n\r\n4\r\npart\r\n`);
    await eventually("the upload at the origin", () => (origin.count("/upload") > number ? true : undefined));
    if (number === 2) client.resetAndDestroy();
    else client.destroy();
    await delay(500);
    expect(await isUp(), printed).toBe(true);
  }
  expect(wrangler.exitCode, printed).toBeNull();
});
