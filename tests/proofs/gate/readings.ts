// How servers read a path: as it stands, or in one of the ways that attacks on proxies live from. All agree on what the gate
// forwards, or somebody could reach by one reading what another one was asked about.

/** A route of the scene as this side understands it: segments, `{x}` for one, `{*x}` for the rest. */
export interface Pattern {
  name: string;
  path: string;
  host?: string;
}

/** The first route that takes the path, by the plain definition. */
export function decide(routes: readonly Pattern[], host: string, path: string): string | undefined {
  return routes.find((route) => (route.host === undefined || route.host === host) && matches(route.path, path))?.name;
}

function matches(pattern: string, path: string): boolean {
  const wanted = pattern.split("/").slice(1);
  const own = path.split("/").slice(1);
  for (const [index, piece] of wanted.entries()) {
    if (piece.startsWith("{*")) return own.length > index;
    const present = own[index];
    if (present === undefined || (piece.startsWith("{") ? present === "" : present !== piece)) return false;
  }
  return own.length === wanted.length;
}

/** Bytes for characters: percent escapes once, what is no escape left alone. */
function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
}

/** Bytes as UTF-8 the careless way: overlong forms are taken for the character they stand for. */
function overlong(text: string): string {
  return text
    .replace(/[\xc0\xc1][\x80-\xbf]/g, (pair) => String.fromCharCode(((pair.charCodeAt(0) & 0x1f) << 6) | (pair.charCodeAt(1) & 0x3f)))
    .replace(/\xe0[\x80-\x9f][\x80-\xbf]/g, (three) => String.fromCharCode(((three.charCodeAt(1) & 0x3f) << 6) | (three.charCodeAt(2) & 0x3f)));
}

/** RFC 3986 section 5.2.4. */
function withoutDots(text: string): string {
  const kept: string[] = [];
  for (const [index, segment] of text.split("/").slice(1).entries()) {
    const last = index === text.split("/").length - 2;
    if (segment === "..") kept.pop();
    if (segment === "." || segment === "..") {
      if (last) kept.push("");
    } else kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

/** Characters that best-fit tables and compatibility forms turn into those that shape a path. */
const LOOK_ALIKES: readonly (readonly [RegExp, string])[] = [
  [/[\u2044\u2215\u29f8\uff0f]/g, "/"],
  [/[\u2216\u29f5\u29f9\ufe68\uff3c]/g, "\\"],
  [/[\u2024\ufe52\uff0e]/g, "."],
  [/\u2025/g, ".."],
  [/[\u037e\ufe14\ufe54\uff1b]/g, ";"],
  [/[\ufe6a\uff05]/g, "%"],
];

function folded(bytes: string): string {
  let text = Buffer.from(bytes, "latin1").toString("utf8");
  for (const [found, stands] of LOOK_ALIKES) text = text.replace(found, stands);
  return Buffer.from(text, "utf8").toString("latin1");
}

const merged = (text: string) => text.replace(/\/{2,}/g, "/");
const slashed = (text: string) => text.replace(/\\/g, "/");
const withoutParameters = (text: string) => text.replace(/;[^/]*/g, "");
const upToNul = (text: string) => text.split("\0")[0] || "/";

/** Each reads the path that an origin received and gives the path that it serves. */
export const READINGS: readonly (readonly [string, (path: string) => string])[] = [
  ["once decoded", unescaped],
  ["dots before decoding", (path) => unescaped(withoutDots(path))],
  ["dots after decoding", (path) => withoutDots(unescaped(path))],
  ["twice decoded", (path) => unescaped(unescaped(path))],
  ["twice decoded, dots after", (path) => withoutDots(unescaped(unescaped(path)))],
  ["slashes merged before decoding", (path) => unescaped(merged(path))],
  ["slashes merged after decoding", (path) => withoutDots(merged(unescaped(path)))],
  ["backslashes are slashes", (path) => withoutDots(slashed(unescaped(path)))],
  ["parameters cut before decoding", (path) => withoutDots(unescaped(withoutParameters(path)))],
  ["parameters cut after decoding", (path) => withoutDots(withoutParameters(unescaped(path)))],
  ["cut at NUL", (path) => withoutDots(upToNul(unescaped(path)))],
  ["overlong UTF-8", (path) => withoutDots(slashed(overlong(unescaped(path))))],
  ["look-alikes folded", (path) => withoutDots(slashed(withoutParameters(folded(unescaped(path)))))],
  ["look-alikes folded, then decoded again", (path) => withoutDots(slashed(unescaped(folded(unescaped(path)))))],
  ["everything at once", (path) => withoutDots(merged(slashed(withoutParameters(upToNul(overlong(unescaped(unescaped(path))))))))],
];
