// OAuthSession and DpopKey with oidc-provider, an authorization server of others that binds tokens to keys and asks for nonces.
import { DpopKey } from "@postern/client/dpop";
import { memory, OAuthSession } from "@postern/client";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider } from "oidc-provider";
import { equal } from "../clients/checks.ts";

const REDIRECT = "http://127.0.0.1:1/callback";

/** A user who signs in and consents at once. */
async function provider(): Promise<{ issuer: string; stop(): void }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const made = new Provider(issuer, {
    clients: [{ client_id: "app", application_type: "native", redirect_uris: [REDIRECT], token_endpoint_auth_method: "none", grant_types: ["authorization_code", "refresh_token"], response_types: ["code"], dpop_bound_access_tokens: true }],
    cookies: { keys: ["the key of a test"] },
    pkce: { required: () => true },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    issueRefreshToken: () => true,
    rotateRefreshToken: true,
    features: { devInteractions: { enabled: false }, revocation: { enabled: true }, dPoP: { enabled: true, nonceSecret: Buffer.alloc(32, 7), requireNonce: () => true } },
  });
  const callback = made.callback();
  server.on("request", async (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return void callback(request, response);
    const { prompt, session, params } = await made.interactionDetails(request, response);
    if (prompt.name === "login") return void (await made.interactionFinished(request, response, { login: { accountId: "alice" } }));
    const grant = new made.Grant({ accountId: session?.accountId ?? "", clientId: String(params["client_id"]) });
    grant.addOIDCScope("openid offline_access");
    await made.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  });
  return { issuer, stop: () => (server.close(), server.closeAllConnections()) };
}

/** What a browser does: follows redirects with cookies, up to the client. */
async function browse(start: string): Promise<string> {
  const cookies = new Map<string, string>();
  const { origin } = new URL(start);
  let at = start;
  for (let step = 0; step < 10; step += 1) {
    const answer = await fetch(at, { redirect: "manual", headers: { accept: "text/html", cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join("; ") } });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") cookies.delete(name);
      else cookies.set(name, value);
    }
    at = new URL(answer.headers.get("location") ?? "", origin).href;
    if (at.startsWith(REDIRECT)) return at;
  }
  throw new Error(`no way back to the client: ${at}`);
}

export async function dpopWithOidcProvider(): Promise<string> {
  const { issuer, stop } = await provider();
  try {
    const seen: { url: string; status: number; proof: string | null; authorization: string | null }[] = [];
    const watched: typeof fetch = async (input, init) => {
      const request = new Request(input, init);
      const answer = await fetch(request);
      seen.push({ url: request.url, status: answer.status, proof: request.headers.get("dpop"), authorization: request.headers.get("authorization") });
      return answer;
    };
    const dpop = await DpopKey.inMemory();
    const storage = memory();
    const made = () => new OAuthSession({ issuer, clientId: "app", redirectUri: REDIRECT, scope: "openid offline_access", storage, dpop, fetch: watched });
    const session = made();
    await session.callback(await browse(await session.authorizationUrl({ parameters: { prompt: "consent" } })));
    // Asked for a nonce, and repeated with it.
    equal(seen.filter(({ url }) => url.endsWith("/token")).map(({ status }) => status), [400, 200], "the token endpoint");
    const me = await session.fetch("/me");
    equal([me.status, ((await me.json()) as { sub: string }).sub], [200, "alice"], "userinfo");
    equal(seen.at(-1)?.authorization?.split(" ")[0], "DPoP", "the scheme");
    // The token alone is worth nothing.
    equal((await fetch(`${issuer}/me`, { headers: { authorization: `Bearer ${session.peek()}` } })).status, 401, "a bound token as a bearer token");
    const next = made();
    equal((await next.start()).status, "signed-in", "a refresh with the key");
    equal((await next.fetch("/me")).status, 200, "userinfo after the refresh");
    const thief = new OAuthSession({ issuer, clientId: "app", redirectUri: REDIRECT, storage, dpop: await DpopKey.inMemory() });
    equal((await thief.start()).status, "signed-out", "a refresh with another key");
    return `${seen.length} requests`;
  } finally {
    stop();
  }
}
