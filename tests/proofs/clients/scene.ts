// Postern for the clients: TLS, an issuer with a path, two resources, and a person with a browser whom programs in other
// processes and languages send to an authorization request.
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { Response as OriginAnswer } from "miniflare";
import { certificateFor } from "../../browser/wire.ts";
import { startPostern, type Postern, type PosternOptions } from "../../worker/harness.ts";
import { AUDIENCE, settings } from "../../worker/support/config.ts";
import { FormBrowser, type Person } from "../../worker/support/form-browser.ts";
import { digestOf } from "../../worker/support/oauth-client.ts";
import { closedPort } from "../../worker/support/origin.ts";

/** With characters that RFC 6749 section 2.3.1 wants escaped in `Authorization: Basic`. */
const SECRET = "a secret: 100% of + and &, é too";
const scopes = ["read:orders", "write:orders"];

/** What a client's program is given, as JSON in the variable SCENE. */
export interface Given {
  issuer: string;
  /** The resources: the first is open to `read:orders`, `/write` in it to `write:orders`. */
  resource: string;
  other: string;
  /** `aud` of tokens for no resource. */
  audience: string;
  /** Public: its users consent. */
  open: { client_id: string; redirect_uri: string };
  confidential: { client_id: string; client_secret: string; redirect_uri: string; redirect_uri_with_query: string };
  /** Takes `{ url, browser?, consent?, untick? }` and answers `{ url }`, the address at the client that the browser comes to. */
  person: string;
}

/** A person's browsers by name: the same name is the same browser, with its cookies. */
async function startPerson(postern: Postern) {
  const browsers = new Map<string, FormBrowser>();
  const server = createServer(async (incoming, outgoing) => {
    const answer = (status: number, body: object) => outgoing.writeHead(status, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(body));
    try {
      const { url, browser: name, ...person } = JSON.parse(await text(incoming)) as Person & { url: string; browser?: string };
      const browser = browsers.get(name ?? "") ?? new FormBrowser(postern);
      if (name !== undefined) browsers.set(name, browser);
      answer(200, { url: (await browser.authorize(url, person)).href });
    } catch (error) {
      answer(500, { error: String(error) });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

export interface Scene {
  postern: Postern;
  given: Given;
  /** The file with the certificate that these programs trust. */
  certificate: string;
  stop(): Promise<void>;
}

/** Starts Postern. `path` is that of the issuer: empty, or as `/tenant`. */
export async function startScene(path: string, options: PosternOptions = {}): Promise<Scene> {
  const port = await closedPort();
  const here = `https://127.0.0.1:${port}`;
  const tls = certificateFor(["localhost", "127.0.0.1"]);
  const folder = mkdtempSync(join(tmpdir(), "postern-clients-"));
  const certificate = join(folder, "certificate.pem");
  writeFileSync(certificate, tls.certificate);
  setDefaultCACertificates([...getCACertificates("default"), tls.certificate]);
  const given = {
    issuer: `${here}${path}`,
    resource: `${here}/orders`,
    other: `${here}/other`,
    audience: AUDIENCE,
    open: { client_id: "notes", redirect_uri: "https://notes.example.test/callback" },
    confidential: {
      client_id: "back:end+1",
      client_secret: SECRET,
      redirect_uri: "https://backend.example.test/callback",
      redirect_uri_with_query: "https://backend.example.test/callback?from=postern&and=%2F",
    },
  };
  const postern = await startPostern({
    port,
    tls,
    origin: () => new OriginAnswer(null, { status: 204 }),
    ...options,
    vars: settings(
      {
        POSTERN_ISSUER: given.issuer,
        POSTERN_CLIENTS: [
          { client_id: "first-party" },
          { client_id: given.open.client_id, name: "Notes", redirect_uris: [given.open.redirect_uri], scopes },
          { client_id: given.confidential.client_id, name: "Backend", redirect_uris: [given.confidential.redirect_uri, given.confidential.redirect_uri_with_query], scopes, secret_hashes: [digestOf(SECRET)] },
        ],
        // The cheapest that is allowed: this is about answers, not about hashing.
        POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
        ...options.vars,
      },
      [
        { name: "write", path: "/orders/write", resource: given.resource, scopes_all: ["write:orders"], service: "ORIGIN" },
        { name: "read", path: "/orders", resource: given.resource, scopes_all: ["read:orders"], resource_scopes: ["read:orders"], revocation: "strong", service: "ORIGIN" },
        { name: "other", path: "/other", resource: given.other, service: "ORIGIN" },
      ],
    ),
  });
  const ready = await postern.fetch("/readyz");
  if (ready.status !== 200) throw new Error(`${ready.status} ${await ready.text()} ${postern.logs.join("\n")}`);
  const person = await startPerson(postern);
  return {
    postern,
    given: { ...given, person: person.url },
    certificate,
    stop: async () => {
      person.stop();
      await postern.dispose();
      rmSync(folder, { recursive: true });
    },
  };
}
