import jwt from "@tsndr/cloudflare-worker-jwt";

export default {
  async fetch(request, env) {
    const token = request.headers.get("authorization")?.slice(7) ?? "";
    const { header } = jwt.decode(token);
    const key = env.KEYS.find((jwk) => jwk.kid === header.kid);
    return (await jwt.verify(token, key, { algorithm: header.alg })) ? new Response("ok") : new Response("no", { status: 401 });
  },
};
