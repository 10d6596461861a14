/**
 * For everything that is called with the web's `Request`: Next's middleware and route handlers, Cloudflare's Workers, Deno,
 * Bun. `callerOf(request)` is the caller.
 */
import type { Caller } from "./caller.ts";
import type { Kind } from "./error.ts";
import { decidingWeb, type RequireOptions } from "./require.ts";

export { callerOf } from "./require.ts";

/** Answers a request that is refused, and leaves the others alone. */
export type Guard = (request: Request) => Promise<Response | undefined>;

/** Handles a request of a known caller. `rest` is what the platform passes behind the request. */
export type Handler<Rest extends unknown[]> = (request: Request, caller: Caller, ...rest: Rest) => Response | Promise<Response>;

function guard(kind: Kind, options: RequireOptions): Guard {
  const decide = decidingWeb(kind, options);
  return async (request) => {
    const verdict = await decide(request);
    return verdict instanceof Response ? verdict : undefined;
  };
}

function handled<Rest extends unknown[]>(kind: Kind, options: RequireOptions, handler: Handler<Rest>): (request: Request, ...rest: Rest) => Promise<Response> {
  const decide = decidingWeb(kind, options);
  return async (request, ...rest) => {
    const verdict = await decide(request);
    if (verdict instanceof Response) return verdict;
    // A health path: there is no caller to hand over, and nothing to say but that it runs.
    return verdict === undefined ? new Response("ok") : handler(request, verdict, ...rest);
  };
}

/** Refuses requests without an assertion: `const refused = await guard(request); if (refused) return refused;`. */
export const assertionGuard = (options: RequireOptions): Guard => guard("assertion", options);

/** Refuses requests without an access token. */
export const accessTokenGuard = (options: RequireOptions): Guard => guard("access_token", options);

/** A handler that is called for requests with an assertion alone. Health paths are answered with `ok`. */
export const withAssertion = <Rest extends unknown[]>(options: RequireOptions, handler: Handler<Rest>): ((request: Request, ...rest: Rest) => Promise<Response>) =>
  handled("assertion", options, handler);

/** A handler that is called for requests with an access token alone. Health paths are answered with `ok`. */
export const withAccessToken = <Rest extends unknown[]>(options: RequireOptions, handler: Handler<Rest>): ((request: Request, ...rest: Rest) => Promise<Response>) =>
  handled("access_token", options, handler);
