// An origin behind a URL: a plain HTTP server that shows what really came over the wire, and misbehaves on request.
import { once } from "node:events";
import { createServer, request, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";

export interface Seen {
  method: string;
  url: string;
  /** Pairs, in the order and spelling of the wire. */
  headers: [string, string][];
}

export class UrlOrigin {
  readonly url: string;
  /** How many requests reached it. */
  requests = 0;
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (incoming, response) => {
      this.requests += 1;
      switch (new URL(incoming.url ?? "/", this.url).pathname) {
        case "/pipe":
          response.writeHead(200, { "content-type": incoming.headers["content-type"] ?? "application/octet-stream" });
          incoming.pipe(response);
          return;
        case "/redirect":
          response.writeHead(302, { location: `${this.url}/elsewhere` }).end("moved");
          return;
        case "/cookies":
          response.writeHead(200, { "set-cookie": ["a=1; Path=/", "b=2; Path=/"], "x-answer": "yes" }).end();
          return;
        case "/reset":
          incoming.socket.destroy();
          return;
        case "/hang":
          return;
        case "/sick":
          response.writeHead(503).end();
          return;
        default:
          response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen(incoming)));
      }
    });
  }

  static async start(): Promise<UrlOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new UrlOrigin(server);
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}

function seen(incoming: IncomingMessage): Seen {
  const headers: [string, string][] = [];
  for (let index = 0; index + 1 < incoming.rawHeaders.length; index += 2) {
    headers.push([incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? ""]);
  }
  return { method: incoming.method ?? "", url: incoming.url ?? "", headers };
}

/** A port of 127.0.0.1 on which nothing listens: one that was free a moment ago. */
export async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

/** A request exactly as written: the path unnormalised, headers repeated and spelled as they are. */
export async function rawRequest(
  base: string,
  method: string,
  path: string,
  headers: [string, string][] = [],
  body?: string | Buffer,
): Promise<RawAnswer> {
  const { hostname, port, host } = new URL(base);
  const flat = [["host", host] as [string, string], ...headers].flat();
  const outgoing = request({ hostname, port, method, path, headers: flat as unknown as Record<string, string>, agent: false });
  outgoing.end(body);
  const [answer] = (await once(outgoing, "response")) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode ?? 0, headers: answer.headers, body: Buffer.concat(chunks).toString("utf8") };
}
