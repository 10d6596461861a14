/** Middleware for Express, and for whatever else has `(request, response, next)` over Node's `http`. `callerOf(request)` is the caller. */
import { OriginError, type Kind } from "./error.ts";
import { deciding, type RequireOptions } from "./require.ts";

export { callerOf } from "./require.ts";

/** What is used of Node's `IncomingMessage`, and of Express's request. */
export interface NodeRequest {
  readonly rawHeaders: string[];
  method?: string | undefined;
  url?: string | undefined;
  originalUrl?: string;
}

/** What is used of Node's `ServerResponse`. */
export interface NodeResponse {
  statusCode: number;
  setHeader(name: string, value: string): unknown;
  end(body: string): unknown;
}

/** A middleware. */
export type NodeMiddleware = (request: NodeRequest, response: NodeResponse, next: (error?: unknown) => void) => void;

function middleware(kind: Kind, options: RequireOptions): NodeMiddleware {
  const decide = deciding(kind, options);
  return (request, response, next) => {
    // Behind `app.use("/api", ...)` Express has cut `/api` off `url`.
    decide({ carrier: request, method: request.method, target: request.originalUrl ?? request.url }, request).then(
      () => next(),
      (error: unknown) => {
        if (!(error instanceof OriginError)) return next(error);
        response.statusCode = error.status;
        for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
        response.end(error.body);
      },
    );
  };
}

/** Lets requests with an assertion pass. */
export const requireAssertion = (options: RequireOptions): NodeMiddleware => middleware("assertion", options);

/** Lets requests with an access token pass. */
export const requireAccessToken = (options: RequireOptions): NodeMiddleware => middleware("access_token", options);
