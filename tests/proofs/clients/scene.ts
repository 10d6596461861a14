// Postern for the clients, as an authorization server with pages and as the gate in front of two resources.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { Response as OriginAnswer } from "miniflare";
import { certificateFor } from "../../browser/wire.ts";
import { startMcpServer } from "../../mcp/server.ts";
import { startPostern, type Postern, type PosternOptions } from "../../worker/harness.ts";
import { AUDIENCE, settings, type RouteSetting } from "../../worker/support/config.ts";
import { digestOf } from "../../worker/support/oauth-client.ts";
import { closedPort } from "../../worker/support/origin.ts";
import { startPerson } from "./person.ts";

/** With characters that RFC 6749 section 2.3.1 wants escaped in `Authorization: Basic`. */
const SECRET = "a secret: 100% of + and &, é too";
const scopes = ["read:orders", "write:orders"];

const OPEN = { client_id: "notes", redirect_uri: "https://notes.example.test/callback" };
const CONFIDENTIAL = {
  client_id: "back:end+1",
  client_secret: SECRET,
  redirect_uri: "https://backend.example.test/callback",
  redirect_uri_with_query: "https://backend.example.test/callback?from=postern&and=%2F",
};
/** Programs on the user's machine; the port is free. The MCP SDK in TypeScript sends secrets unescaped: none of those signs here. */
const NATIVE = { client_id: "native", redirect_uri: "http://localhost/callback" };
const NATIVE_CONFIDENTIAL = { client_id: "native-with-secret", client_secret: "a-secret-of-letters-0123456789", redirect_uri: "http://127.0.0.1/callback" };

/** What a client's program is given, as JSON in the variable SCENE. */
export interface Given {
  issuer: string;
  /** Open to `read:orders`, and below it `/write` to `write:orders`. */
  resource: string;
  other: string;
  /** An MCP server, open to tokens with both scopes; where there is one. */
  mcp?: string;
  /** `aud` of tokens for no resource. */
  audience: string;
  /** Public, as `native`: their users consent. */
  open: typeof OPEN;
  confidential: typeof CONFIDENTIAL;
  native: typeof NATIVE;
  nativeConfidential: typeof NATIVE_CONFIDENTIAL;
  /** See person.ts. */
  person: string;
}

export interface Scene {
  postern: Postern;
  given: Given;
  /** What lets programs trust the certificate. */
  env: Record<string, string>;
  stop(): Promise<void>;
}

const CLIENTS = [
  { client_id: "first-party" },
  { client_id: OPEN.client_id, name: "Notes", redirect_uris: [OPEN.redirect_uri], scopes },
  { client_id: CONFIDENTIAL.client_id, name: "Backend", redirect_uris: [CONFIDENTIAL.redirect_uri, CONFIDENTIAL.redirect_uri_with_query], scopes, secret_hashes: [digestOf(SECRET)] },
  { client_id: NATIVE.client_id, redirect_uris: [NATIVE.redirect_uri, "http://127.0.0.1/callback", "http://localhost/oauth/callback", "http://127.0.0.1/oauth/callback"], scopes },
  { client_id: NATIVE_CONFIDENTIAL.client_id, redirect_uris: [NATIVE_CONFIDENTIAL.redirect_uri], scopes, secret_hashes: [digestOf(NATIVE_CONFIDENTIAL.client_secret)] },
];

async function start(issuerOf: (here: string) => string, here: string, options: PosternOptions, more: { mcp?: string; routes?: RouteSetting[] } = {}) {
  const { mcp, routes = [] } = more;
  const given = { issuer: issuerOf(here), resource: `${here}/orders`, other: `${here}/other`, audience: AUDIENCE, open: OPEN, confidential: CONFIDENTIAL, native: NATIVE, nativeConfidential: NATIVE_CONFIDENTIAL, ...(mcp && { mcp }) };
  const postern = await startPostern({
    port: Number(new URL(here).port),
    origin: () => new OriginAnswer(null, { status: 204 }),
    ...options,
    vars: settings(
      {
        POSTERN_ISSUER: given.issuer,
        POSTERN_CLIENTS: CLIENTS,
        POSTERN_REGISTRATION: "open",
        // The cheapest that is allowed: this is about answers, not about hashing.
        POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
      },
      [
        ...routes,
        { name: "write", path: "/orders/write", resource: given.resource, scopes_all: ["write:orders"], service: "ORIGIN" },
        { name: "read", path: "/orders", resource: given.resource, scopes_all: ["read:orders"], resource_scopes: ["read:orders"], revocation: "strong", service: "ORIGIN" },
        { name: "other", path: "/other", resource: given.other, service: "ORIGIN" },
      ],
    ),
  });
  const ready = await postern.fetch("/readyz");
  if (ready.status !== 200) throw new Error(`${ready.status} ${await ready.text()} ${postern.logs.join("\n")}`);
  const person = await startPerson(postern);
  return { postern, given: { ...given, person: person.url }, person };
}

/** For OAuth clients: TLS, and an issuer with a path, so that the three addresses of the metadata differ. */
export async function oauthScene(): Promise<Scene> {
  const here = `https://127.0.0.1:${await closedPort()}`;
  const tls = certificateFor(["localhost", "127.0.0.1"]);
  const folder = mkdtempSync(join(tmpdir(), "postern-clients-"));
  const certificate = join(folder, "certificate.pem");
  writeFileSync(certificate, tls.certificate);
  setDefaultCACertificates([...getCACertificates("default"), tls.certificate]);
  const { postern, given, person } = await start((at) => `${at}/tenant`, here, { tls });
  return {
    postern,
    given,
    env: { NODE_EXTRA_CA_CERTS: certificate, SSL_CERT_FILE: certificate, REQUESTS_CA_BUNDLE: certificate },
    stop: async () => {
      person.stop();
      await postern.dispose();
      rmSync(folder, { recursive: true });
    },
  };
}

/** For MCP clients: plain http on this machine, as developers have it, and an MCP server of the SDK behind the gate. */
export async function mcpScene(): Promise<Scene> {
  const [here, server] = [`http://127.0.0.1:${await closedPort()}`, await startMcpServer()];
  const mcp = `${here}/mcp`;
  // On this machine's name alone: MCP servers on localhost look at Host, and behind the gate that is the gate's work.
  const route = { name: "mcp", path: "/mcp", host: "127.0.0.1", upstream: server.url, resource: mcp, scopes_all: scopes };
  const { postern, given, person } = await start((at) => at, here, { direct: true }, { mcp, routes: [route] });
  return {
    postern,
    given,
    env: {},
    stop: async () => {
      person.stop();
      await postern.dispose();
      await server.stop();
    },
  };
}
