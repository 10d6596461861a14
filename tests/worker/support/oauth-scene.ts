// Postern as an authorization server, its clients, resources and users, and what tests ask of them.
import * as oauth from "oauth4webapi";
import { Response as OriginAnswer } from "miniflare";
import { beforeAll, expect } from "vitest";
import { bearer, json, signIn } from "./client.ts";
import { settings } from "./config.ts";
import { claimsOf } from "./jwt.ts";
import { digestOf, OauthServer, type TestClient } from "./oauth-client.ts";
import { closedPort } from "./origin.ts";
import { shared } from "./postern.ts";

export const SCOPES = "read:orders write:orders";

/** The secret of `BACKEND`, with characters that RFC 6749 section 2.3.1 wants escaped in `Authorization: Basic`. */
export const SECRET = "a secret: 100% of + and &, é too";
const scopes = SCOPES.split(" ");
/** As settings. */
export const CLIENTS = [
  { client_id: "first-party" },
  { client_id: "notes", name: "Notes", redirect_uris: ["https://notes.example.test/callback"], scopes },
  { client_id: "other", redirect_uris: ["https://other.example.test/callback"], scopes },
  { client_id: "back:end+1", redirect_uris: ["https://backend.example.test/callback"], scopes, secret_hashes: [digestOf(SECRET)], first_party: true },
];
/** A public client of others: its users consent. */
export const NOTES: TestClient = { client: { client_id: "notes" }, auth: oauth.None(), redirectUri: "https://notes.example.test/callback" };
/** A client of the deployment's own, with a secret. */
export const BACKEND: TestClient = { client: { client_id: "back:end+1" }, auth: oauth.ClientSecretBasic(SECRET), redirectUri: "https://backend.example.test/callback" };
export const BACKEND_POST: TestClient = { ...BACKEND, auth: oauth.ClientSecretPost(SECRET) };

export interface GrantRow {
  grant_id: string;
  client_id: string;
}

/** Tokens of one grant. */
export interface Pair {
  access_token: string;
  refresh_token: string;
}

/** The id of the grant of an access token. */
export const grantOf = (token: string): string => String(claimsOf(token)["sid"]);

/** The fields of a redemption by a public client. */
const redemption = (code: string, verifier: string, more: Record<string, string> = {}) => ({ grant_type: "authorization_code", client_id: "notes", code, code_verifier: verifier, ...more });
const renewal = (refresh_token: string, more: Record<string, string> = {}) => ({ grant_type: "refresh_token", client_id: "notes", refresh_token, ...more });

/** One for the whole file. */
export async function oauthScene({ breakable = false } = {}) {
  const port = await closedPort();
  const HERE = `http://127.0.0.1:${port}`;
  const [A, B] = [`${HERE}/a/mcp`, `${HERE}/b/mcp`];
  const postern = shared(() => ({
    port,
    breakable,
    origin: () => new OriginAnswer(null, { status: 204 }),
    vars: settings({ POSTERN_ISSUER: HERE, POSTERN_CLIENTS: CLIENTS }, [
      { name: "a", path: "/a/mcp", resource: A, service: "ORIGIN" },
      { name: "b", path: "/b/mcp", resource: B, service: "ORIGIN" },
      { name: "strong", path: "/strong", revocation: "strong", service: "ORIGIN" },
    ]),
  }));
  let discovered: OauthServer | undefined;
  beforeAll(async () => {
    postern().secrets.add(SECRET);
    discovered = await OauthServer.discover(postern(), HERE);
  });
  const server = (): OauthServer => {
    if (!discovered) throw new Error("the authorization server is there from beforeAll on");
    return discovered;
  };

  /** The status at a route of the gate with this access token. */
  const at = async (path: string, token: string) => (await postern().fetch(path, { headers: bearer(token) })).status;

  /** The live grants of Alice, as she sees them. */
  async function grants(): Promise<GrantRow[]> {
    const { access_token } = await signIn(postern());
    return (await json<{ grants: GrantRow[] }>(await postern().fetch("/auth/grants", { headers: bearer(access_token) }))).grants;
  }

  /** Tokens of a new grant of this client, and the code that opened it. */
  async function opened(of: TestClient, more: Record<string, string> = {}) {
    const brought = await server().code(of, more);
    const { access_token, refresh_token = "" } = await server().redeem(of, brought);
    return { ...brought, access_token, refresh_token, grant: grantOf(access_token) };
  }

  /** That the grant of these tokens is over at once: nothing refreshes, a route with `strong` refuses, the user's list lacks it. */
  async function expectOver(grant: string, ...tokens: readonly Pair[]): Promise<void> {
    for (const refreshToken of new Set(tokens.map((pair) => pair.refresh_token))) {
      expect(await server().token(renewal(refreshToken))).toMatchObject({ status: 400, error: "invalid_grant" });
    }
    const statuses = await Promise.all(tokens.map((pair) => at("/strong", pair.access_token)));
    expect(new Set(statuses)).toEqual(new Set([401]));
    expect((await grants()).map(({ grant_id }) => grant_id)).not.toContain(grant);
  }

  return { HERE, A, B, postern, server, at, grants, opened, redemption, renewal, expectOver };
}
