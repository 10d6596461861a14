// Finds the token in a request. Two headers are refused, because two programs might each take another one.
import { OriginError, type Kind } from "./error.ts";

/** What has headers: the web's `Request` or `Headers`, or Node's `IncomingMessage`. */
export type Carrier = Headers | { readonly headers: Headers } | { readonly rawHeaders: readonly string[] };

/** The request that a bound assertion is for. */
export interface OneRequest {
  method: string;
  /** Path and query as they came. */
  target: string;
}

/** Method and target of a request: the web's has an absolute URL, Node's what was sent, Express's that in `originalUrl`. */
export function requestOf(carrier: Carrier): OneRequest {
  const { method, url, originalUrl } = carrier as { method?: unknown; url?: unknown; originalUrl?: unknown };
  const sent = originalUrl ?? url;
  if (typeof method !== "string" || typeof sent !== "string") throw new TypeError("@postern/origin: bound needs the request, not its headers alone");
  const [target = "/"] = sent.replace(/^[a-z]+:\/\/[^/?#]*/i, "").split("#");
  return { method, target };
}

const NAMES: Record<Kind, string> = { assertion: "x-postern-assertion", access_token: "authorization" };

/** RFC 6750 section 2.1. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/** The values of the header's lines. `Headers` joins them with commas, which no token contains. */
function values(carrier: Carrier, name: string): string[] {
  if ("rawHeaders" in carrier && Array.isArray(carrier.rawHeaders)) {
    // Not `headers`: Node keeps the first of two `Authorization` there.
    const raw = carrier.rawHeaders as readonly string[];
    return raw.filter((_, index) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === name);
  }
  const headers = "get" in carrier ? carrier : (carrier as { headers?: Partial<Headers> }).headers;
  if (typeof headers?.get !== "function") throw new TypeError("@postern/origin: verify takes a Request, Headers, or Node's IncomingMessage");
  const value = headers.get(name);
  return value === null || value === undefined ? [] : [value];
}

const trimmed = (text: string) => text.replace(/^[ \t]+|[ \t]+$/g, "");

function assertion(lines: readonly string[]): string {
  const [line, ...others] = lines;
  if (line === undefined) throw new OriginError("assertion", "no_assertion");
  if (others.length > 0 || line.includes(",")) throw new OriginError("assertion", "several_assertions");
  if (trimmed(line) === "") throw new OriginError("assertion", "empty_assertion");
  return trimmed(line);
}

function accessToken(lines: readonly string[]): string {
  const value = trimmed(lines.join(", "));
  const [, scheme = "", rest = ""] = /^([^ \t,]*)(.*)$/s.exec(value) ?? [];
  if (scheme.toLowerCase() !== "bearer") {
    const hidden = /,[ \t]*bearer(?:[ \t,]|$)/i.test(value);
    throw new OriginError("access_token", hidden ? "invalid_request" : "credentials_required");
  }
  const token = rest.replace(/^ +/, "");
  if (!B64TOKEN.test(token)) throw new OriginError("access_token", "invalid_request");
  return token;
}

/** The one token of this kind that a request carries. */
export function tokenOf(kind: Kind, carrier: Carrier): string {
  const lines = values(carrier, NAMES[kind]);
  return kind === "assertion" ? assertion(lines) : accessToken(lines);
}
