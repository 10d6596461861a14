// oauth4webapi, on which openid-client is built: each answer is checked by the caller, step by step. Here are the checks that
// openid-client does not do: the access token's own (RFC 9068), and headers.
import * as oauth from "oauth4webapi";
import { given, send } from "./client.ts";
import { check, equal, finished, refused } from "./checks.ts";

const { issuer, resource, other, open, confidential, audience } = given;
const url = new URL(issuer);

const server = await check("discovery, strictly", async () => {
  const answer = await oauth.discoveryRequest(url, { algorithm: "oauth2" });
  equal([answer.status, answer.headers.get("content-type")?.split(";")[0], answer.headers.get("access-control-allow-origin")], [200, "application/json", "*"]);
  return oauth.processDiscoveryResponse(url, answer);
});
if (server === undefined) throw new Error("there is nothing to go on with");
await check("the other documents are the same", async () => {
  equal(await oauth.processDiscoveryResponse(url, await oauth.discoveryRequest(url, { algorithm: "oidc" })), server);
  const { origin, pathname } = url;
  equal(await (await fetch(`${origin}/.well-known/openid-configuration${pathname === "/" ? "" : pathname}`)).json(), server);
});

/** Its redirect URI has a query of its own (which openid-client cannot redeem a code for). */
const queried = { ...confidential, redirect_uri: confidential.redirect_uri_with_query };
type Kind = [string, typeof open, oauth.ClientAuth];
const kinds: Kind[] = [
  ["public", open, oauth.None()],
  ["client_secret_basic", queried, oauth.ClientSecretBasic(confidential.client_secret)],
  ["client_secret_post", queried, oauth.ClientSecretPost(confidential.client_secret)],
];
for (const [kind, { client_id, redirect_uri }, auth] of kinds) {
  const client: oauth.Client = { client_id };
  const its = (name: string) => `${kind}: ${name}`;

  const asked = async (more: Record<string, string> = {}) => {
    const [verifier, state] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState()];
    const request = new URL(server.authorization_endpoint ?? "");
    const code_challenge = await oauth.calculatePKCECodeChallenge(verifier);
    request.search = new URLSearchParams({ client_id, redirect_uri, response_type: "code", code_challenge, code_challenge_method: "S256", state, ...more }).toString();
    const answer = oauth.validateAuthResponse(server, client, await send(request), state);
    return { answer, verifier };
  };
  const redeem = async ({ answer, verifier }: { answer: URLSearchParams; verifier: string }, more: Record<string, string> = {}) => {
    const response = await oauth.authorizationCodeGrantRequest(server, client, auth, answer, redirect_uri, verifier, { additionalParameters: more });
    equal([response.status, response.headers.get("cache-control"), response.headers.get("content-type")?.split(";")[0]], [200, "no-store", "application/json"]);
    return oauth.processAuthorizationCodeResponse(server, client, response);
  };
  const refresh = async (token: string) => oauth.processRefreshTokenResponse(server, client, await oauth.refreshTokenGrantRequest(server, client, auth, token));
  /** As a resource server reads the token: issuer, audience, type, signature. */
  const read = (token: string, aud: string) => oauth.validateJwtAccessToken(server, new Request(aud, { headers: { authorization: `Bearer ${token}` } }), aud, { signingAlgorithms: ["ES256"] });

  const tokens = await check(its("code and tokens for a resource"), async () => redeem(await asked({ resource }), { resource }));
  if (tokens?.refresh_token === undefined) continue;
  await check(its("the access token is a JWT of RFC 9068 for this resource"), async () => {
    const claims = await read(tokens.access_token, resource);
    equal([claims.iss, claims.client_id, claims.aud, claims.scope], [issuer, client_id, resource, "read:orders write:orders"]);
  });
  await check(its("and for no other"), async () => {
    for (const aud of [other, audience, `${resource}/`]) await refused(() => read(tokens.access_token, aud), ({ message }) => /"?aud/.test(message));
  });
  await check(its("without a resource it is for the deployment's audience"), async () => {
    const claims = await read((await redeem(await asked())).access_token, audience);
    equal(claims.aud, audience);
  });
  const second = await check(its("refresh"), async () => {
    const found = await refresh(tokens.refresh_token ?? "");
    await read(found.access_token, resource);
    return found;
  });
  if (client_id === confidential.client_id) {
    await check(its("introspection"), async () => {
      const found = await oauth.processIntrospectionResponse(server, client, await oauth.introspectionRequest(server, client, auth, second?.access_token ?? ""));
      equal([found.active, found.aud, found.token_type], [true, resource, "Bearer"]);
    });
  }
  await check(its("revocation"), async () => {
    await oauth.processRevocationResponse(await oauth.revocationRequest(server, client, auth, second?.access_token ?? ""));
    await refused(() => refresh(second?.refresh_token ?? ""), ({ error }) => error === "invalid_grant");
  });
  await check(its("state is compared"), async () => {
    const request = new URL(server.authorization_endpoint ?? "");
    const code_challenge = await oauth.calculatePKCECodeChallenge(oauth.generateRandomCodeVerifier());
    request.search = new URLSearchParams({ client_id, redirect_uri, response_type: "code", code_challenge, code_challenge_method: "S256", state: "a state.with~signs" }).toString();
    const back = await send(request);
    oauth.validateAuthResponse(server, client, back, "a state.with~signs");
    await refused(async () => oauth.validateAuthResponse(server, client, back, "another"), ({ message }) => /state/.test(message));
  });
}
finished();
