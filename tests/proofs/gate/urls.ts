// Request targets as attackers write them: sound paths, bent one to three times.
import type { Random } from "../soak/random.ts";

const PATHS = [
  "/", "/staff", "/staff/", "/staff/users", "/staff/users/7", "/stafford", "/orders", "/orders/", "/orders/1",
  "/t/acme/docs", "/t/globex/docs", "/t/acme/docs/", "/api/v1/items", "/api/v1", "/api/v1/", "/api/v2/items", "/public/ping",
  "/public/", "/public", "/public/a/b/c", "/public/../staff/users", "/public/x/../../staff/users", "/./staff/users",
  "/assets/app.js", "/assets/caf\u00e9.png", "/files/a b.txt", "/tags/c#", "/search/100%", "/auth/me", "/readyz",
];

const DOTS = [".", "..", "%2e", "%2E", "%2e%2e", ".%2e", "%2e.", "..;", "..;x=1", "...", "%252e%252e", "%c0%ae%c0%ae", "%e0%80%ae", "\uff0e\uff0e", "\u2025", "..%00", "..%0d%0a", "%u002e%u002e", "%%32%65"];
const SLASHES = ["/", "//", "///", "/./", "%2f", "%2F", "%252f", "\\", "%5c", "%255c", "\\/", "%c0%af", "%e0%80%af", "\uff0f", "\u2215", "\u2044", "\uff3c", "/;/", ";/", "/%00/", "%0a/"];
const ENDS = ["/", "//", "/.", "/..", "%00", "%00.js", "%20", "+", "%09", ";", ";a=b", "%3b", "%3Ba", "\u037e", ".", "..", "~", "?", "?/staff/users", "#", "#/staff/users", "%23", "%3f", "%", "%2", "%zz", "%25", "%2500", ".json", "\x7f", "%7f", "%ff", "%80", "%ef%bf%bd"];

type Bend = (random: Random, path: string) => string;

function at(random: Random, path: string, put: string, remove = 0): string {
  const place = random.between(1, path.length);
  return path.slice(0, place) + put + path.slice(place + remove);
}

/** One character of a path as something else that means it. */
function spelled(random: Random, character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code > 0x7e || code < 0x21) return character;
  const hex = code.toString(16).padStart(2, "0");
  return random.oneOf([
    `%${hex}`,
    `%${hex.toUpperCase()}`,
    `%25${hex}`,
    `%%${(hex.codePointAt(0) ?? 0).toString(16)}${hex.slice(1)}`,
    `%25%${(hex.codePointAt(0) ?? 0).toString(16)}${hex.slice(1)}`,
    `%u00${hex}`,
    `%c${code < 0x40 ? 0 : 1}%${(0x80 | (code & 0x3f)).toString(16)}`,
    String.fromCodePoint(code + 0xfee0),
    character.toUpperCase(),
  ]);
}

const BENDS: readonly Bend[] = [
  (random, path) => path.split("").map((character) => (random.chance(0.15) ? spelled(random, character) : character)).join(""),
  (random, path) => at(random, path, random.oneOf(DOTS)),
  (random, path) => at(random, path, `${random.oneOf(SLASHES)}${random.oneOf(DOTS)}${random.oneOf(SLASHES)}`),
  (random, path) => at(random, path, random.oneOf(SLASHES)),
  (random, path) => path.replaceAll("/", () => (random.chance(0.4) ? random.oneOf(SLASHES) : "/")).replace(/^(?!\/)/, "/"),
  (random, path) => path + random.oneOf(ENDS),
  (random, path) => at(random, path, random.oneOf(ENDS)),
  (random, path) => `/public${random.oneOf(SLASHES)}${random.oneOf(DOTS)}${random.oneOf(SLASHES)}${path.slice(1)}`,
  (random, path) => `${random.oneOf(SLASHES)}${path.slice(1)}`.replace(/^(?!\/)/, "/"),
  (random, path) => at(random, path, "", random.between(1, 3)),
  (random, path) => (random.chance(0.5) ? path.toUpperCase() : path.replace(/[a-z]/, (letter) => letter.toUpperCase())),
  (random, path) => `${path}?${random.oneOf(["", "a=/../staff", "x=%2e%2e", "?", "#", "a;b", "%00"])}`,
];

/** What goes between the method and the version, and the `Host` header beside it. Not bytes yet: may hold any character. */
export interface Target {
  target: string;
  host: string;
}

const HOSTS = ["api.gate.test", "api.gate.test:80", "API.gate.test", "api.gate.test.", "secret.gate.test", "SECRET.Gate.Test", "secret.gate.test.", "secret.gate.test:8080", "xsecret.gate.test", "secret.gate.test.evil.test"];

/** Characters that end a request line or a word in it never reach a router: they are left to the HTTP parser's own tests. */
const FRAMING = /[\0\r\n]/g;

export function target(random: Random): Target {
  let path = random.oneOf(PATHS);
  for (let turns = random.between(0, 3); turns > 0; turns -= 1) path = random.oneOf(BENDS)(random, path);
  path = path.replace(FRAMING, "");
  const host = random.chance(0.7) ? "api.gate.test" : random.oneOf(HOSTS);
  if (random.chance(0.08)) {
    // Absolute form (RFC 9112 section 3.2.2): the target names the host, whatever Host says.
    const named = random.oneOf([...HOSTS, "user@api.gate.test", "api.gate.test\\@secret.gate.test", "api.gate.test#@secret.gate.test"]);
    return { target: `${random.oneOf(["http", "HTTP", "https", "ftp"])}://${named}${path}`, host };
  }
  if (random.chance(0.02)) return { target: random.oneOf(["*", "staff/users", "", "//secret.gate.test/x", "\\staff", ".", "?x", "#"]), host };
  return { target: path, host };
}
