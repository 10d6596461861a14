// Somebody else's identity provider: keys made by jose, its key set served over HTTP on loopback.
import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT, type CryptoKey, type JWK, type JWTPayload } from "jose";
import { AUDIENCE } from "./config.ts";
import type { JsonObject } from "./jwt.ts";

export type Algorithm = "ES256" | "EdDSA" | "Ed25519" | "RS256" | "PS256";

export interface IssuerKey {
  kid: string;
  alg: Algorithm;
  privateKey: CryptoKey;
  publicKey: CryptoKey;
  jwk: JWK;
  pem: string;
}

export async function issuerKey(alg: Algorithm, kid = `${alg}-1`): Promise<IssuerKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: "sig" };
  return { kid, alg, privateKey, publicKey, jwk, pem: await exportSPKI(publicKey) };
}

export class Issuer {
  /** What the key set holds now. */
  published: JWK[];
  /** How often the key set was fetched. */
  fetches = 0;
  /** The headers that it was last asked with. */
  asked: IncomingHttpHeaders = {};
  /** What it answers at other paths: its metadata. */
  readonly documents = new Map<string, JsonObject>();
  /** The text of its key set, where that is not just what is published. */
  text: ((published: JWK[]) => string) | undefined;
  /** What it answers instead, when it does not do its work. */
  failure: { status: number; body: string } | undefined;
  readonly keys: ReadonlyMap<string, IssuerKey>;
  readonly iss: string;
  readonly #server: Server;

  private constructor(server: Server, keys: IssuerKey[]) {
    this.#server = server;
    this.keys = new Map(keys.map((key) => [key.kid, key]));
    this.published = keys.map((key) => key.jwk);
    this.iss = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    server.on("request", (request, response) => {
      const document = this.documents.get(request.url ?? "");
      if (document) {
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(document));
        return;
      }
      if (request.url !== "/jwks.json") {
        response.writeHead(404).end();
        return;
      }
      this.fetches += 1;
      this.asked = request.headers;
      if (this.failure) response.writeHead(this.failure.status, { "content-type": "text/html" }).end(this.failure.body);
      else response.writeHead(200, { "content-type": "application/json" }).end(this.text ? this.text(this.published) : JSON.stringify({ keys: this.published }));
    });
  }

  static async start(keys: IssuerKey[]): Promise<Issuer> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new Issuer(server, keys);
  }

  get jwksUri(): string {
    return `${this.iss}/jwks.json`;
  }

  key(kid: string): IssuerKey {
    const key = this.keys.get(kid);
    if (!key) throw new Error(`this issuer has no key ${kid}`);
    return key;
  }

  unpublish(kid: string): void {
    this.published = this.published.filter((jwk) => jwk.kid !== kid);
  }

  /** A sound access token, but for what the caller changes; `undefined` removes a claim or a header. */
  async token(kid: string, claims: JsonObject = {}, header: JsonObject = {}): Promise<string> {
    const { privateKey, alg } = this.key(kid);
    const now = Math.floor(Date.now() / 1000);
    const payload = {
      iss: this.iss,
      aud: AUDIENCE,
      sub: "user-of-theirs",
      client_id: "their-app",
      iat: now,
      exp: now + 300,
      jti: crypto.randomUUID(),
      scope: "read:orders",
      ...claims,
    };
    return new SignJWT(payload as JWTPayload)
      .setProtectedHeader({ alg, kid, typ: "at+jwt", ...header } as { alg: string })
      .sign(privateKey);
  }

  /** Its entry in Postern's configuration. */
  setting(more: JsonObject = {}): JsonObject {
    return { issuer: this.iss, jwks_uri: this.jwksUri, audiences: [AUDIENCE], ...more };
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.close();
    this.#server.closeAllConnections();
    await once(this.#server, "close");
  }
}
