// The least that @cloudflare/workers-oauth-provider needs: everything by default, one public client, and in place of a
// consent page a path that signs in whoever it is told to.
import { OAuthProvider } from "@cloudflare/workers-oauth-provider";

const REDIRECT = "https://client.example.test/callback";

const signIn = {
  async fetch(request, env) {
    const url = new URL(request.url);
    if (url.pathname === "/client") {
      const { clientId } = await env.OAUTH_PROVIDER.createClient({ redirectUris: [REDIRECT], tokenEndpointAuthMethod: "none" });
      return Response.json({ clientId });
    }
    if (url.pathname === "/authorize") {
      const asked = await env.OAUTH_PROVIDER.parseAuthRequest(request);
      const userId = url.searchParams.get("user");
      const { redirectTo } = await env.OAUTH_PROVIDER.completeAuthorization({
        request: asked,
        userId,
        metadata: {},
        scope: asked.scope,
        props: { userId },
        revokeExistingGrants: false,
      });
      return Response.json({ code: new URL(redirectTo).searchParams.get("code"), redirectUri: REDIRECT });
    }
    return new Response(null, { status: 404 });
  },
};

export default new OAuthProvider({
  apiRoute: "/api/",
  apiHandler: { fetch: async () => Response.json({}) },
  defaultHandler: signIn,
  authorizeEndpoint: "/authorize",
  tokenEndpoint: "/token",
  resourceMetadata: { resource: "https://api.example.test/" },
  scopesSupported: ["read"],
});
