// What stands between the browser and the sites: TLS for every name, HTTP/2 as at the edge, a record of what was really
// sent, and faults. Postern itself is reached over TLS too, so that its URLs are https.
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest, type Http2ServerResponse } from "node:http2";
import { request } from "node:https";
import { isIP, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";

export interface Certificate {
  key: string;
  certificate: string;
  /** What Chromium is told to trust, as if an authority had signed it: SHA-256 of the public key, base64. */
  pin: string;
}

/** One for all names and addresses, which nothing trusts but the programs of this run. */
export function certificateFor(names: readonly string[]): Certificate {
  const folder = mkdtempSync(join(tmpdir(), "postern-tls-"));
  try {
    const [key, certificate] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
    const subject = ["-subj", "/CN=postern.test", "-addext", `subjectAltName=${names.map((name) => `${isIP(name) ? "IP" : "DNS"}:${name}`).join(",")}`];
    const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    execFileSync("openssl", ["req", "-x509", ...curve, "-days", "2", "-keyout", key, "-out", certificate, ...subject], { stdio: "ignore" });
    const pem = readFileSync(certificate, "utf8");
    const spki = new X509Certificate(pem).publicKey.export({ type: "spki", format: "der" });
    return { key: readFileSync(key, "utf8"), certificate: pem, pin: createHash("sha256").update(spki).digest("base64") };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A request as it arrived. */
export interface Seen {
  method: string;
  host: string;
  path: string;
  headers: Record<string, string | string[] | undefined>;
}

/** A site's answer: a page, or whatever it likes. */
export interface Page {
  status?: number;
  headers?: Record<string, string | string[]>;
  body?: string;
}

/** What becomes of an answer of Postern. `lost`: it acted, and the connection broke before a byte of the answer came. */
export type Fate = "lost" | "refused";

export class Wire {
  readonly port: number;
  /** All requests, in the order in which they came. */
  readonly seen: Seen[] = [];
  /** Says what becomes of the answer to a request to Postern; nothing: it arrives. */
  fate: (request: Seen) => Fate | undefined = () => undefined;
  /** Postern's answers wait for this. */
  held: (request: Seen) => Promise<void> | undefined = () => undefined;
  readonly #server: Http2SecureServer;
  readonly #sockets = new Set<Socket>();
  readonly #postern: URL;

  private constructor(server: Http2SecureServer, posternUrl: string, sites: Record<string, (request: Seen) => Page>) {
    this.#server = server;
    this.#postern = new URL(posternUrl);
    this.port = (server.address() as AddressInfo).port;
    server.on("connection", (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket)).on("error", () => {});
    });
    server.on("request", (incoming, outgoing) => {
      const seen = this.#note(incoming);
      const site = sites[seen.host];
      if (!site) return void this.#forward(seen, incoming, outgoing);
      const { status = 200, headers = {}, body = "<!doctype html><title>a page</title>" } = site(seen);
      outgoing.writeHead(status, { "content-type": "text/html; charset=utf-8", ...headers });
      outgoing.end(body);
    });
    // A WebSocket: from here on bytes go both ways.
    server.on("upgrade", (incoming: IncomingMessage, socket: Socket, head: Buffer) => {
      const seen = this.#note(incoming);
      const on = connect({ host: this.#postern.hostname, port: Number(this.#postern.port), rejectUnauthorized: false, servername: seen.host });
      const lines = [];
      for (let index = 0; index < incoming.rawHeaders.length; index += 2) lines.push(`${incoming.rawHeaders[index]}: ${incoming.rawHeaders[index + 1]}`);
      on.write(`${incoming.method} ${incoming.url} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`);
      on.write(head);
      on.pipe(socket).pipe(on);
      on.on("error", () => socket.destroy());
      socket.on("error", () => on.destroy()).on("close", () => on.destroy());
    });
  }

  /** Hosts that are not among `sites` are Postern's. */
  static async start(certificate: Certificate, posternUrl: string, sites: Record<string, (request: Seen) => Page>): Promise<Wire> {
    const server = createSecureServer({ key: certificate.key, cert: certificate.certificate, allowHTTP1: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Wire(server, posternUrl, sites);
  }

  /** The requests to a path since the record was last emptied, by method. */
  to(path: string, method?: string): Seen[] {
    return this.seen.filter((one) => one.path.split("?")[0] === path && (method === undefined || one.method === method));
  }

  async stop(): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await once(this.#server, "close");
  }

  #note(incoming: IncomingMessage | Http2ServerRequest): Seen {
    const host = (incoming.headers[":authority"] as string | undefined) ?? incoming.headers.host ?? "";
    const headers = Object.fromEntries(Object.entries(incoming.headers).filter(([name]) => !name.startsWith(":")));
    const seen: Seen = { method: incoming.method ?? "", host, path: incoming.url ?? "", headers };
    this.seen.push(seen);
    return seen;
  }

  async #forward(seen: Seen, incoming: Http2ServerRequest, outgoing: Http2ServerResponse): Promise<void> {
    const fate = this.fate(seen);
    const broken = () => outgoing.stream?.close(8) ?? (outgoing as unknown as { destroy(): void }).destroy();
    if (fate === "refused") return void broken();
    const held = this.held(seen);
    const on = request({
      hostname: this.#postern.hostname,
      port: this.#postern.port,
      servername: seen.host,
      method: seen.method,
      path: seen.path,
      headers: { ...seen.headers, host: seen.host },
      rejectUnauthorized: false,
      agent: false,
    });
    incoming.pipe(on);
    outgoing.on("close", () => on.destroy());
    on.on("error", broken);
    on.on("response", async (answer) => {
      await held;
      if (fate === "lost") return answer.resume().on("end", broken);
      const headers = Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !["connection", "keep-alive", "transfer-encoding"].includes(name)));
      if (outgoing.writableEnded || outgoing.destroyed) return;
      outgoing.writeHead(answer.statusCode ?? 502, headers as Record<string, string>);
      answer.pipe(outgoing as unknown as NodeJS.WritableStream);
    });
  }
}
