// An origin that verifies the gate's assertion.
import { createRemoteJWKSet, jwtVerify } from "jose";

export default {
  async fetch(request) {
    const issuer = request.headers.get("x-test-issuer");
    const keys = createRemoteJWKSet(new URL(`${issuer}/.well-known/jwks.json`));
    const options = { issuer, audience: "https://orders.example.com", typ: "postern-assertion+jwt" };
    try {
      const { payload } = await jwtVerify(request.headers.get("x-postern-assertion") ?? "", keys, options);
      return Response.json({ hello: payload.sub });
    } catch {
      return new Response(null, { status: 401 });
    }
  },
};
