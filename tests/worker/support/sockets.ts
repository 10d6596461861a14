// WebSockets by the byte: an origin and a client that do what no library does, and cost little.
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";

const MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;

/** One frame. A client's are masked, with a mask of zeros: the bytes stay as they are. */
export function frame(opcode: number, payload: Buffer | string, masked = false): Buffer {
  const body = Buffer.from(payload);
  const mask = masked ? 0x80 : 0;
  const length =
    body.length < 126
      ? Buffer.from([mask | body.length])
      : body.length < 65_536
        ? Buffer.from([mask | 126, body.length >> 8, body.length & 255])
        : Buffer.concat([Buffer.from([mask | 127, 0, 0, 0, 0]), Buffer.from(Uint32Array.of(body.length).buffer).reverse()]);
  return Buffer.concat([Buffer.from([0x80 | opcode]), length, ...(masked ? [Buffer.alloc(4)] : []), body]);
}

/** A close frame's payload. */
export function closing(code?: number, reason = ""): Buffer {
  return code === undefined ? Buffer.alloc(0) : Buffer.concat([Buffer.from([code >> 8, code & 255]), Buffer.from(reason)]);
}

export interface Frame {
  opcode: number;
  payload: Buffer;
}

/** Takes bytes and gives the whole frames among them. No message of these tests is in fragments. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0);
  /** What came since, and how much there must be before looking at it pays: joining at each chunk would be quadratic. */
  #chunks: Buffer[] = [];
  #size = 0;
  #wanted = 0;

  take(chunk: Buffer): Frame[] {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#rest.length + this.#size < this.#wanted) return [];
    this.#rest = Buffer.concat([this.#rest, ...this.#chunks]);
    this.#chunks = [];
    this.#size = 0;
    this.#wanted = 0;
    const frames: Frame[] = [];
    for (;;) {
      const [first, second] = [this.#rest[0], this.#rest[1]];
      if (first === undefined || second === undefined) return frames;
      const short = second & 127;
      const extended = short === 126 ? 2 : short === 127 ? 8 : 0;
      if (this.#rest.length < 2 + extended) return frames;
      const length = extended === 0 ? short : extended === 2 ? this.#rest.readUInt16BE(2) : Number(this.#rest.readBigUInt64BE(2));
      const isMasked = (second & 128) !== 0;
      const start = 2 + extended + (isMasked ? 4 : 0);
      if (this.#rest.length < start + length) {
        this.#wanted = start + length;
        return frames;
      }
      const payload = Buffer.from(this.#rest.subarray(start, start + length));
      if (isMasked) {
        const mask = this.#rest.subarray(start - 4, start);
        for (let at = 0; at < payload.length; at += 1) payload[at] = (payload[at] ?? 0) ^ (mask[at & 3] ?? 0);
      }
      frames.push({ opcode: first & 15, payload });
      this.#rest = this.#rest.subarray(start + length);
    }
  }
}

/** An end of a socket that was opened: what it says is told frame by frame, and it answers nothing by itself. */
export interface End {
  socket: Socket;
  send(opcode: number, payload?: Buffer | string): void;
}

export type Behaviour = (end: End, request: IncomingMessage) => { frame?: (frame: Frame) => void; closed?: () => void };

/** Says everything back, and answers a close frame with the same one. */
export const ECHO: Behaviour = (end) => ({
  frame({ opcode, payload }) {
    end.send(opcode, payload);
    if (opcode === CLOSE) end.socket.end();
  },
});

export interface SocketOrigin {
  url: string;
  /** Open connections. */
  open(): number;
  stop(): Promise<void>;
}

/** An origin whose sockets behave by their path; of a path that it does not know it refuses the upgrade with 403. */
export async function socketOrigin(behaviours: Record<string, Behaviour>): Promise<SocketOrigin> {
  const server: Server = createServer((_, response) => response.writeHead(404).end());
  const sockets = new Set<Socket>();
  server.on("upgrade", (request, socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    const behave = behaviours[(request.url ?? "").split("?")[0] ?? ""];
    if (!behave) return void socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
    const accept = createHash("sha1").update(`${request.headers["sec-websocket-key"]}${MAGIC}`).digest("base64");
    socket.write(`HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: ${accept}\r\n\r\n`);
    const does = behave({ socket, send: (opcode, payload = "") => void socket.write(frame(opcode, payload)) }, request);
    const frames = new Frames();
    socket.on("data", (chunk: Buffer) => {
      for (const each of frames.take(chunk)) does.frame?.(each);
    });
    socket.on("close", () => does.closed?.());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    // Node keeps a socket half open when the other side has ended it.
    open: () => [...sockets].filter((socket) => !socket.readableEnded).length,
    async stop() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

export interface Client extends End {
  /** What came, in order. */
  frames: Frame[];
  /** Resolves with the code and the reason of the close frame that came, or `undefined` when the connection ended without. */
  closed: Promise<{ code: number | undefined; reason: string } | undefined>;
  /** Waits for so many frames, or for the end. */
  got(count: number): Promise<void>;
  /** Stops reading. */
  pause(): void;
}

/** Opens a socket; fails when the answer is not 101. */
export async function openSocket(base: string, path: string, headers: Record<string, string> = {}): Promise<Client> {
  const { hostname, port, host } = new URL(base);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  const lines = Object.entries({ host, upgrade: "websocket", connection: "Upgrade", "sec-websocket-version": "13", "sec-websocket-key": randomBytes(16).toString("base64"), ...headers });
  socket.write(`GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`);
  const frames: Frame[] = [];
  const parser = new Frames();
  const isOpen = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<{ code: number | undefined; reason: string } | undefined>();
  const waiting: { count: number; done: () => void }[] = [];
  let head = "";
  let answered = false;
  const look = (over: boolean) => {
    for (const each of waiting.splice(0)) {
      if (over || frames.length >= each.count) each.done();
      else waiting.push(each);
    }
  };
  socket.on("data", (chunk: Buffer) => {
    let rest = chunk;
    if (!answered) {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      answered = true;
      if (!head.startsWith("HTTP/1.1 101 ")) return void isOpen.reject(new Error(head.slice(0, head.indexOf("\r\n"))));
      rest = Buffer.from(head.slice(end + 4), "latin1");
      isOpen.resolve();
    }
    for (const each of parser.take(rest)) {
      frames.push(each);
      if (each.opcode === CLOSE) {
        const { payload } = each;
        closed.resolve({ code: payload.length < 2 ? undefined : payload.readUInt16BE(0), reason: payload.subarray(2).toString() });
      }
    }
    look(false);
  });
  socket.on("close", () => {
    isOpen.reject(new Error("the connection ended"));
    closed.resolve(undefined);
    look(true);
  });
  await isOpen.promise.catch((error: unknown) => {
    socket.destroy();
    throw error;
  });
  return {
    socket,
    frames,
    closed: closed.promise,
    send: (opcode, payload = "") => void socket.write(frame(opcode, payload, true)),
    got: (count) =>
      new Promise((done) => {
        waiting.push({ count, done });
        look(socket.destroyed);
      }),
    pause: () => void socket.pause(),
  };
}
