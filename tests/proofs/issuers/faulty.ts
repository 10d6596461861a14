// An issuer that can be made to fail in every way that a key set's server can.
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { SignJWT } from "jose";
import { AUDIENCE } from "../../worker/support/config.ts";
import { issuerKey, type IssuerKey } from "../../worker/support/issuer.ts";

type Answer = (response: ServerResponse, issuer: FaultyIssuer) => void;

const json = { "content-type": "application/json" };

/** What it answers, by name. All but the first and the last are failures. */
export const ANSWERS = {
  good: (response, { key }) => response.writeHead(200, json).end(JSON.stringify({ keys: [key.jwk] })),
  "closes the connection": (response) => response.destroy(),
  hangs: () => {},
  "status 500": (response) => response.writeHead(500, { "content-type": "text/html" }).end("<h1>no</h1>"),
  "HTML with 200": (response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><p>sign in"),
  "10 MB": (response) => response.writeHead(200, json).end(`{"keys":[],"x":"${"x".repeat(10 * 1024 * 1024)}"}`),
  // To a place that would give a good set.
  redirects: (response) => response.writeHead(302, { location: "/elsewhere.json" }).end(),
  "empty set": (response) => response.writeHead(200, json).end('{"keys":[]}'),
  "one bad entry": (response, { key }) =>
    response.writeHead(200, json).end(JSON.stringify({ keys: [{ kty: "EC", crv: "P-256", x: "AA", y: "AA", kid: "bad" }, key.jwk] })),
} satisfies Record<string, Answer>;

export type Fault = keyof typeof ANSWERS;

export class FaultyIssuer {
  fault: Fault = "good";
  /** When the key set was asked for, milliseconds. */
  readonly fetches: number[] = [];
  /** How often a redirect was followed. */
  followed = 0;
  readonly key: IssuerKey;
  readonly iss: string;
  readonly #server: Server;

  private constructor(server: Server, key: IssuerKey) {
    this.#server = server;
    this.key = key;
    this.iss = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", ({ url }, response) => {
      if (url === "/elsewhere.json") {
        this.followed += 1;
        ANSWERS.good(response, this);
        return;
      }
      this.fetches.push(Date.now());
      (ANSWERS[this.fault] as Answer)(response, this);
    });
  }

  static async start(): Promise<FaultyIssuer> {
    const key = await issuerKey("ES256");
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FaultyIssuer(server, key);
  }

  setting(): Record<string, unknown> {
    return { issuer: this.iss, jwks_uri: `${this.iss}/jwks.json`, audiences: [AUDIENCE] };
  }

  /** A sound access token, another one each time. */
  token(): Promise<string> {
    return new SignJWT({ sub: "user", jti: crypto.randomUUID(), client_id: "app", scope: "read:orders" })
      .setProtectedHeader({ alg: "ES256", kid: this.key.kid, typ: "at+jwt" })
      .setIssuer(this.iss)
      .setAudience(AUDIENCE)
      .setIssuedAt()
      .setExpirationTime("5m")
      .sign(this.key.privateKey);
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
