// JSON as RFC 7493 has it. JSON.parse takes the last of two members of one name, and the next program may take the first.

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject {
  [name: string]: Json;
}

/** Objects and lists inside each other. Postern's gate has the same limit. */
const MAX_DEPTH = 64;

const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\]:]|-?\d[\d.eE+-]*/g;

/** Half of a surrogate pair: no character. */
const LONE_SURROGATE = /\p{Surrogate}/u;

/** Whether JSON text, which JSON.parse has read, has no name twice in an object, no number without bound, no half character. */
function isStrict(text: string): boolean {
  const open: (Set<string> | undefined)[] = [];
  let last = "";
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === "{" || token === "[") {
      if (open.push(token === "{" ? new Set() : undefined) > MAX_DEPTH) return false;
    } else if (token === "}" || token === "]") {
      open.pop();
    } else if (token === ":") {
      const names = open.at(-1);
      if (names === undefined || names.has(last)) return false;
      names.add(last);
    } else if (token.startsWith('"')) {
      last = JSON.parse(token) as string;
      if (LONE_SURROGATE.test(last)) return false;
    } else if (!Number.isFinite(Number(token))) {
      return false;
    }
  }
  return true;
}

/** The object that UTF-8 text is, or undefined. */
export function strictObject(bytes: Uint8Array): JsonObject | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    const value = JSON.parse(text) as Json;
    return isObject(value) && isStrict(text) ? value : undefined;
  } catch {
    return undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member, and never what every object inherits. */
export function member(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined;
}
