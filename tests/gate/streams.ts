// Bodies through the gate, both ways: byte for byte, what workerd's memory peaks at, and events that arrive when they are
// sent. Prints figures; fails on the first byte that differs.
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { startPostern } from "../worker/harness.ts";

const MB = 1024 * 1024;
const SIZES = [0, 1, 64 * 1024, 100 * MB];
const EVENTS = 5;
const PAUSE_MS = 200;

/** The same bytes for the same size, none of them compressible to nothing. */
function* content(size: number): Generator<Buffer> {
  let left = size;
  for (let block = 0; left > 0; block += 1) {
    const seed = createHash("sha512").update(String(block)).digest();
    const chunk = Buffer.alloc(Math.min(left, 64 * 1024), seed);
    left -= chunk.length;
    yield chunk;
  }
}

function digestOf(size: number): string {
  const hash = createHash("sha256");
  for (const chunk of content(size)) hash.update(chunk);
  return hash.digest("hex");
}

async function drain(stream: IncomingMessage): Promise<{ bytes: number; digest: string }> {
  const hash: Hash = createHash("sha256");
  let bytes = 0;
  for await (const chunk of stream) {
    hash.update(chunk as Buffer);
    bytes += (chunk as Buffer).length;
  }
  return { bytes, digest: hash.digest("hex") };
}

const origin = createServer(async (incoming, response) => {
  const url = new URL(incoming.url ?? "/", "http://origin");
  if (url.pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let event = 0; event < EVENTS; event += 1) {
      response.write(`data: ${event} ${Date.now()}\n\n`);
      await delay(PAUSE_MS);
    }
    response.end();
  } else if (incoming.method === "POST") {
    response.end(JSON.stringify(await drain(incoming)));
  } else {
    const size = Number(url.searchParams.get("size"));
    response.writeHead(200, { "content-length": size });
    for (const chunk of content(size)) if (!response.write(chunk)) await once(response, "drain");
    response.end();
  }
});
origin.listen(0, "127.0.0.1");
await once(origin, "listening");

const postern = await startPostern({
  direct: true,
  vars: {
    POSTERN_ROUTES: [
      { name: "all", path: "/{*rest}", access: "public", upstream: `http://127.0.0.1:${(origin.address() as AddressInfo).port}` },
    ],
  },
});

/** A figure of /proc/PID/status in MB. */
function memory(name: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${postern.pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

let failed = 0;
function check(what: string, holds: boolean): void {
  console.log(`${holds ? "equal " : "DIFFER"}  ${what}`);
  if (!holds) failed += 1;
}

try {
  console.log(`workerd before: ${memory("VmRSS")} MB`);
  for (const size of SIZES) {
    const expected = digestOf(size);
    const down = request(`${postern.url}/down?size=${size}`, { agent: false });
    down.end();
    const [answer] = (await once(down, "response")) as [IncomingMessage];
    const got = await drain(answer);
    check(`${size} bytes down, peak ${memory("VmHWM")} MB`, got.bytes === size && got.digest === expected);

    const up = request(`${postern.url}/up`, { agent: false, method: "POST", headers: { "content-length": size } });
    const answered = once(up, "response") as Promise<[IncomingMessage]>;
    for (const chunk of content(size)) if (!up.write(chunk)) await once(up, "drain");
    up.end();
    const [receipt] = await answered;
    let text = "";
    for await (const chunk of receipt) text += String(chunk);
    const seen = JSON.parse(text) as { bytes: number; digest: string };
    check(`${size} bytes up, peak ${memory("VmHWM")} MB`, seen.bytes === size && seen.digest === expected);
  }

  const events = request(`${postern.url}/events`, { agent: false });
  events.end();
  const [stream] = (await once(events, "response")) as [IncomingMessage];
  const lags: number[] = [];
  for await (const chunk of stream) {
    const sent = /data: \d+ (\d+)/.exec(String(chunk))?.[1];
    if (sent) lags.push(Date.now() - Number(sent));
  }
  check(`${lags.length} events, each in a piece of its own, at most ${Math.max(...lags)} ms after it was sent`, lags.length === EVENTS && Math.max(...lags) < PAUSE_MS);
} finally {
  await postern.dispose();
  origin.close();
  origin.closeAllConnections();
}
process.exitCode = failed === 0 ? 0 : 1;
