// Bodies through the gate, both ways: byte for byte, what workerd's memory peaks at, and events that arrive when they are
// sent. What differs is a failure.
import { createHash, type Hash } from "node:crypto";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, request, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { report, type Part, type Report } from "./part.ts";

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

async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
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
}

/** A figure of /proc/PID/status in MB. */
function memory(postern: Postern, name: "VmHWM" | "VmRSS"): number {
  const status = readFileSync(`/proc/${postern.pid}/status`, "utf8");
  return Math.round(Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1]) / 1024);
}

async function down(postern: Postern, size: number): Promise<{ bytes: number; digest: string }> {
  const asked = request(`${postern.url}/down?size=${size}`, { agent: false });
  asked.end();
  const [answer] = (await once(asked, "response")) as [IncomingMessage];
  return drain(answer);
}

async function up(postern: Postern, size: number): Promise<{ bytes: number; digest: string }> {
  const asked = request(`${postern.url}/up`, { agent: false, method: "POST", headers: { "content-length": size } });
  const answered = once(asked, "response") as Promise<[IncomingMessage]>;
  for (const chunk of content(size)) if (!asked.write(chunk)) await once(asked, "drain");
  asked.end();
  const [receipt] = await answered;
  let text = "";
  for await (const chunk of receipt) text += String(chunk);
  return JSON.parse(text) as { bytes: number; digest: string };
}

/** How long after it was sent each event arrived, in milliseconds. */
async function eventLags(postern: Postern): Promise<number[]> {
  const asked = request(`${postern.url}/events`, { agent: false });
  asked.end();
  const [stream] = (await once(asked, "response")) as [IncomingMessage];
  const lags: number[] = [];
  for await (const chunk of stream) {
    const sent = /data: \d+ (\d+)/.exec(String(chunk))?.[1];
    if (sent) lags.push(Date.now() - Number(sent));
  }
  return lags;
}

async function play(postern: Postern): Promise<Report> {
  const seen = report();
  const check = (what: string, holds: boolean) => {
    seen.cases += 1;
    (holds ? seen.figures : seen.failures).push(what);
  };
  seen.figures.push(`workerd before: ${memory(postern, "VmRSS")} MB`);
  for (const size of SIZES) {
    const expected = digestOf(size);
    for (const [way, carry] of [["down", down], ["up", up]] as const) {
      const got = await carry(postern, size);
      const equal = got.bytes === size && got.digest === expected;
      check(`${size} bytes ${way} ${equal ? "equal" : "DIFFER"}, peak of workerd's memory so far ${memory(postern, "VmHWM")} MB`, equal);
    }
  }
  const lags = await eventLags(postern);
  const late = Math.max(...lags);
  check(`${lags.length} of ${EVENTS} events, each in a piece of its own, at most ${late} ms after it was sent`, lags.length === EVENTS && late < PAUSE_MS);
  return seen;
}

export const streams: Part = {
  name: "streams",
  async run() {
    const origin = createServer((incoming, response) => void serve(incoming, response));
    origin.listen(0, "127.0.0.1");
    await once(origin, "listening");
    const upstream = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
    const postern = await startPostern({
      direct: true,
      vars: { POSTERN_ROUTES: [{ name: "all", path: "/{*rest}", access: "public", upstream }] },
    });
    try {
      return await play(postern);
    } finally {
      await postern.dispose();
      origin.close();
      origin.closeAllConnections();
    }
  },
};
