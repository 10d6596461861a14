import { importJWK, jwtVerify } from "jose";

const keys = new Map();

export default {
  async fetch(request, env) {
    const token = request.headers.get("authorization")?.slice(7) ?? "";
    const kid = JSON.parse(atob(token.slice(0, token.indexOf(".")).replaceAll("-", "+").replaceAll("_", "/"))).kid;
    let key = keys.get(kid);
    if (!key) keys.set(kid, (key = await importJWK(env.KEYS.find((jwk) => jwk.kid === kid))));
    try {
      await jwtVerify(token, key, { issuer: env.ISSUER, audience: env.AUDIENCE, typ: "at+jwt" });
      return new Response("ok");
    } catch {
      return new Response("no", { status: 401 });
    }
  },
};
