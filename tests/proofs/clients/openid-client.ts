// openid-client: discovery in each form, and for each way of a client to prove itself the whole story of a grant. TLS is
// checked, and nothing is allowed that the library forbids by default.
import * as client from "openid-client";
import { given, send, type Wishes } from "./client.ts";
import { check, equal, finished, refused } from "./checks.ts";

const { issuer, resource, other, open, confidential } = given;
const { origin, pathname } = new URL(issuer);
const path = pathname === "/" ? "" : pathname;
const scope = "read:orders write:orders";

type Kind = [name: string, of: { client_id: string; redirect_uri: string }, auth: client.ClientAuth];
const kinds: Kind[] = [
  ["public", open, client.None()],
  ["client_secret_basic", confidential, client.ClientSecretBasic(confidential.client_secret)],
  ["client_secret_post", confidential, client.ClientSecretPost(confidential.client_secret)],
];

/** 401 with a challenge, as RFC 6749 section 5.2 has it. The library reads the challenge, and then not the body. */
const isInvalidClient = (thrown: unknown): boolean => {
  const { status, cause } = thrown as { status?: number; cause?: { scheme: string }[] };
  return status === 401 && cause?.[0]?.scheme === "basic";
};

for (const [name, url, algorithm] of [
  ["RFC 8414", issuer, "oauth2"],
  ["OpenID Connect", issuer, "oidc"],
  ["OpenID Connect, inserted", `${origin}/.well-known/openid-configuration${path}`, "oidc"],
] as const) {
  await check(`discovery: ${name}`, async () => {
    const found = (await client.discovery(new URL(url), open.client_id, undefined, client.None(), { algorithm })).serverMetadata();
    equal(found.issuer, issuer);
    equal(found.code_challenge_methods_supported, ["S256"]);
    equal(found.supportsPKCE(), true);
    equal(found.authorization_response_iss_parameter_supported, true);
  });
}
await check("discovery: another issuer at this address is refused by the client", () =>
  refused(() => client.discovery(new URL(`${origin}/elsewhere`), open.client_id), ({ name }) => name === "ClientError"),
);

for (const [kind, of, auth] of kinds) {
  const config = await client.discovery(new URL(issuer), of.client_id, undefined, auth, { algorithm: "oauth2" });
  client.enableNonRepudiationChecks(config);
  const its = (name: string) => `${kind}: ${name}`;

  /** An authorization request, the answer that a person brings, and its checks. */
  const asked = async (more: Record<string, string> = {}, wishes: Wishes = {}) => {
    const pkceCodeVerifier = client.randomPKCECodeVerifier();
    const expectedState = client.randomState();
    const code_challenge = await client.calculatePKCECodeChallenge(pkceCodeVerifier);
    const url = client.buildAuthorizationUrl(config, { redirect_uri: of.redirect_uri, scope, resource, code_challenge, code_challenge_method: "S256", state: expectedState, ...more });
    const answer = await send(url, wishes);
    // The answer comes to the redirect URI itself, behind what its query had before.
    if (!answer.href.startsWith(of.redirect_uri)) throw new Error(`the browser came to ${answer.origin}${answer.pathname}`);
    return { answer, checks: { pkceCodeVerifier, expectedState } };
  };
  const redeem = ({ answer, checks }: Awaited<ReturnType<typeof asked>>, more: Record<string, string> = {}) => client.authorizationCodeGrant(config, answer, checks, { resource, ...more });
  const api = (token: string, at = resource) => client.fetchProtectedResource(config, token, new URL(at), "GET");
  const isChallenge = (status: number, error: string) => (thrown: unknown) => {
    const { status: found, cause } = thrown as { status: number; cause: { parameters: { error?: string } }[] };
    return found === status && cause[0]?.parameters.error === error;
  };

  const tokens = await check(its("code and tokens"), async () => {
    const found = await redeem(await asked());
    equal(found.token_type, "bearer");
    equal(found.scope, scope);
    equal(found.expires_in !== undefined && found.expires_in <= 900, true, "a short lifetime");
    equal(typeof found.refresh_token, "string");
    return found;
  });
  if (!tokens?.refresh_token) continue;
  let latest = tokens.refresh_token;
  await check(its("the gate takes the token at its resource"), async () => equal((await api(tokens.access_token)).status, 204));
  await check(its("and nowhere else"), () => refused(() => api(tokens.access_token, other), isChallenge(401, "invalid_token")));
  const second = await check(its("refresh rotates"), async () => {
    const found = await client.refreshTokenGrant(config, latest, { resource });
    equal(found.refresh_token !== undefined && found.refresh_token !== tokens.refresh_token, true, "another refresh token");
    equal((await api(found.access_token)).status, 204);
    return found;
  });
  await check(its("refresh narrows the scope"), async () => {
    const found = await client.refreshTokenGrant(config, second?.refresh_token ?? "", { scope: "read:orders" });
    equal(found.scope, "read:orders");
    await refused(() => api(found.access_token, `${resource}/write`), isChallenge(403, "insufficient_scope"));
    latest = found.refresh_token ?? "";
  });
  await check(its("refresh for another resource is invalid_target"), () =>
    refused(() => client.refreshTokenGrant(config, latest, { resource: other }), ({ error }) => error === "invalid_target"),
  );
  await check(its("refresh for a wider scope is invalid_scope"), () =>
    refused(() => client.refreshTokenGrant(config, latest, { scope: "postern:admin" }), ({ error }) => error === "invalid_scope"),
  );
  if (of === confidential) {
    await check(its("introspection"), async () => {
      for (const token of [tokens.access_token, latest]) {
        const found = await client.tokenIntrospection(config, token);
        equal([found.active, found.client_id, found.iss, found.aud], [true, of.client_id, issuer, resource]);
      }
      equal(await client.tokenIntrospection(config, "unknown"), { active: false });
    });
  } else {
    await check(its("introspection is not for public clients"), () => refused(() => client.tokenIntrospection(config, tokens.access_token), isInvalidClient));
  }
  await check(its("revocation ends the grant"), async () => {
    await client.tokenRevocation(config, latest);
    await client.tokenRevocation(config, latest);
    await refused(() => client.refreshTokenGrant(config, latest), ({ error }) => error === "invalid_grant");
    await refused(() => api(tokens.access_token), isChallenge(401, "invalid_token"));
    if (of === confidential) equal(await client.tokenIntrospection(config, tokens.access_token), { active: false });
  });

  await check(its("a code serves once, and its replay ends the grant"), async () => {
    const brought = await asked();
    const found = await redeem(brought);
    await refused(() => redeem(brought), ({ error }) => error === "invalid_grant");
    await refused(() => client.refreshTokenGrant(config, found.refresh_token ?? ""), ({ error }) => error === "invalid_grant");
  });
  await check(its("a code needs its verifier"), async () => {
    const { answer, checks } = await asked();
    const wrong = { ...checks, pkceCodeVerifier: client.randomPKCECodeVerifier() };
    await refused(() => redeem({ answer, checks: wrong }), ({ error }) => error === "invalid_grant");
    await redeem({ answer, checks });
  });
  await check(its("a code is for its resource"), async () => {
    const brought = await asked();
    for (const wrong of [other, "https://elsewhere.example.test"]) await refused(() => redeem(brought, { resource: wrong }), ({ error }) => error === "invalid_target");
    await redeem(brought);
  });
  await check(its("the person grants less"), async () => equal((await redeem(await asked({ prompt: "consent" }, { untick: ["write:orders"] }))).scope, "read:orders"));
  await check(its("the person refuses: access_denied, with state and iss"), async () => {
    const { answer, checks } = await asked({ prompt: "consent" }, { consent: "deny" });
    await refused(() => client.authorizationCodeGrant(config, answer, checks), ({ error }) => error === "access_denied");
    equal([answer.searchParams.get("iss"), answer.searchParams.get("state")], [issuer, checks.expectedState]);
  });
  for (const [error, more] of [
    ["login_required", { prompt: "none" }],
    ["invalid_target", { resource: "https://elsewhere.example.test" }],
    ["invalid_scope", { scope: "postern:admin" }],
    ["unsupported_response_type", { response_type: "code id_token" }],
    ["invalid_request", { code_challenge_method: "plain" }],
    ["invalid_request", { prompt: "dance" }],
    ["request_not_supported", { request: "eyJ" }],
  ] as [string, Record<string, string>][]) {
    await check(its(`${Object.keys(more)[0]}=${Object.values(more)[0]} is ${error}`), async () => {
      const { answer, checks } = await asked(more);
      await refused(() => client.authorizationCodeGrant(config, answer, checks), (thrown) => thrown.error === error);
    });
  }
  await check(its("the client notices an answer of another issuer, or of none"), async () => {
    const { answer, checks } = await asked();
    for (const iss of ["https://evil.example.test", undefined]) {
      const forged = new URL(answer);
      if (iss === undefined) forged.searchParams.delete("iss");
      else forged.searchParams.set("iss", iss);
      await refused(() => client.authorizationCodeGrant(config, forged, checks, { resource }), ({ message, code }) => /iss/.test(message) || code === "OAUTH_INVALID_RESPONSE");
    }
    await client.authorizationCodeGrant(config, answer, checks, { resource });
  });
  await check(its("a browser that is signed in and has consented is not asked again"), async () => {
    const browser = `openid-client ${kind}`;
    await redeem(await asked({}, { browser }));
    const found = await redeem(await asked({ prompt: "none" }, { browser }));
    equal(found.scope, scope);
  });
}

await check("a wrong secret is invalid_client", async () => {
  for (const auth of [client.ClientSecretBasic("wrong"), client.ClientSecretPost("wrong")]) {
    const config = await client.discovery(new URL(issuer), confidential.client_id, undefined, auth, { algorithm: "oauth2" });
    await refused(() => client.refreshTokenGrant(config, "prt_x"), isInvalidClient);
  }
});
await check("a client that left its secret out is invalid_client", async () => {
  const config = await client.discovery(new URL(issuer), confidential.client_id, undefined, client.None(), { algorithm: "oauth2" });
  await refused(() => client.refreshTokenGrant(config, "prt_x"), isInvalidClient);
});
for (const [name, flow] of [
  ["the device flow", (config: client.Configuration) => client.initiateDeviceAuthorization(config, {})],
  ["pushed authorization requests", (config: client.Configuration) => client.buildAuthorizationUrlWithPAR(config, {})],
] as const) {
  await check(`${name}: the metadata says that it is not there`, async () => {
    const config = await client.discovery(new URL(issuer), open.client_id, undefined, client.None(), { algorithm: "oauth2" });
    await refused(() => flow(config), ({ name: thrown, message }) => thrown !== "ResponseBodyError" && /endpoint/.test(message));
  });
}
await check("client credentials are unsupported_grant_type", async () => {
  const config = await client.discovery(new URL(issuer), confidential.client_id, undefined, client.ClientSecretBasic(confidential.client_secret), { algorithm: "oauth2" });
  await refused(() => client.clientCredentialsGrant(config), ({ error }) => error === "unsupported_grant_type");
});
finished();
