// An origin that speaks bytes: what it answers need not be HTTP.
import { once } from "node:events";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";

/** What it does with a request: it gets the connection, and the head as it came (Latin-1, one character a byte). */
export type Answer = (socket: Socket, head: string) => void;

export class RawOrigin {
  readonly url: string;
  /** The heads of all requests, as they came. */
  readonly heads: string[] = [];
  /** How many connections were opened so far. */
  connections = 0;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, answers: Record<string, Answer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("connection", (socket) => {
      this.#sockets.add(socket);
      this.connections += 1;
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => {});
      let head = "";
      const read = (chunk: Buffer) => {
        head += chunk.toString("latin1");
        if (!head.includes("\r\n\r\n")) return;
        const whole = head;
        head = "";
        this.heads.push(whole);
        const path = whole.split(" ")[1]?.split("?")[0] ?? "";
        const answer = answers[path];
        if (answer) answer(socket, whole);
        else socket.end("HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n");
      };
      socket.on("data", read);
    });
  }

  static async start(answers: Record<string, Answer>): Promise<RawOrigin> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new RawOrigin(server, answers);
  }

  /** How many requests for this path came. */
  count(path: string): number {
    return this.heads.filter((head) => head.split(" ")[1]?.split("?")[0] === path).length;
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }
}

/** An answer that is these bytes and then the end of the connection. */
export function bytes(text: string): Answer {
  return (socket) => socket.end(Buffer.from(text, "latin1"));
}

/** Whether an answer has ended by its own account: by its length, its last chunk, or because it can have no body. */
function isWhole(text: string, method: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  if (end < 0) return false;
  const head = text.slice(0, end);
  if (method === "HEAD" || / (204|304) /.test(head.slice(0, 14))) return true;
  const length = /\r\ncontent-length: (\d+)/i.exec(head)?.[1];
  return length === undefined ? text.endsWith("\r\n0\r\n\r\n") : text.length - end - 4 >= Number(length);
}

/** Sends bytes and returns what comes back until the answer is whole, the other side closes, or nothing comes for a while. */
export async function exchange(base: string, text: string, quietMs = 1500): Promise<{ text: string; closed: boolean }> {
  const { hostname, port } = new URL(base);
  const socket = connect(Number(port), hostname);
  let received = "";
  let closed = false;
  return new Promise((resolve) => {
    const finish = () => {
      socket.destroy();
      resolve({ text: received, closed });
    };
    let quiet = setTimeout(finish, quietMs);
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (isWhole(received, text.split(" ")[0] ?? "")) return finish();
      clearTimeout(quiet);
      quiet = setTimeout(finish, quietMs);
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      closed = true;
      clearTimeout(quiet);
      finish();
    });
    socket.write(Buffer.from(text, "latin1"));
  });
}
