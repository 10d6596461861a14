// A Worker as an origin: verified callers alone reach its handler.
import { withAssertion } from "../../../packages/origin/src/web.ts";

interface Env {
  ISSUER: string;
  AUDIENCE: string;
  KEYS: string;
}

let handle: ((request: Request) => Promise<Response>) | undefined;

export default {
  fetch(request: Request, env: Env): Promise<Response> {
    handle ??= withAssertion({ issuer: env.ISSUER, audience: env.AUDIENCE, keys: env.KEYS, health: ["/healthz"] }, (_, caller) => new Response(caller.key));
    return handle(request);
  },
};
