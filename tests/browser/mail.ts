// Mail servers that others wrote, on loopback, and their parser of messages.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { simpleParser, type ParsedMail } from "mailparser";
import { SMTPServer } from "smtp-server";

/** A certificate for 127.0.0.1, and the file that a client has to trust. */
export function mailCertificate(): { key: string; cert: string; file: string } {
  const folder = mkdtempSync(join(tmpdir(), "postern-mail-"));
  const [keyFile, file] = [join(folder, "key.pem"), join(folder, "certificate.pem")];
  const subject = ["-subj", "/CN=mail.test", "-addext", "subjectAltName=IP:127.0.0.1"];
  const curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  execFileSync("openssl", ["req", "-x509", ...curve, "-days", "2", "-keyout", keyFile, "-out", file, ...subject], { stdio: "ignore" });
  return { key: readFileSync(keyFile, "utf8"), cert: readFileSync(file, "utf8"), file };
}

/** What a mail server got. */
export interface Received {
  /** The recipients of the envelope: who gets it, whatever its headers say. */
  recipients: string[];
  /** How the client authenticated, and whether that was over TLS. */
  by: string;
  mail: ParsedMail;
  /** As it came. */
  raw: string;
}

export class MailServer {
  readonly received: Received[] = [];
  readonly #server: SMTPServer;
  readonly #waiting: (() => void)[] = [];

  private constructor(options: { secure: boolean; key: string; cert: string; authMethods: string[] }) {
    let by = "";
    this.#server = new SMTPServer({
      ...options,
      onAuth({ method, username = "", password }, { secure }, done) {
        by = `${method} ${secure ? "over TLS" : "in plain text"}`;
        if (username === "acme" && password === "the password") done(null, { user: username });
        else done(new Error("wrong password"));
      },
      onData: (stream, { envelope }, done) => {
        const parts: Buffer[] = [];
        stream.on("data", (part: Buffer) => parts.push(part));
        stream.on("end", () => {
          const raw = Buffer.concat(parts);
          void simpleParser(raw).then((mail) => {
            this.received.push({ recipients: envelope.rcptTo.map(({ address }) => address), by, mail, raw: raw.toString() });
            for (const go of this.#waiting.splice(0)) go();
            done();
          });
        });
      },
    });
    // A client that does not trust the certificate breaks off.
    this.#server.on("error", () => undefined);
  }

  static async start(tls: "implicit" | "starttls", { key, cert }: { key: string; cert: string }): Promise<MailServer> {
    // The two ways of RFC 4616 and of most old servers.
    const server = new MailServer({ secure: tls === "implicit", key, cert, authMethods: [tls === "implicit" ? "PLAIN" : "LOGIN"] });
    await new Promise<void>((done) => server.#server.listen(0, "127.0.0.1", () => done()));
    return server;
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port;
  }

  /** The first mail to this address. */
  async to(address: string): Promise<Received> {
    for (;;) {
      const at = this.received.findIndex(({ recipients }) => recipients.includes(address));
      const [found] = at < 0 ? [] : this.received.splice(at, 1);
      if (found) return found;
      await new Promise<void>((go) => this.#waiting.push(go));
    }
  }

  stop(): Promise<void> {
    return new Promise((done) => this.#server.close(() => done()));
  }
}
