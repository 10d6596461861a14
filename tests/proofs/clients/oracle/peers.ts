// Two authorization servers with the same clients, resources and user, asked in the same words: Postern and `oidc-provider`.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Provider, errors, type ClientMetadata, type Configuration } from "oidc-provider";
import { send } from "../client.ts";
import type { Given } from "../scene.ts";

/** What a server makes of a request, without its words: `sign-in`, `page 400`, `redirect code`, `redirect invalid_scope`, `200`, `400 invalid_grant`. */
export type Verdict = string;

export interface Peer {
  readonly name: string;
  readonly issuer: string;
  readonly paths: { authorize: string; token: string; revoke: string; introspect: string };
  /** What a browser without cookies gets for this query. */
  authorize(query: string): Promise<Verdict>;
  /** A code that the user's browser brings for this query. */
  code(query: string): Promise<string>;
}

/** Where a browser was sent, as a verdict. `home` is the server's origin. */
export function verdictOf(answer: Response, home: string): Verdict {
  const location = answer.headers.get("location");
  if (answer.status < 300 || answer.status > 399 || location === null) return answer.status === 200 ? "sign-in" : `page ${answer.status}`;
  const to = new URL(location, home);
  if (to.origin === home) return "sign-in";
  const found = new URLSearchParams(to.hash === "" ? to.search : to.hash.slice(1));
  return `redirect ${found.get("error") ?? (found.has("code") ? "code" : "nothing")}`;
}

/** A form's answer, as a verdict. An introspection says besides whether the token is active. */
export async function formVerdict(answer: Response): Promise<Verdict> {
  const text = await answer.text();
  const body = (answer.headers.get("content-type") ?? "").includes("json") && text !== "" ? (JSON.parse(text) as { error?: string; active?: boolean }) : {};
  return [answer.status, body.error, body.active === undefined ? undefined : body.active ? "active" : "not active"].filter((word) => word !== undefined).join(" ");
}

export function postern({ issuer }: Given): Peer {
  const home = new URL(issuer).origin;
  const at = (path: string) => `${home}/oauth/${path}`;
  let codes = 0;
  return {
    name: "Postern",
    issuer,
    paths: { authorize: at("authorize"), token: at("token"), revoke: at("revoke"), introspect: at("introspect") },
    authorize: async (query) => verdictOf(await fetch(`${at("authorize")}?${query}`, { redirect: "manual" }), home),
    code: async (query) => (await send(new URL(`${at("authorize")}?${query}`), { browser: `oracle ${Math.floor((codes += 1) / 10)}` })).searchParams.get("code") ?? "",
  };
}

function configuration({ open, native, nativeConfidential, resource, other }: Given): Configuration {
  const both = { grant_types: ["authorization_code", "refresh_token"], response_types: ["code" as const] };
  const clients: ClientMetadata[] = [
    { ...both, client_id: open.client_id, redirect_uris: [open.redirect_uri], token_endpoint_auth_method: "none" },
    { ...both, client_id: native.client_id, application_type: "native", redirect_uris: [native.redirect_uri, "http://127.0.0.1/callback", "http://localhost/oauth/callback"], token_endpoint_auth_method: "none" },
    { ...both, client_id: nativeConfidential.client_id, application_type: "native", client_secret: nativeConfidential.client_secret, redirect_uris: [nativeConfidential.redirect_uri], token_endpoint_auth_method: "client_secret_basic" },
  ];
  return {
    clients,
    scopes: ["read:orders", "write:orders", "offline_access"],
    cookies: { keys: ["the key of a test"] },
    pkce: { required: () => true },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, accountId) => ({ accountId, claims: () => ({ sub: accountId }) }),
    issueRefreshToken: () => true,
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: (_ctx, _client, oneOf) => oneOf ?? resource,
        useGrantedResource: () => true,
        getResourceServerInfo: (_, wanted) => {
          if (wanted !== resource && wanted !== other) throw new errors.InvalidTarget();
          return { scope: "read:orders write:orders", accessTokenFormat: "jwt" as const };
        },
      },
    },
  };
}

/** Starts `oidc-provider`, with a user who signs in and consents at once. */
export async function oidcProvider(given: Given): Promise<Peer & { stop(): void }> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider = new Provider(issuer, configuration(given));
  const callback = provider.callback();
  server.on("request", async (request, response) => {
    if (!request.url?.startsWith("/interaction/")) return void callback(request, response);
    const { prompt, session, params } = await provider.interactionDetails(request, response);
    if (prompt.name === "login") return void (await provider.interactionFinished(request, response, { login: { accountId: "alice" } }));
    const grant = new provider.Grant({ accountId: session?.accountId ?? "", clientId: String(params["client_id"]) });
    const { missingOIDCScope, missingResourceScopes } = prompt.details as { missingOIDCScope?: string[]; missingResourceScopes?: Record<string, string[]> };
    if (missingOIDCScope) grant.addOIDCScope(missingOIDCScope.join(" "));
    for (const [indicator, scopes] of Object.entries(missingResourceScopes ?? {})) grant.addResourceScope(indicator, scopes.join(" "));
    await provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } }, { mergeWithLastSubmission: true });
  });
  return {
    name: "oidc-provider",
    issuer,
    paths: { authorize: `${issuer}/auth`, token: `${issuer}/token`, revoke: `${issuer}/token/revocation`, introspect: `${issuer}/token/introspection` },
    authorize: async (query) => verdictOf(await fetch(`${issuer}/auth?${query}`, { redirect: "manual", headers: { accept: "text/html" } }), issuer),
    code: async (query) => {
      const cookies = new Map<string, string>();
      let at = `${issuer}/auth?${query}`;
      for (let step = 0; step < 10; step += 1) {
        const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
        const answer = await fetch(at, { redirect: "manual", headers: { accept: "text/html", cookie } });
        for (const line of answer.headers.getSetCookie()) {
          const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
          if (value === "") cookies.delete(name);
          else cookies.set(name, value);
        }
        const next = new URL(answer.headers.get("location") ?? "", issuer);
        if (next.origin !== issuer) return next.searchParams.get("code") ?? "";
        at = next.href;
      }
      throw new Error(`no way back to the client: ${at}`);
    },
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
