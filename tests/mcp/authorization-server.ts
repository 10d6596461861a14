// Somebody else's authorization server, as small as the SDK's client takes one: metadata, registration, a sign-in without a
// person, tokens for one resource.
import { createHash, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { Issuer, issuerKey } from "../worker/support/issuer.ts";

interface Code {
  challenge: string;
  resource: string;
  scope: string;
}

export class AuthorizationServer {
  readonly issuer: Issuer;
  /** The queries of the authorization requests. */
  readonly asked: URLSearchParams[] = [];
  /** Cuts the scopes that it grants. */
  grants: (asked: string) => string = (asked) => asked;
  readonly #codes = new Map<string, Code>();
  readonly #server = createServer();

  private constructor(issuer: Issuer) {
    this.issuer = issuer;
  }

  static async start(): Promise<AuthorizationServer> {
    const made = new AuthorizationServer(await Issuer.start([await issuerKey("ES256", "k")]));
    made.#server.on("request", async (request, response) => {
      const url = new URL(request.url ?? "/", "http://localhost");
      const json = (status: number, body: object) => response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
      if (url.pathname === "/register") return json(201, { ...(JSON.parse(await bodyOf(request)) as object), client_id: randomUUID() });
      if (url.pathname === "/authorize") return response.writeHead(302, { location: made.#authorize(url.searchParams) }).end();
      const answer = await made.#token(new URLSearchParams(await bodyOf(request)));
      return json("error" in answer ? 400 : 200, answer);
    });
    made.#server.listen(0, "127.0.0.1");
    await once(made.#server, "listening");
    const base = `http://127.0.0.1:${(made.#server.address() as AddressInfo).port}`;
    made.issuer.documents.set("/.well-known/oauth-authorization-server", {
      issuer: made.issuer.iss,
      authorization_endpoint: `${base}/authorize`,
      token_endpoint: `${base}/token`,
      registration_endpoint: `${base}/register`,
      jwks_uri: made.issuer.jwksUri,
      response_types_supported: ["code"],
      grant_types_supported: ["authorization_code"],
      code_challenge_methods_supported: ["S256"],
      token_endpoint_auth_methods_supported: ["none"],
    });
    return made;
  }

  #authorize(query: URLSearchParams): string {
    this.asked.push(query);
    const code = randomUUID();
    this.#codes.set(code, { challenge: query.get("code_challenge") ?? "", resource: query.get("resource") ?? "", scope: query.get("scope") ?? "" });
    const back = new URL(query.get("redirect_uri") ?? "");
    back.searchParams.set("code", code);
    return back.href;
  }

  async #token(form: URLSearchParams): Promise<object> {
    const code = this.#codes.get(form.get("code") ?? "");
    const challenge = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (!code || code.challenge !== challenge || code.resource !== form.get("resource")) return { error: "invalid_grant" };
    const scope = this.grants(code.scope);
    return { access_token: await this.issuer.token("k", { aud: code.resource, scope }), token_type: "Bearer", expires_in: 300, scope };
  }

  async stop(): Promise<void> {
    this.#server.close();
    this.#server.closeAllConnections();
    await Promise.all([once(this.#server, "close"), this.issuer.stop()]);
  }
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
