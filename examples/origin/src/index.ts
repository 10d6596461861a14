// An origin as it looks behind Postern: it reads who is calling from headers that only the gate can set, and checks no
// token itself. That is safe as long as nothing but the gate can reach it (see the README).

import { spa } from "./spa.ts";

/** The longest a caller may ask /slow to wait: past any sensible upstream timeout, and short of tying up a test run. */
const MAX_DELAY_MS = 60_000;

/** /stream's chunks, and the pause between them: enough to see that they arrive one by one. */
const STREAM_CHUNKS = 5;
const STREAM_PAUSE_MS = 100;

/** Statuses that a `Response` may not carry a body with (Fetch standard, null body status). */
const NULL_BODY_STATUSES = [204, 205, 304];

function json(body: unknown, status = 200): Response {
  return new Response(`${JSON.stringify(body, null, 2)}\n`, {
    status,
    headers: { "content-type": "application/json" },
  });
}

function problem(status: number, title: string): Response {
  return json({ error: title }, status);
}

/** What the gate says about the caller: every x-auth-* header. */
function identity(request: Request): Record<string, string> {
  return Object.fromEntries([...request.headers].filter(([name]) => name.startsWith("x-auth-")));
}

async function orders(request: Request): Promise<Response> {
  const caller = identity(request);
  switch (request.method) {
    case "GET":
    case "HEAD": // The platform leaves the body out.
      return json({ orders: [{ id: 1, item: "portcullis" }, { id: 2, item: "drawbridge chain" }], identity: caller });
    case "POST":
      return json({ created: { id: 3, order: await request.text() }, identity: caller }, 201);
    default:
      return problem(405, "method not allowed");
  }
}

async function echo(request: Request): Promise<Response> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  return json({
    method: request.method,
    url: request.url,
    // Pairs, as a record would hide a repeated name.
    headers: [...request.headers],
    body: new TextDecoder().decode(bytes),
    body_bytes: bytes.length,
  });
}

function withStatus(text: string): Response {
  const status = Number(text);
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    return problem(400, "a status is a number from 200 to 599");
  }
  return NULL_BODY_STATUSES.includes(status) ? new Response(null, { status }) : json({ status }, status);
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function slow(url: URL): Promise<Response> {
  const ms = Number(url.searchParams.get("ms") ?? 1000);
  if (!Number.isFinite(ms) || ms < 0 || ms > MAX_DELAY_MS) {
    return problem(400, `ms is a number from 0 to ${MAX_DELAY_MS}`);
  }
  await pause(ms);
  return json({ slept_ms: ms });
}

function stream(): Response {
  let sent = 0;
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      if (sent > 0) await pause(STREAM_PAUSE_MS);
      controller.enqueue(new TextEncoder().encode(`chunk ${sent}\n`));
      sent += 1;
      if (sent === STREAM_CHUNKS) controller.close();
    },
  });
  return new Response(body, { headers: { "content-type": "text/plain; charset=utf-8" } });
}

/** Sends back every message; the first one it sends by itself is the caller's identity. */
function webSocketEcho(request: Request): Response {
  if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") {
    return problem(426, "this path speaks WebSocket only");
  }
  const { 0: client, 1: server } = new WebSocketPair();
  server.accept();
  // Otherwise binary messages come as a `Blob`, which goes back out empty.
  server.binaryType = "arraybuffer";
  server.send(JSON.stringify({ identity: identity(request) }));
  server.addEventListener("message", (event) => server.send(event.data));
  server.addEventListener("close", (event) => {
    // 1005 and 1006 mean "no code was sent": they may not be sent either (RFC 6455 section 7.4.1).
    server.close(event.code === 1005 || event.code === 1006 ? 1000 : event.code, event.reason);
  });
  return new Response(null, { status: 101, webSocket: client });
}

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url);
    const [, first = "", second = "", third = ""] = url.pathname.split("/");
    switch (first) {
      case "public":
        return second === "ping" ? json({ pong: true, identity: identity(request) }) : problem(404, "not found");
      case "api":
        return second === "orders" ? orders(request) : problem(404, "not found");
      case "reports":
        return second === "stats"
          ? json({ orders_today: 2, identity: identity(request) })
          : problem(404, "not found");
      case "t":
        return third === "docs" ? json({ tenant: second, docs: ["charter"], identity: identity(request) }) : problem(404, "not found");
      case "echo":
        return echo(request);
      case "status":
        return withStatus(second);
      case "slow":
        return slow(url);
      case "stream":
        return stream();
      case "app":
        return spa(url.pathname.slice("/app/".length)) ?? problem(404, "not found");
      case "ws":
        return webSocketEcho(request);
      default:
        return problem(404, "not found");
    }
  },
} satisfies ExportedHandler;
