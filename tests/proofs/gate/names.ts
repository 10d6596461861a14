// Header names as attackers spell them. Text is characters; on the wire each is sent as UTF-8 bytes.

/** Names that are the gate's to say. */
export const RESERVED = [
  "X-Auth-Subject", "X-Auth-Issuer", "X-Auth-Scope", "X-Auth-Roles", "X-Auth-Tenant", "X-Auth-Session", "X-Auth-Client",
  "X-Auth-Whatever", "X-Auth", "X-Postern-Assertion", "X-Postern-Anything", "X-Postern",
  // Filled from a claim by one route of the scene, so taken away on all of them.
  "X-User-Mail",
  // Where a request came from, and what it really asks for.
  "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Prefix", "X-Forwarded-Port", "X-Forwarded-Server", "X-Real-IP", "Forwarded",
  "X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL", "X-Rewrite-URL", "X-Original-Method",
  // Between neighbours.
  "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Connection", "Keep-Alive", "TE", "Trailer",
] as const;

/** Names that only begin or look alike: they are the client's and arrive. */
export const FREE = ["X-Author", "X-Authority", "X-Authx-Subject", "X-Posterns", "X-Post", "XX-Auth-Subject", "My-X-Auth-Subject", "X-User-Mailbox", "X-Forward", "X-Custom", "X_Custom", "X.Custom"] as const;

const SEPARATORS = ["-", "_", ".", "--", "-_", "_-", "__", "~", "!", "+", "'", "`", "|", "^", "*", "$", "#", "%", "&"];

/** Letters and separators that look like, or are folded into, those of ASCII. */
const LOOK_ALIKES: Record<string, string[]> = {
  a: ["\u0430", "\uff41", "\u00aa", "\u00e0"],
  x: ["\u0445", "\uff58", "\u2179"],
  u: ["\uff55", "\u1d64"],
  t: ["\uff54", "\u1d57"],
  h: ["\u04bb", "\uff48", "\u02b0"],
  p: ["\u0440", "\uff50"],
  o: ["\u043e", "\u00ba", "\u2092"],
  s: ["\u017f", "\u0455", "\u02e2"],
  e: ["\u0435", "\uff45", "\u2091"],
  r: ["\uff52", "\u1d63"],
  n: ["\uff4e", "\u207f"],
  "-": ["\u2010", "\u2011", "\u2212", "\uff0d", "\ufe63", "\u00ad", "\u2043"],
};

function everySeparator(name: string, separator: string): string {
  return name.replaceAll("-", separator);
}

function alternating(name: string): string {
  return [...name].map((letter, index) => (index % 2 ? letter.toUpperCase() : letter.toLowerCase())).join("");
}

/** All spellings of one name; the first is its own. */
export function spellings(name: string): string[] {
  const cases = [name, name.toLowerCase(), name.toUpperCase(), alternating(name)];
  const spelled = new Set(cases);
  for (const separator of SEPARATORS) for (const one of cases.slice(0, 3)) spelled.add(everySeparator(one, separator));
  // Every combination of `-` and `_`, which CGI makes one.
  const places = [...name].flatMap((letter, index) => (letter === "-" ? [index] : []));
  for (let mask = 0; mask < 2 ** places.length; mask += 1) {
    const letters = [...name];
    for (const [bit, place] of places.entries()) if (mask & (1 << bit)) letters[place] = "_";
    spelled.add(letters.join(""));
  }
  // Something before and after that trimming, folding or splitting would take away.
  for (const edge of ["-", "_", ".", "~"]) for (const one of [`${edge}${name}`, `${name}${edge}`, `${edge}${edge}${name}`, `${edge}${everySeparator(name, "_")}`]) spelled.add(one);
  for (const [letter, others] of Object.entries(LOOK_ALIKES)) {
    for (const other of others) if (name.toLowerCase().includes(letter)) spelled.add(name.toLowerCase().replace(letter, other));
  }
  for (const invisible of ["\u200b", "\u200d", "\ufeff", "\u00a0", "\u2060", "\u0301"]) spelled.add(`${name.slice(0, 3)}${invisible}${name.slice(3)}`);
  // What RFC 9112 section 5.1 forbids: space before the colon, and in the name.
  for (const one of [`${name} `, `${name}\t`, `${name}\u00a0`, name.replace("-", " ")]) spelled.add(one);
  return [...spelled];
}
