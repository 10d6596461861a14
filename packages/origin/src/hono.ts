/** Middleware for Hono: `c.get("caller")` is the caller. */
import type { MiddlewareHandler } from "hono";
import type { Caller } from "./caller.ts";
import type { Kind } from "./error.ts";
import { decidingWeb, type RequireOptions } from "./require.ts";

/** What the middleware sets. `caller` is missing on health paths alone. */
export interface CallerEnv {
  Variables: { caller: Caller };
}

function middleware(kind: Kind, options: RequireOptions): MiddlewareHandler<CallerEnv> {
  const decide = decidingWeb(kind, options);
  return async (context, next) => {
    const verdict = await decide(context.req.raw);
    if (verdict instanceof Response) return verdict;
    if (verdict !== undefined) context.set("caller", verdict);
    await next();
    return undefined;
  };
}

/** Lets requests with an assertion pass. */
export const requireAssertion = (options: RequireOptions): MiddlewareHandler<CallerEnv> => middleware("assertion", options);

/** Lets requests with an access token pass. */
export const requireAccessToken = (options: RequireOptions): MiddlewareHandler<CallerEnv> => middleware("access_token", options);
