/** A hook for Fastify: `app.addHook("onRequest", requireAssertion({ ... }))`. `callerOf(request)` is the caller. */
import { OriginError, type Kind } from "./error.ts";
import type { NodeRequest } from "./express.ts";
import { deciding, type RequireOptions } from "./require.ts";

export { callerOf } from "./require.ts";

/** What is used of Fastify's request. */
export interface HookRequest {
  readonly raw: NodeRequest;
}

/** What is used of Fastify's reply. */
export interface HookReply {
  code(status: number): unknown;
  header(name: string, value: string): unknown;
  send(body: string): unknown;
}

/** An `onRequest` hook. */
export type Hook = (request: HookRequest, reply: HookReply) => Promise<unknown>;

function hook(kind: Kind, options: RequireOptions): Hook {
  const decide = deciding(kind, options);
  return async (request, reply) => {
    try {
      await decide({ carrier: request.raw, method: request.raw.method, target: request.raw.url }, request);
      return undefined;
    } catch (error) {
      if (!(error instanceof OriginError)) throw error;
      reply.code(error.status);
      for (const [name, value] of Object.entries(error.headers)) reply.header(name, value);
      return reply.send(error.body);
    }
  };
}

/** Lets requests with an assertion pass. */
export const requireAssertion = (options: RequireOptions): Hook => hook("assertion", options);

/** Lets requests with an access token pass. */
export const requireAccessToken = (options: RequireOptions): Hook => hook("access_token", options);
