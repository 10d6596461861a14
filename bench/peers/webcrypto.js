// Nothing but the signature, by an imported key: what no verifier can do without.
const algorithms = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
};
const keys = new Map();
const encoder = new TextEncoder();
const text = (part) => atob(part.replaceAll("-", "+").replaceAll("_", "/"));

/** The answer that the gate gives to such a token: who is calling, and the security headers. */
function answer({ sub, iss, scope, roles, tenant_id, sid, client_id }) {
  const response = new Response(null, { status: 204 });
  const { headers } = response;
  headers.append("cache-control", "no-store");
  headers.append("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
  headers.append("cross-origin-resource-policy", "same-origin");
  headers.append("referrer-policy", "no-referrer");
  headers.append("strict-transport-security", "max-age=31536000");
  headers.append("x-content-type-options", "nosniff");
  headers.append("x-auth-subject", sub);
  headers.append("x-auth-issuer", iss);
  headers.append("x-auth-scope", scope);
  headers.append("x-auth-roles", roles.join(","));
  headers.append("x-auth-tenant", tenant_id);
  headers.append("x-auth-session", sid);
  headers.append("x-auth-client", client_id);
  return response;
}

export default {
  async fetch(request, env) {
    const token = request.headers.get("authorization")?.slice(7) ?? "";
    const [header, payload, signature] = token.split(".");
    const { kid, alg } = JSON.parse(text(header));
    const [parameters, how] = algorithms[alg];
    let key = keys.get(kid);
    if (!key) {
      const { kty, crv, x, y, n, e } = env.KEYS.find((jwk) => jwk.kid === kid);
      keys.set(kid, (key = await crypto.subtle.importKey("jwk", { kty, crv, x, y, n, e }, parameters, false, ["verify"])));
    }
    const bytes = Uint8Array.from(text(signature), (character) => character.charCodeAt(0));
    const good = await crypto.subtle.verify(how, key, bytes, encoder.encode(`${header}.${payload}`));
    const claims = JSON.parse(text(payload));
    if (!good || claims.exp * 1000 <= Date.now()) return new Response("no", { status: 401 });
    return request.url.endsWith("/headers") ? answer(claims) : new Response("ok");
  },
};
