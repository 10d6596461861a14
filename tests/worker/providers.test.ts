// Auth0, Amazon Cognito, Keycloak and Microsoft Entra ID by their guides in docs/guides, word for word, with tokens of the
// shapes that these four issue: every claim and header that they write, found by discovery, signed by jose.
import { readFileSync } from "node:fs";
import { parse } from "smol-toml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, expectProblem, json } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { Issuer, issuerKey, type IssuerKey } from "./support/issuer.ts";
import type { JsonObject } from "./support/jwt.ts";
import { UrlOrigin, type Seen } from "./support/origin.ts";
import { shared } from "./support/postern.ts";

/** The variables of a guide, with `issuer` in place of the one that it names and the origin behind every route. */
function recipe(name: string, issuer: string, origin: string, change: (toml: string) => string = (toml) => toml): Record<string, unknown> {
  const page = readFileSync(new URL(`../../docs/guides/${name}.md`, import.meta.url), "utf8");
  const toml = /\n```toml\n(.*?)```/s.exec(page)![1]!;
  const theirs = /^issuer = "(.*)"$/m.exec(toml)![1]!;
  const text = change(toml).replaceAll(`"${theirs}"`, `"${issuer}"`).replaceAll(/^service = ".*"$/gm, `upstream = "${origin}"`);
  return (parse(text) as { vars: Record<string, unknown> }).vars;
}

let key: IssuerKey;
let origin: UrlOrigin;
let idp: Issuer;
beforeAll(async () => {
  key = await issuerKey("RS256", "Nzg5-1");
  origin = await UrlOrigin.start();
  idp = await Issuer.start([key]);
});
afterAll(async () => {
  await idp.stop();
  await origin.stop();
});

/** What every provider's tokens are without: the claims that `Issuer` writes by itself. */
const BARE = { client_id: undefined, jti: undefined, scope: undefined, aud: undefined } as const;
const RANDOM_ID = "b3e0a3c4-70f1-7015-9e6f-3c8d6f2b9a01";
const told = (seen: Seen) => Object.fromEntries(seen.headers.map(([name, value]) => [name.toLowerCase(), value]));

/** Names the provider's metadata, at the path that its issuer has. */
function discovered(path: string): string {
  const issuer = `${idp.iss}${path}`;
  idp.documents.set(`${path.replace(/\/$/, "")}/.well-known/openid-configuration`, { issuer, jwks_uri: idp.jwksUri });
  return issuer;
}

describe("Auth0", () => {
  const API = "https://api.example.com";
  let issuer: string;
  const postern = shared(() => {
    issuer = discovered("/");
    return { vars: { ...settings(), ...recipe("auth0", issuer, origin.url) } };
  });

  const access = (more: JsonObject = {}, header: JsonObject = { typ: "JWT" }) =>
    idp.token(key.kid, {
      ...BARE,
      iss: issuer,
      sub: "auth0|5f7c8ec7c33c6c004bbafe82",
      aud: [API, `${issuer}userinfo`],
      azp: "my5D4Kq0yTqzaVJ2rXqmUe3gJtC0hT9k",
      scope: "openid profile email read:orders",
      permissions: ["read:orders", "write:orders"],
      "https://example.com/roles": ["Customer Service"],
      ...more,
    }, header);
  const call = async (token: Promise<string>) => postern().fetch("/orders/7", { headers: bearer(await token) });

  // The origin gets the subject, the permissions and the client.
  test("an access token of its own profile passes", async () => {
    expect(told(await json<Seen>(await call(access())))).toMatchObject({
      "x-auth-issuer": issuer,
      "x-auth-subject": "auth0|5f7c8ec7c33c6c004bbafe82",
      "x-auth-scope": "read:orders write:orders",
      "x-auth-roles": "Customer%20Service",
      "x-auth-client": "my5D4Kq0yTqzaVJ2rXqmUe3gJtC0hT9k",
    });
  });

  test("so does one of the RFC 9068 profile, and one of a program", async () => {
    const other = access({ azp: undefined, client_id: "my5D4Kq0yTqzaVJ2rXqmUe3gJtC0hT9k", jti: "pTnI6ZBB" }, { typ: "at+jwt" });
    expect(told(await json<Seen>(await call(other)))["x-auth-client"]).toBe("my5D4Kq0yTqzaVJ2rXqmUe3gJtC0hT9k");
    await json(await call(access({ sub: "my5D4Kq0@clients", aud: API, gty: "client-credentials", scope: "read:orders" })));
  });

  // So is one whose client is no text. A token that names none has none.
  test("one that names two apps is refused", async () => {
    await expectProblem(await call(access({ client_id: "another" })), 401, "invalid_token");
    await expectProblem(await call(access({ azp: ["my5D4Kq0yTqzaVJ2rXqmUe3gJtC0hT9k"] })), 401, "invalid_token");
    expect(told(await json<Seen>(await call(access({ azp: undefined }))))).not.toHaveProperty("x-auth-client");
  });

  test("without the permission it is refused, whatever `scope` says", async () => {
    await expectProblem(await call(access({ permissions: [] })), 403, "insufficient_scope");
    await expectProblem(await call(access({ permissions: undefined })), 403, "insufficient_scope");
  });

  // Tests RFC 9068 section 5: an ID token of Auth0 is no access token
  test("an ID token, and one for Auth0's own API, are refused", async () => {
    const id = { aud: "my5D4Kq0yTqzaVJ2rXqmUe3gJtC0hT9k", azp: undefined, scope: undefined, nonce: "n-0S6", sid: "cNAIv1", email: "a@example.com" };
    await expectProblem(await call(access(id)), 401, "invalid_token");
    await expectProblem(await call(access({ aud: `${issuer}api/v2/` })), 401, "invalid_token");
  });
});

describe("Amazon Cognito", () => {
  let issuer: string;
  const postern = shared(() => {
    issuer = discovered("/eu-central-1_Example");
    return { vars: { ...settings(), ...recipe("amazon-cognito", issuer, origin.url) } };
  });

  const common = () => ({
    ...BARE,
    iss: issuer,
    sub: RANDOM_ID,
    "cognito:groups": ["customers", "eu-central-1_Example_Google"],
    origin_jti: "7d3c0a52-1f0b-4b0e-8f34-4a51b5a3a0aa",
    event_id: "64f513be-32db-42b0-b78e-b02127b4f463",
    auth_time: Math.floor(Date.now() / 1000) - 5,
    jti: "a1b2c3d4-0000-4000-8000-5e6f7a8b9c0d",
  });
  const access = (more: JsonObject = {}) =>
    idp.token(key.kid, {
      ...common(),
      version: 2,
      client_id: "4a1bexampleclientid",
      token_use: "access",
      scope: "openid https://api.example.com/orders.read",
      username: "alice",
      ...more,
    }, { typ: undefined });
  const call = async (token: Promise<string>) => postern().fetch("/orders/7", { headers: bearer(await token) });

  // Without `aud` and `typ`, the client in `client_id`, groups as roles.
  test("an access token passes", async () => {
    expect(told(await json<Seen>(await call(access())))).toMatchObject({
      "x-auth-subject": RANDOM_ID,
      "x-auth-client": "4a1bexampleclientid",
      "x-auth-roles": "customers,eu-central-1_Example_Google",
      "x-auth-scope": "https://api.example.com/orders.read openid",
      "x-user-name": "alice",
    });
  });

  // The SDK's sign-in has no custom scope; another group has no right; another app is no audience.
  test("a token without scope, group or client is refused", async () => {
    await expectProblem(await call(access({ scope: "aws.cognito.signin.user.admin" })), 403, "insufficient_scope");
    await expectProblem(await call(access({ "cognito:groups": ["staff"] })), 403, "forbidden");
    await expectProblem(await call(access({ "cognito:groups": undefined })), 403, "forbidden");
    await expectProblem(await call(access({ client_id: "7otherclientid" })), 401, "invalid_token");
  });

  // Tests RFC 9068 section 5: an ID token of Cognito is no access token
  test("an ID token of the very same app is refused", async () => {
    const id = idp.token(key.kid, {
      ...common(),
      aud: "4a1bexampleclientid",
      token_use: "id",
      "cognito:username": "alice",
      email: "alice@example.com",
      scope: "https://api.example.com/orders.read",
    }, { typ: undefined });
    await expectProblem(await call(id), 401, "invalid_token");
  });
});

/** What the recipe has as its roles. */
const BOTH = '["realm_access.roles", "resource_access.orders-api.roles"]';

describe.each([
  ["roles of the realm and of a client", (toml: string) => toml, "customer default-roles-shop editor writer"],
  ["realm roles alone", (toml: string) => toml.replace(BOTH, '"realm_access.roles"'), "customer default-roles-shop editor"],
  ["a client's roles, whose id has a dot", (toml: string) => toml.replace(BOTH, '"/resource_access/orders.api/roles"'), "editor"],
])("Keycloak, %s", (_, change, roles) => {
  let issuer: string;
  const postern = shared(() => {
    issuer = discovered("/realms/shop");
    return { vars: { ...settings(), ...recipe("keycloak", issuer, origin.url, change) } };
  });

  const access = (more: JsonObject = {}) =>
    idp.token(key.kid, {
      ...BARE,
      iss: issuer,
      jti: "onrtac:0f5b7e0a-5d2f-4b6d-9d58-1a7a3c1e5f11",
      aud: ["https://api.example.com", "account"],
      sub: RANDOM_ID,
      typ: "Bearer",
      azp: "web",
      sid: "5b1c6f0e-8a5d-4c8f-b7a1-6f0f1a2b3c4d",
      acr: "1",
      auth_time: Math.floor(Date.now() / 1000) - 5,
      "allowed-origins": ["https://shop.example.com"],
      realm_access: { roles: ["default-roles-shop", "customer", "editor"] },
      resource_access: {
        account: { roles: ["manage-account", "view-profile"] },
        "orders-api": { roles: ["editor", "writer"] },
        "orders.api": { roles: ["editor"] },
      },
      scope: "openid email profile",
      email_verified: true,
      preferred_username: "alice",
      organization: ["acme"],
      ...more,
    }, { typ: "JWT" });
  const put = async (token: Promise<string>) => postern().fetch("/articles/7", { method: "PUT", headers: bearer(await token) });

  // The origin gets the subject and the client.
  test("an access token passes by its role", async () => {
    const headers = told(await json<Seen>(await put(access())));
    expect(headers).toMatchObject({ "x-auth-subject": RANDOM_ID, "x-user-name": "alice", "x-auth-client": "web", "x-auth-issuer": issuer });
    expect(headers["x-auth-roles"]!.split(",").sort().join(" ")).toBe(roles);
  });

  test("without that role it is refused", async () => {
    await expectProblem(await put(access({ realm_access: { roles: ["customer"] }, resource_access: { account: { roles: ["editor"] } } })), 403, "forbidden");
    await expectProblem(await put(access({ realm_access: undefined, resource_access: undefined })), 403, "forbidden");
  });

  // Wherever they are.
  test("roles that are no list of text refuse the token", async () => {
    await expectProblem(await put(access({ realm_access: { roles: { editor: true } }, resource_access: { "orders-api": { roles: 1 }, "orders.api": { roles: [1] } } })), 401, "invalid_token");
  });

  test("an organization opens its own articles and no others", async () => {
    const headers = bearer(await access());
    await json(await postern().fetch("/of/acme/articles", { headers }));
    await expectProblem(await postern().fetch("/of/globex/articles", { headers }), 403, "forbidden");
  });

  // Tests RFC 9068 section 5: an ID token of Keycloak is no access token
  test("an ID token is refused", async () => {
    await expectProblem(await put(access({ typ: "ID", aud: "web", realm_access: undefined })), 401, "invalid_token");
  });
});

describe("Microsoft Entra ID, tokens of version 1.0", () => {
  const X5T = "nOo3ZDrODXEK1jKWhXslHR_KXEg";
  let issuer: string;
  let theirs: Issuer;
  const postern = shared(async () => {
    // Its keys do not say what they are for signing with.
    const { alg: _, ...jwk } = key.jwk;
    theirs = await Issuer.start([{ ...key, jwk: { ...jwk, x5t: X5T } }]);
    issuer = discovered("/5d3a7c1e/");
    const keys = (toml: string) => toml.replace(/^jwks_uri = ".*"$/m, `jwks_uri = "${theirs.jwksUri}"`);
    const ours = { issuer: idp.iss, audiences: ["api://orders"], jwks_uri: idp.jwksUri, typ: "any" };
    const { POSTERN_ISSUERS, ...vars } = recipe("microsoft-entra-id", issuer, origin.url, keys) as { POSTERN_ISSUERS: object[] };
    return { vars: { ...settings(), ...vars, POSTERN_ISSUERS: [...POSTERN_ISSUERS, ours] } };
  });
  afterAll(() => theirs.stop());

  const header = { typ: "JWT", x5t: X5T };
  const access = (more: JsonObject = {}, headers: JsonObject = header) =>
    theirs.token(key.kid, {
      ...BARE,
      iss: issuer,
      aud: "api://orders",
      acr: "1",
      aio: "ATQAy/8TAAAAexample",
      amr: ["pwd", "mfa"],
      appid: "6731de76-14a6-49ae-97bc-6eba6914391e",
      appidacr: "0",
      name: "Alice",
      oid: "690222be-ff1a-4d56-abd1-7e4f7d38e474",
      scp: "Orders.Read Orders.Write",
      sub: "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
      tid: "5d3a7c1e-8f2b-4e6a-9c0d-1b2f3a4c5d6e",
      unique_name: "alice@example.com",
      uti: "fqiBqXLPj0eQa82S-IYFAA",
      ver: "1.0",
      ...more,
    }, headers);
  const call = async (token: Promise<string>, path = "/orders/7") => postern().fetch(path, { headers: bearer(await token) });

  // The origin gets subject, tenant and client.
  test("an access token with `x5t` in its header passes", async () => {
    for (let turn = 0; turn < 2; turn += 1) {
      expect(told(await json<Seen>(await call(access({ uti: `${turn}` }))))).toMatchObject({
        "x-auth-subject": "HKZpfaHyWadeOouYlitjrI-KffTm222X5rrV3xDqfKQ",
        "x-auth-scope": "Orders.Read Orders.Write",
        "x-auth-tenant": "5d3a7c1e-8f2b-4e6a-9c0d-1b2f3a4c5d6e",
        "x-auth-client": "6731de76-14a6-49ae-97bc-6eba6914391e",
      });
    }
    await json(await call(access({ scp: undefined, roles: ["Orders.Export"] }), "/exports/7"));
  });

  // Whatever they are. What changes the signed text is refused.
  test("unread header members change nothing", async () => {
    for (const more of [{ nonce: "n" }, { jwk: { kty: "RSA" } }, { x5c: ["MIIB"] }, { jku: "https://evil.example/keys" }, { x5t: "a/b+c==" }, { x5t: null }, { "pi.atm": 7 }]) {
      await json(await call(access({}, { ...header, ...more })));
    }
    // `crit` too, which the library of the test signs no token with: the list of attacks has it.
    for (const more of [{ b64: true }, { zip: "DEF" }, { enc: "A128GCM" }]) {
      await expectProblem(await call(access({}, { ...header, ...more })), 401, "invalid_token");
    }
  });
});
