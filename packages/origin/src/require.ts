// What the adapters share.
import type { Caller } from "./caller.ts";
import { OriginError, type Kind } from "./error.ts";
import type { Carrier } from "./headers.ts";
import { checked, verify, type Expected } from "./verify.ts";

/** The settings of an adapter. */
export interface RequireOptions extends Expected {
  /** Paths that `GET` and `HEAD` reach without a caller: `["/healthz"]`. Each is compared as a whole, without the query. */
  health?: readonly string[];
  /** Is called with each refusal, for your log. */
  onRefused?: (error: OriginError) => void;
}

/** A request as an adapter sees it. */
export interface Seen {
  carrier: Carrier;
  method: string | undefined;
  /** The target of the request as it came: path and query. */
  target: string | undefined;
}

const callers = new WeakMap<object, Caller>();

/**
 * The caller of a request that an adapter has let pass.
 *
 * @throws TypeError on a health path, and where no adapter stands before: an endpoint without a check fails.
 */
export function callerOf(request: object): Caller {
  const caller = callers.get(request);
  if (caller === undefined) throw new TypeError("@postern/origin: this request has no caller: no adapter stands before this handler, or the path is one of health");
  return caller;
}

/** Decides about requests: the caller, undefined on a health path, or an OriginError. The settings are checked at once. */
export function deciding(kind: Kind, options: RequireOptions): (seen: Seen, request: object) => Promise<Caller | undefined> {
  const settings = checked(options);
  const { health = [], onRefused } = options;
  for (const path of health) {
    if (!/^\/[^*?#]*$/.test(path)) throw new TypeError(`@postern/origin: health has ${JSON.stringify(path)}, which is not a plain path`);
  }
  return async ({ carrier, method, target }, request) => {
    const [path = ""] = (target ?? "").split("?");
    if ((method === "GET" || method === "HEAD") && health.includes(path)) return undefined;
    try {
      const caller = await verify(kind, carrier, settings);
      callers.set(request, caller);
      return caller;
    } catch (error) {
      if (error instanceof OriginError) onRefused?.(error);
      throw error;
    }
  };
}

/** The same for the web's `Request`. */
export function decidingWeb(kind: Kind, options: RequireOptions): (request: Request) => Promise<Caller | undefined | Response> {
  const decide = deciding(kind, options);
  return async (request) => {
    const { pathname } = new URL(request.url);
    try {
      return await decide({ carrier: request, method: request.method, target: pathname }, request);
    } catch (error) {
      if (error instanceof OriginError) return error.toResponse();
      throw error;
    }
  };
}
