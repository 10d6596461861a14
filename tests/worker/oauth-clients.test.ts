// Clients in D1 on workerd: an administrator adds one, `oauth4webapi` uses it, and its secret is replaced without an
// interruption. What each call refuses is tested in crates/app/tests/service/stored_clients.rs.
import * as oauth from "oauth4webapi";
import { beforeAll, expect, test } from "vitest";
import { bearer, expectEmpty, expectProblem, json, signIn } from "./support/client.ts";
import { ADMIN, settings } from "./support/config.ts";
import { FormBrowser } from "./support/form-browser.ts";
import { OauthServer, type TestClient } from "./support/oauth-client.ts";
import { closedPort } from "./support/origin.ts";
import { shared, start } from "./support/postern.ts";

const port = await closedPort();
const HERE = `http://127.0.0.1:${port}`;
const RESOURCE = `${HERE}/tools`;
const postern = shared(() => ({
  port,
  vars: settings({ POSTERN_ISSUER: HERE, POSTERN_OAUTH: { stored_clients: true, registration: true, open_scopes: ["read:orders"] } }, [
    { name: "tools", path: "/tools", resource: RESOURCE, service: "ORIGIN" },
  ]),
}));
let discovered: OauthServer | undefined;
const server = (): OauthServer => {
  if (!discovered) throw new Error("the authorization server is there from beforeAll on");
  return discovered;
};
let admin = "";
beforeAll(async () => {
  discovered = await OauthServer.discover(postern(), HERE);
  admin = (await signIn(postern(), { login: ADMIN })).access_token;
});

interface Stored {
  client_id: string;
  client_secret?: string;
  disabled: boolean;
  settings: Record<string, unknown>;
  secrets: { secret_id: string; created_at: number }[];
}

const REDIRECT = "https://shop.example.test/callback";

const call = (method: string, path: string, body?: unknown): Promise<Response> =>
  postern().fetch(`/admin/clients${path}`, {
    method,
    headers: { ...bearer(admin), ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });

/** The secret of an answer, which no other answer and no log may show. */
function secretOf({ client_secret = "" }: Stored): string {
  expect(client_secret).toMatch(/^pcs_[A-Za-z0-9_-]{43}$/);
  postern().secrets.add(client_secret);
  return client_secret;
}

async function added(more: Record<string, unknown> = {}): Promise<Stored> {
  const answer = await call("POST", "", { name: "The shop", redirect_uris: [REDIRECT], scopes: ["read:orders"], ...more });
  return json<Stored>(answer, 201);
}

const as = ({ client_id }: Stored, auth: oauth.ClientAuth): TestClient => ({ client: { client_id }, auth, redirectUri: REDIRECT });

test("a client is added, changed, disabled, and deleted", async () => {
  const shop = await added();
  const client = as(shop, oauth.None());
  const tokens = await server().redeem(client, await server().code(client, { scope: "read:orders" }));
  expect((await json<{ clients: Stored[] }>(await call("GET", ""))).clients).toContainEqual(shop);

  const changed = await call("PUT", `/${shop.client_id}`, { ...shop.settings, name: "The new shop" });
  expect((await json<Stored>(changed)).settings).toMatchObject({ name: "The new shop", redirect_uris: [REDIRECT] });

  await expectEmpty(await call("POST", `/${shop.client_id}/disable`));
  const form = { grant_type: "refresh_token", client_id: shop.client_id, refresh_token: tokens.refresh_token ?? "" };
  expect(await server().token(form)).toMatchObject({ status: 401, error: "invalid_client" });
  await expectEmpty(await call("POST", `/${shop.client_id}/enable`));
  const refreshed = await server().refresh(client, tokens.refresh_token ?? "");

  await expectEmpty(await call("DELETE", `/${shop.client_id}`));
  expect(await server().token({ ...form, refresh_token: refreshed.refresh_token ?? "" })).toMatchObject({ status: 401, error: "invalid_client" });
  await expectProblem(await call("GET", `/${shop.client_id}`), 404, "client_not_found");
});

test("a secret is replaced while the client goes on", async () => {
  const shop = await added({ confidential: true });
  const old = secretOf(shop);
  const tokens = await server().redeem(as(shop, oauth.ClientSecretBasic(old)), await server().code(as(shop, oauth.ClientSecretBasic(old))));
  const rotated = await json<Stored>(await call("POST", `/${shop.client_id}/rotate-secret`, {}), 201);
  const fresh = secretOf(rotated);
  const second = await server().refresh(as(shop, oauth.ClientSecretBasic(old)), tokens.refresh_token ?? "");
  const third = await server().refresh(as(shop, oauth.ClientSecretPost(fresh)), second.refresh_token ?? "");
  const [former] = rotated.secrets;
  await expectEmpty(await call("DELETE", `/${shop.client_id}/secrets/${former?.secret_id}`));
  const form = { grant_type: "refresh_token", client_id: shop.client_id, refresh_token: third.refresh_token ?? "" };
  expect(await server().token({ ...form, client_secret: old })).toMatchObject({ status: 401, error: "invalid_client" });
  await server().refresh(as(shop, oauth.ClientSecretBasic(fresh)), third.refresh_token ?? "");
});

// Tests RFC 7591 section 3.2.1: the answer to a registration has the client's id and metadata
test("a client registers itself, and its user sees that", async () => {
  expect(server().metadata.registration_endpoint).toBe(`${HERE}/oauth/register`);
  const metadata = { client_name: "A tool", redirect_uris: [REDIRECT], token_endpoint_auth_method: "client_secret_post", grant_types: ["authorization_code", "refresh_token"] };
  const answer = await oauth.dynamicClientRegistrationRequest(server().metadata, metadata, server().http);
  expect(answer.headers.get("access-control-allow-origin")).toBe("*");
  const client = await oauth.processDynamicClientRegistrationResponse(answer);
  const secret = String(client.client_secret);
  postern().secrets.add(secret);
  const tool: TestClient = { client, auth: oauth.ClientSecretPost(secret), redirectUri: REDIRECT };
  const browser = new FormBrowser(postern());
  const tokens = await server().redeem(tool, await server().code(tool, { scope: "read:orders", resource: RESOURCE }, { browser }));
  expect(tokens.scope).toBe("read:orders");
  await server().refresh(tool, tokens.refresh_token ?? "");
  const { source, used_at } = await json<{ source: string; used_at?: number }>(await call("GET", `/${client.client_id}`));
  expect([source, used_at]).toEqual(["registered", expect.any(Number)]);
});

// Attack: a program registers clients until nothing else fits into the table.
test("a flood of registrations is refused", async () => {
  const limited = await start({ vars: settings({ POSTERN_OAUTH: { stored_clients: true, registration: true }, POSTERN_LIMITS: undefined }) });
  const register = (body: string) => limited.fetch("/oauth/register", { method: "POST", headers: { "content-type": "application/json", "cf-connecting-ip": "203.0.113.77" }, body });
  const statuses = await Promise.all(Array.from({ length: 20 }, async () => (await register(JSON.stringify({ redirect_uris: [REDIRECT] }))).status));
  expect(statuses.filter((status) => status === 201).length).toBeLessThanOrEqual(3);
  expect(new Set(statuses)).toEqual(new Set([201, 429]));
  const refused = await register(JSON.stringify({ redirect_uris: ["http://shop.example.test/"] }));
  expect([refused.status, (await refused.json() as { error: string }).error]).toEqual([400, "invalid_redirect_uri"]);
  await limited.dispose();
});
