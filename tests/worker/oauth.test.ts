// The authorization server on workerd, as OAuth clients use it: `oauth4webapi` checks each answer, a browser without scripts
// signs in and consents. What each endpoint refuses, row by row, is tested in crates/oauth and crates/app/src/oauth.
import * as oauth from "oauth4webapi";
import { describe, expect, test } from "vitest";
import { bearer, expectEmpty, expectProblem, signIn } from "./support/client.ts";
import { AUDIENCE } from "./support/config.ts";
import { FormBrowser, formOf } from "./support/form-browser.ts";
import { BACKEND, BACKEND_POST, grantOf, NOTES, oauthScene, SCOPES } from "./support/oauth-scene.ts";

const scene = await oauthScene();
const { postern, opened, at, grants, redemption, renewal, expectOver } = scene;
const { HERE, A, B } = scene;
const server = () => scene.server();

// Tests RFC 8414 section 3: the metadata is a document below /.well-known
test("clients find everything in the metadata", async () => {
  expect(server().metadata).toMatchObject({ issuer: HERE, token_endpoint: `${HERE}/oauth/token`, authorization_response_iss_parameter_supported: true, code_challenge_methods_supported: ["S256"] });
  const [rfc8414, openid] = await Promise.all(["oauth-authorization-server", "openid-configuration"].map((name) => postern().fetch(`/.well-known/${name}`)));
  expect(rfc8414?.headers.get("access-control-allow-origin")).toBe("*");
  expect(await openid?.json()).toEqual(await rfc8414?.json());
});

// Tests RFC 6749 section 4.1: a code by way of the user's browser becomes tokens
// Tests RFC 9207 section 2.4: the client finds the server's issuer in the answer
test("a client gets tokens by sign-in and consent", async () => {
  const browser = new FormBrowser(postern());
  const brought = await server().code(NOTES, { scope: SCOPES }, { browser, person: { untick: ["write:orders"] } });
  expect(brought.answer.get("iss")).toBe(HERE);
  const tokens = await server().redeem(NOTES, brought);
  expect(tokens).toMatchObject({ token_type: "bearer", scope: "read:orders", refresh_token: expect.stringMatching(/^prt_/) });
  const request = new Request(HERE, { headers: bearer(tokens.access_token) });
  const claims = await oauth.validateJwtAccessToken(server().metadata, request, AUDIENCE, server().http);
  expect(claims).toMatchObject({ iss: HERE, client_id: "notes", scope: "read:orders" });
  expect(await at("/api/orders", tokens.access_token)).toBe(204);
  expect(await at("/a/mcp", tokens.access_token), "a token for no resource").toBe(401);
  // The browser is signed in, and this consent is remembered: the answer is a redirect at once.
  const { url } = await server().ask(NOTES, { scope: "read:orders" });
  const again = await browser.open(url.href);
  expect([again.status, again.headers.get("location")]).toEqual([303, expect.stringContaining("code=pac_")]);
});

// Attack: a client takes the token that a user gave it for one resource to another.
// Tests MCP Authorization section "Resource Parameter Implementation": resource in both requests, one for each token (A13)
// Tests RFC 8707 section 2: the token is for the resource that was asked for
test("a token for a resource serves nowhere else", async () => {
  const { access_token, refresh_token } = await opened(NOTES, { resource: A });
  const request = new Request(A, { headers: bearer(access_token) });
  await oauth.validateJwtAccessToken(server().metadata, request, A, server().http);
  const refreshed = await server().refresh(NOTES, refresh_token);
  for (const token of [access_token, refreshed.access_token]) {
    expect(await at("/a/mcp", token)).toBe(204);
    for (const path of ["/b/mcp", "/api/orders", "/auth/me"]) expect(await at(path, token), path).toBe(401);
  }
  // Nor does it get one for another resource.
  expect(await server().token(renewal(refreshed.refresh_token ?? "", { resource: B }))).toMatchObject({ status: 400, error: "invalid_target" });
});

// Attack: a client takes the user's token to the calls of the account itself.
test("a client's token is no session of the user", async () => {
  const { access_token, refresh_token } = await opened(NOTES);
  for (const path of ["/auth/me", "/auth/sessions", "/auth/grants", "/auth/account/export"]) {
    await expectProblem(await postern().fetch(path, { headers: bearer(access_token) }), 401, "invalid_token");
  }
  await expectProblem(await postern().fetch("/auth/refresh", { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify({ refresh_token }) }), 401, "invalid_grant");
  const session = await signIn(postern());
  expect(await server().token(renewal(session.refresh_token))).toMatchObject({ status: 400, error: "invalid_grant" });
});

describe("refresh tokens", () => {
  // Tests MCP Authorization section "Token Theft": refresh tokens of public clients rotate (A7)
  // Tests RFC 6749 section 6: a refresh token gets an access token of the same scope or less
  test("rotate, and narrow the scope of one access token", async () => {
    const first = await opened(NOTES, { scope: SCOPES });
    const narrow = await server().refresh(NOTES, first.refresh_token, { scope: "write:orders" });
    expect(narrow).toMatchObject({ scope: "write:orders", refresh_token: expect.stringMatching(/^prt_/) });
    expect(narrow.refresh_token).not.toBe(first.refresh_token);
    expect(await at("/api/orders", narrow.access_token), "without read:orders").toBe(403);
    const wide = await server().refresh(NOTES, narrow.refresh_token ?? "");
    expect(wide.scope).toBe(SCOPES);
    expect(await server().token(renewal(wide.refresh_token ?? "", { scope: "postern:admin" }))).toMatchObject({ status: 400, error: "invalid_scope" });
  });

  // Attack: a stolen refresh token is used after the client has refreshed with it.
  // Tests RFC 9700 section 4.14.2: reuse of a refresh token ends the grant
  test("a replaced one ends the grant when it is replayed", async () => {
    const first = await opened(NOTES);
    const second = await server().refresh(NOTES, first.refresh_token);
    const third = await server().refresh(NOTES, second.refresh_token ?? "");
    expect(await server().token(renewal(first.refresh_token))).toMatchObject({ status: 400, error: "invalid_grant" });
    await expectOver(first.grant, { access_token: third.access_token, refresh_token: third.refresh_token ?? "" });
  });

  // Attack: another client, or a thief without the secret, presents a client's refresh token.
  test("another client's refreshes nothing and harms nothing", async () => {
    const { refresh_token } = await opened(BACKEND);
    expect(await server().token(renewal(refresh_token))).toMatchObject({ status: 400, error: "invalid_grant" });
    expect(await server().token(renewal(refresh_token, { client_id: "back:end+1" }))).toMatchObject({ status: 401, error: "invalid_client" });
    expect(await server().token(renewal(refresh_token, { client_id: "back:end+1", client_secret: "wrong" }))).toMatchObject({ status: 401, error: "invalid_client" });
    await server().refresh(BACKEND, refresh_token);
  });
});

describe("a code", () => {
  // Attack: a code is taken from the browser's history or a log, with or without what belongs to it.
  // Tests MCP Authorization section "Resource Parameter Implementation": an unknown resource is refused before anything is used up (A13)
  // Tests RFC 7636 section 4.6: another verifier is invalid_grant
  test("serves no one who lacks something, and is not used up", async () => {
    const { code, verifier, answer } = await server().code(NOTES);
    const wrong: [string, Record<string, string>, string][] = [
      ["another verifier", { code_verifier: oauth.generateRandomCodeVerifier() }, "invalid_grant"],
      ["the challenge as verifier", { code_verifier: await oauth.calculatePKCECodeChallenge(verifier) }, "invalid_grant"],
      ["another redirect_uri", { redirect_uri: "https://notes.example.test/callback/" }, "invalid_grant"],
      ["another client", { client_id: "other" }, "invalid_grant"],
      ["another resource", { resource: A }, "invalid_target"],
      ["an unknown resource", { resource: "https://elsewhere.example.test/mcp" }, "invalid_target"],
      ["an altered code", { code: `${code.slice(0, -2)}AA` }, "invalid_grant"],
    ];
    for (const [what, change, error] of wrong) expect(await server().token(redemption(code, verifier, change)), what).toMatchObject({ status: 400, error });
    await server().redeem(NOTES, { answer, verifier });
  });

  // Attack: a thief has the code and the verifier, and comes second, or first.
  // Tests RFC 6749 section 4.1.2: a code that is used twice ends the tokens of before
  test("ends its grant when it comes again", async () => {
    const first = await opened(NOTES);
    expect(await server().token(redemption(first.code, first.verifier))).toMatchObject({ status: 400, error: "invalid_grant" });
    await expectOver(first.grant, first);
  });
});

describe("authorization requests", () => {
  // Attack: an unknown or foreign address is to get the answer.
  // Tests RFC 6749 section 4.1.2.1: without a proved redirect URI the browser is sent nowhere
  test("an unproved client or redirect URI is a page", async () => {
    for (const more of [{ client_id: "unknown" }, { redirect_uri: "https://evil.example.test/callback" }, { redirect_uri: "https://notes.example.test/callback/" }]) {
      const { url } = await server().ask(NOTES, more);
      const answer = await new FormBrowser(postern()).open(url.href);
      expect([answer.status, answer.headers.get("location")], JSON.stringify(more)).toEqual([400, null]);
    }
  });

  test.for<[string, Record<string, string>]>([
    ["login_required", { prompt: "none" }],
    ["invalid_target", { resource: "https://elsewhere.example.test/mcp" }],
    ["invalid_request", { code_challenge_method: "plain" }],
    ["unsupported_response_type", { response_type: "token" }],
  ])("the client is told %s", async ([error, more]) => {
    const { url, state } = await server().ask(NOTES, more);
    const answer = await new FormBrowser(postern()).open(url.href);
    const location = new URL(answer.headers.get("location") ?? "");
    expect(`${location.origin}${location.pathname}`).toBe(NOTES.redirectUri);
    // With `iss` and `state`, also in an error.
    expect(() => oauth.validateAuthResponse(server().metadata, NOTES.client, location, state)).toThrow(expect.objectContaining({ error }));
  });

  test("a refusal at the consent page is access_denied", async () => {
    const { url, state } = await server().ask(NOTES, { prompt: "consent" });
    const location = await new FormBrowser(postern()).authorize(url, { consent: "deny" });
    expect(() => oauth.validateAuthResponse(server().metadata, NOTES.client, location, state)).toThrow(expect.objectContaining({ error: "access_denied" }));
  });

  // Attack: the form for consent is posted again, or from the browser of another person.
  test("a form for consent serves once, in one browser", async () => {
    const browser = new FormBrowser(postern());
    await browser.authorize((await server().ask(BACKEND)).url);
    const { url } = await server().ask(NOTES, { prompt: "consent" });
    const form = browser.filled(formOf(await (await browser.open(url.href)).text()));
    const stranger = new FormBrowser(postern());
    await stranger.authorize((await server().ask(BACKEND)).url);
    expect((await stranger.submit(form)).status).toBe(403);
    expect((await browser.submit(form)).status).toBe(303);
    expect((await browser.submit(form)).status).toBe(403);
  });
});

describe("clients with a secret", () => {
  // Tests MCP Authorization section "Overview": OAuth 2.1 for confidential clients, with each way of authentication (A1)
  // Tests RFC 6749 section 2.3.1: a client proves its secret by Basic, form-encoded, or in the body
  // Tests RFC 7662 section 2.2: an answer to a client of the token has its members
  test.for([["client_secret_basic", BACKEND], ["client_secret_post", BACKEND_POST]] as const)("redeem, refresh, and introspect: %s", async ([, of]) => {
    const { access_token, refresh_token, grant } = await opened(of);
    const { sub } = await oauth.validateJwtAccessToken(server().metadata, new Request(HERE, { headers: bearer(access_token) }), AUDIENCE, server().http);
    expect(await server().introspect(of, access_token)).toMatchObject({ active: true, iss: HERE, aud: AUDIENCE, client_id: "back:end+1", sub, token_type: "Bearer" });
    expect(await server().introspect(of, refresh_token)).toMatchObject({ active: true, client_id: "back:end+1", sub, sid: grant });
    await server().refresh(of, refresh_token);
    await server().revoke(of, access_token);
    for (const token of [access_token, refresh_token]) expect(await server().introspect(of, token)).toEqual({ active: false });
  });

  // Attack: a client looks at tokens of another client's users, or of no one.
  test("introspection says nothing of others' tokens", async () => {
    const { access_token, refresh_token } = await opened(NOTES);
    for (const token of [access_token, refresh_token, "prt_x", "x.y.z"]) expect(await server().introspect(BACKEND, token)).toEqual({ active: false });
    const answer = await server().form("/oauth/introspect", { client_id: "notes", token: access_token });
    expect(answer.status, "a public client").toBe(401);
  });

  // Tests RFC 6749 section 5.2: a wrong secret is 401 invalid_client with a challenge
  test("a wrong secret is invalid_client", async () => {
    const answer = await server().form("/oauth/introspect", { token: "x" }, { authorization: `Basic ${Buffer.from("back%3Aend%2B1:wrong").toString("base64")}` });
    expect([answer.status, answer.headers.get("www-authenticate"), answer.headers.get("cache-control")]).toEqual([401, 'Basic realm="postern"', "no-store"]);
    expect(await answer.json()).toMatchObject({ error: "invalid_client" });
  });
});

describe("the end of a grant", () => {
  // Tests RFC 7009 section 2.1: the revocation of a token ends the grant
  test.for(["access_token", "refresh_token"] as const)("by its client, with the %s", async (which) => {
    const tokens = await opened(NOTES);
    await server().revoke(NOTES, tokens[which]);
    await expectOver(tokens.grant, tokens);
    // Again, and something unknown: 200 (section 2.2).
    for (const token of [tokens[which], "unknown"]) await server().revoke(NOTES, token);
  });

  // Attack: another client ends a user's grant.
  test("not by another client", async () => {
    const { access_token, refresh_token } = await opened(NOTES);
    for (const token of [access_token, refresh_token]) await server().revoke(BACKEND, token);
    await server().refresh(NOTES, refresh_token);
  });

  test("by its user, who is asked again afterwards", async () => {
    const browser = new FormBrowser(postern());
    const brought = await server().code(NOTES, { resource: A }, { browser });
    const { access_token, refresh_token = "" } = await server().redeem(NOTES, brought);
    const grant = grantOf(access_token);
    const { access_token: own } = await signIn(postern());
    expect(await grants()).toContainEqual(expect.objectContaining({ grant_id: grant, client_id: "notes", client_name: "Notes", resource: A }));
    const end = () => postern().fetch(`/auth/grants/${grant}`, { method: "DELETE", headers: bearer(own) });
    await expectEmpty(await end());
    await expectProblem(await end(), 404, "grant_not_found");
    await expectOver(grant, { access_token, refresh_token });
    expect((await browser.open((await server().ask(NOTES, { resource: A })).url.href)).status, "the page for consent").toBe(200);
  });
});

// Pages of public clients in browsers redeem codes by themselves.
test("pages of a client's own origin read the answer", async () => {
  for (const [origin, allowed] of [["https://notes.example.test", "https://notes.example.test"], ["https://evil.example.test", null]] as const) {
    const answer = await server().form("/oauth/token", redemption("pac_x", "x".repeat(43)), { origin });
    expect([answer.headers.get("access-control-allow-origin"), answer.headers.get("access-control-allow-credentials")]).toEqual([allowed, null]);
  }
});
