// Forms for the OAuth endpoints. What schemathesis makes up ends at the client or at the token, so every other form gets a
// known client and something live instead: a code with its verifier, or a refresh token. Everything else stays as it came.
import * as oauth from "oauth4webapi";
import type { Postern } from "../../worker/harness.ts";
import { FormBrowser } from "../../worker/support/form-browser.ts";
import { digestOf, OauthServer, type TestClient } from "../../worker/support/oauth-client.ts";

const SECRET = "a-secret-of-the-proof";
const CLIENT: TestClient = { client: { client_id: "backend" }, auth: oauth.ClientSecretPost(SECRET), redirectUri: "https://backend.example.test/callback" };

/** As settings. */
export const CLIENTS = [{ client_id: CLIENT.client.client_id, redirect_uris: [CLIENT.redirectUri], scopes: ["read:orders"], secret_hashes: [digestOf(SECRET)], first_party: true }];

const PATHS = ["/oauth/token", "/oauth/revoke", "/oauth/introspect"];

/** Returns a form with live values, or nothing: then it goes as it came. */
export async function liveForms(postern: Postern, issuer: string): Promise<(path: string, body: Buffer) => Promise<Buffer | undefined>> {
  const server = await OauthServer.discover(postern, issuer);
  let count = 0;
  const code = () => server.code(CLIENT, {}, { browser: new FormBrowser(postern) });
  const refreshToken = async () => (await server.redeem(CLIENT, await code())).refresh_token ?? "";
  return async (path, body) => {
    const form = new URLSearchParams(body.toString("latin1"));
    if (!PATHS.includes(path) || form.size === 0 || (count += 1) % 2 === 0) return undefined;
    form.set("client_id", CLIENT.client.client_id);
    form.set("client_secret", SECRET);
    if (form.has("code")) {
      const brought = await code();
      form.set("code", brought.code);
      form.set("code_verifier", brought.verifier);
      // The other parameters that belong to a code: half of these forms have those of the request.
      if (count % 4 === 1) for (const name of ["redirect_uri", "resource"]) form.delete(name);
    }
    for (const name of ["refresh_token", "token"]) if (form.has(name)) form.set(name, await refreshToken());
    if (form.has("refresh_token") && count % 4 === 1) for (const name of ["scope", "resource"]) form.delete(name);
    return Buffer.from(form.toString());
  };
}
