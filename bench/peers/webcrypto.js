// Nothing but the signature, by an imported key: what no verifier can do without.
const algorithms = {
  ES256: [{ name: "ECDSA", namedCurve: "P-256" }, { name: "ECDSA", hash: "SHA-256" }],
  EdDSA: [{ name: "Ed25519" }, { name: "Ed25519" }],
  RS256: [{ name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" }, { name: "RSASSA-PKCS1-v1_5" }],
};
const keys = new Map();
const encoder = new TextEncoder();
const text = (part) => atob(part.replaceAll("-", "+").replaceAll("_", "/"));

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
    return good && JSON.parse(text(payload)).exp * 1000 > Date.now() ? new Response("ok") : new Response("no", { status: 401 });
  },
};
