// HTTP/1.1 byte by byte: a client that sends exactly what it is told, and an origin that shows exactly what it got.
import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** Longer than any answer takes on a loaded machine; past it the run fails instead of hanging. */
const DEADLINE_MS = 20_000;

export interface Answer {
  status: number;
  body: string;
}

/** One connection, one request at a time. Text is bytes: each character is sent as one (latin1). */
export class RawClient {
  readonly #port: number;
  #socket: Socket | undefined;

  constructor(base: string) {
    this.#port = Number(new URL(base).port);
  }

  /** Sends the head as it is written, without a body, and reads one answer. `undefined` when the connection is closed on it. */
  async send(requestLine: string, headers: readonly (readonly [string, string])[]): Promise<Answer | undefined> {
    const head = [requestLine, ...headers.map(([name, value]) => `${name}: ${value}`), "", ""].join("\r\n");
    const reused = this.#socket !== undefined;
    const answer = await this.#exchange(head);
    // A connection that was kept may have been closed meanwhile: that says nothing about this request.
    if (answer === undefined && reused) return this.#exchange(head);
    return answer;
  }

  async #exchange(head: string): Promise<Answer | undefined> {
    const socket = await this.#open();
    return new Promise((resolve, reject) => {
      let text = "";
      const late = setTimeout(() => end(() => reject(new Error(`no answer to ${head.slice(0, 200)}`)), true), DEADLINE_MS);
      const onData = (chunk: string) => {
        text += chunk;
        const parsed = parse(text);
        if (parsed !== undefined) end(() => resolve(parsed.answer), parsed.last);
      };
      const onClose = () => end(() => resolve(undefined), true);
      const end = (settle: () => void, last: boolean) => {
        clearTimeout(late);
        socket.off("data", onData).off("close", onClose);
        if (last) this.close();
        settle();
      };
      socket.on("data", onData).on("close", onClose);
      socket.write(head, "latin1");
    });
  }

  async #open(): Promise<Socket> {
    if (this.#socket !== undefined && !this.#socket.destroyed) return this.#socket;
    const socket = connect(this.#port, "127.0.0.1");
    socket.setEncoding("latin1");
    socket.setNoDelay(true);
    // A connection that breaks is closed, which is what is waited for.
    socket.on("error", () => {});
    await once(socket, "connect");
    this.#socket = socket;
    return socket;
  }

  close(): void {
    this.#socket?.destroy();
    this.#socket = undefined;
  }
}

function parse(text: string): { answer: Answer; last: boolean } | undefined {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return undefined;
  const head = text.slice(0, end);
  const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1]);
  const length = /^content-length: *(\d+)/im.exec(head)?.[1];
  const last = /^connection: *close/im.test(head);
  const rest = text.slice(end + 4);
  if (/^transfer-encoding: *chunked/im.test(head)) {
    const body = unchunked(rest);
    return body === undefined ? undefined : { answer: { status, body }, last };
  }
  const wanted = Number(length ?? 0);
  return rest.length < wanted ? undefined : { answer: { status, body: rest.slice(0, wanted) }, last };
}

function unchunked(text: string): string | undefined {
  let body = "";
  for (let at = 0; ; ) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) return undefined;
    const size = Number.parseInt(text.slice(at, line), 16);
    const next = line + 2 + size + 2;
    if (text.length < next) return undefined;
    if (size === 0) return body;
    body += text.slice(line + 2, line + 2 + size);
    at = next;
  }
}

/** A request's head as it came over the wire, as latin1. */
export interface Received {
  /** Which origin it is. */
  origin: string;
  /** The request target. */
  target: string;
  /** Names and values in their own spelling and order. */
  headers: [string, string][];
}

/** Answers every request with what it received. For requests without a body. */
export class RawOrigin {
  readonly name: string;
  readonly url: string;
  /** How many requests came. */
  requests = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(name: string, server: Server) {
    this.name = name;
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket) => this.#serve(socket));
  }

  static async start(name: string): Promise<RawOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RawOrigin(name, server);
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
    socket.on("error", () => {});
    socket.setEncoding("latin1");
    let text = "";
    socket.on("data", (chunk: string) => {
      text += chunk;
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const [requestLine = "", ...lines] = text.slice(0, end).split("\r\n");
        text = text.slice(end + 4);
        this.requests += 1;
        const received: Received = {
          origin: this.name,
          target: requestLine.split(" ").slice(1, -1).join(" "),
          headers: lines.map((line) => {
            const colon = line.indexOf(":");
            return [line.slice(0, colon), line.slice(colon + 1).replace(/^ /, "")];
          }),
        };
        const body = JSON.stringify(received);
        // The body is JSON in UTF-8: characters above 127 take two bytes.
        const bytes = Buffer.from(body, "utf8");
        socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${bytes.length}\r\n\r\n`);
        socket.write(bytes);
      }
    });
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}

/** What an origin said it received, from an answer; nothing when the answer is no origin's. */
export function received(answer: Answer | undefined): Received | undefined {
  if (answer?.status !== 200) return undefined;
  const body = JSON.parse(Buffer.from(answer.body, "latin1").toString("utf8")) as Partial<Received>;
  return body.origin === undefined ? undefined : (body as Received);
}
