// The session check of better-auth with its cookie cache: what an application on Workers asks before it answers. It has
// no database, so that users and sessions are in memory; a check with a fresh cookie reads neither.
import { betterAuth } from "better-auth";

let auth;

export default {
  async fetch(request) {
    auth ??= betterAuth({
      baseURL: "http://localhost",
      secret: "a secret of a bench that protects nothing at all",
      emailAndPassword: { enabled: true, password: { hash: async (text) => text, verify: async ({ hash, password }) => hash === password } },
      session: { cookieCache: { enabled: true, maxAge: 86_400 } },
      telemetry: { enabled: false },
    });
    if (new URL(request.url).pathname === "/session") {
      return auth.api.signUpEmail({ body: { name: "bench", email: "bench@example.com", password: "correct horse" }, asResponse: true });
    }
    const session = await auth.api.getSession({ headers: request.headers });
    return session ? new Response("ok") : new Response("no", { status: 401 });
  },
};
