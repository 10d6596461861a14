// A Worker that trusts the issuer of the attack list, as somebody else's or as its own.
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { startPostern, type Postern } from "../../worker/harness.ts";
import { AUDIENCE, OWN_ISSUER, settings } from "../../worker/support/config.ts";
import { attackList, LEEWAY, type AttackList } from "./list.ts";

export interface Scene {
  postern: Postern;
  list: AttackList;
  /** How often the key set was fetched over HTTP. */
  fetches(): number;
  stop(): Promise<void>;
}

/** The issuer's key set is served over HTTP on loopback. */
export async function external(): Promise<Scene> {
  let fetches = 0;
  let jwks = "";
  const server = createServer((_, response) => {
    fetches += 1;
    response.writeHead(200, { "content-type": "application/json" }).end(jwks);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const setting = { issuer, jwks_uri: `${issuer}/jwks.json`, audiences: [AUDIENCE] };
  const postern = await startPostern({ vars: settings({ POSTERN_ISSUERS: [setting], POSTERN_LEEWAY: LEEWAY }) });
  const list = await attackList(issuer, AUDIENCE, "external");
  jwks = JSON.stringify(list.jwks);
  return {
    postern,
    list,
    fetches: () => fetches,
    async stop() {
      await postern.dispose();
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

/**
 * The same keys as our own issuer's, so that the rules for our own tokens are attacked: they are put where the Worker looks
 * first, into KV, with a time a little ahead, which the key ring's real set does not replace.
 */
export async function own(): Promise<Scene> {
  const postern = await startPostern({ vars: settings({ POSTERN_JWKS: { soft_age: 86_400, hard_age: 86_400 }, POSTERN_LEEWAY: LEEWAY }) });
  const list = await attackList(OWN_ISSUER, AUDIENCE, "own");
  const fetched_at = Date.now() + 30_000;
  const snapshot = { issuer: OWN_ISSUER, document: JSON.stringify(list.jwks), fetched_at, version: 1 };
  await postern.kv.write(`jwks:${createHash("sha256").update(OWN_ISSUER).digest("base64url")}`, JSON.stringify(snapshot));
  return { postern, list, fetches: () => 0, stop: () => postern.dispose() };
}
