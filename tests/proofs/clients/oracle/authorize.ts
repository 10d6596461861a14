// Odd requests to the authorization endpoint. Each is bad, and no server may take it, if it is not said to be sound.
import type { Given } from "../scene.ts";

export type Fields = readonly (readonly [string, string])[];

export interface OddRequest {
  name: string;
  query: string;
  /** It is odd, and sound. */
  sound?: true;
  /** The only place outside the server to which its answer may go. */
  redirect: string;
}

export const CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
export const VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

const encoded = (fields: Fields): string => fields.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");

/** A sound request, as a list. */
export function soundRequest({ open, resource }: Given): Fields {
  return [
    ["client_id", open.client_id],
    ["redirect_uri", open.redirect_uri],
    ["response_type", "code"],
    ["scope", "read:orders"],
    ["resource", resource],
    ["state", "s"],
    ["code_challenge", CHALLENGE],
    ["code_challenge_method", "S256"],
  ];
}

/** These spoilt parameters leave a sound request. */
const HARMLESS = new Set([
  // Each may be left out, and one without a value counts as left out (RFC 6749 section 3.1).
  ...["scope", "resource", "state", "redirect_uri"].flatMap((name) => [`${name} missing`, `${name} empty`]),
]);

export function authorizationRequests(given: Given): OddRequest[] {
  const { open, native, other } = given;
  const base = soundRequest(given);
  const requests: OddRequest[] = [];
  const add = (name: string, query: string, more: Partial<OddRequest> = {}) => requests.push({ name, query, redirect: open.redirect_uri, ...more });
  const without = (name: string) => base.filter(([other]) => other !== name);
  const set = (changes: Record<string, string>) => encoded([...base.filter(([name]) => !(name in changes)), ...Object.entries(changes)]);
  const sound = { sound: true } as const;

  add("sound", encoded(base), sound);
  for (const [name, value] of base) {
    const one = (what: string, query: string) => add(`${name} ${what}`, query, HARMLESS.has(`${name} ${what}`) ? sound : {});
    one("missing", encoded(without(name)));
    one("empty", encoded([...without(name), [name, ""]]));
    one("twice, the same", encoded([...base, [name, value]]));
    one("twice, another", encoded([...base, [name, `${value}x`]]));
    one("of 9 000 characters", encoded([...without(name), [name, "x".repeat(9000)]]));
    one("with control characters", encoded([...without(name), [name, `${value}\u0000\r\n`]]));
    one("of no UTF-8", `${encoded(without(name))}&${name}=%FF%FE`);
    one("with a lone %", `${encoded(without(name))}&${name}=%`);
    one("as an array", `${encoded(without(name))}&${name}[]=${encodeURIComponent(value)}`);
    one("in upper case", encoded([...without(name), [name.toUpperCase(), value]]));
  }
  // An array or another case is another parameter, which is ignored: as if it were missing.
  for (const request of requests) if (/^(scope|resource|state|redirect_uri) (as an array|in upper case)$/.test(request.name)) request.sound = true;

  for (const [what, redirect_uri] of [
    ["a slash more", `${open.redirect_uri}/`],
    ["another case of the path", open.redirect_uri.replace("/callback", "/Callback")],
    ["another case of the host", open.redirect_uri.replace("notes", "NOTES")],
    ["another case of the scheme", open.redirect_uri.replace("https", "HTTPS")],
    ["the default port", open.redirect_uri.replace(".test", ".test:443")],
    ["another port", open.redirect_uri.replace(".test", ".test:8443")],
    ["user information", open.redirect_uri.replace("https://", "https://me@")],
    ["the host as user information", open.redirect_uri.replace("/callback", "@evil.example.test/callback")],
    ["a fragment", `${open.redirect_uri}#x`],
    ["an empty fragment", `${open.redirect_uri}#`],
    ["a query more", `${open.redirect_uri}?x=1`],
    ["another host", "https://evil.example.test/callback"],
    ["a host that begins so", open.redirect_uri.replace(".test", ".test.evil.example")],
    ["a host below", open.redirect_uri.replace("notes", "sub.notes")],
    ["plain http", open.redirect_uri.replace("https", "http")],
    ["a path above", `${open.redirect_uri}/../evil`],
    ["an encoded letter", open.redirect_uri.replace("/callback", "/c%61llback")],
    ["a backslash", open.redirect_uri.replace("/callback", "\\@evil.example.test/callback")],
    ["a space", ` ${open.redirect_uri}`],
    ["no scheme", "//notes.example.test/callback"],
    ["a path alone", "/callback"],
    ["a script", "javascript:alert(1)"],
    ["data", "data:text/html,x"],
    ["another client's", native.redirect_uri],
  ] as const) {
    add(`redirect_uri with ${what}`, set({ redirect_uri }));
  }
  for (const [what, redirect_uri, fine] of [
    ["any port", "http://localhost:49152/callback", true],
    ["no port", "http://localhost/callback", true],
    ["another path", "http://localhost:49152/other", false],
    ["a query", "http://localhost:49152/callback?x=1", false],
    ["a fragment", "http://localhost:49152/callback#x", false],
    ["https", "https://localhost:49152/callback", false],
    ["a name below", "http://localhost.evil.example:49152/callback", false],
    ["another machine", "http://192.0.2.1/callback", false],
    ["user information", "http://me@localhost:49152/callback", false],
    ["port 0", "http://localhost:0/callback", false],
    ["no number as port", "http://localhost:x/callback", false],
  ] as const) {
    add(`a loopback redirect_uri with ${what}`, set({ client_id: native.client_id, redirect_uri }), { redirect: "http://localhost", ...(fine && sound) });
  }
  for (const client_id of ["unknown", "Notes", "notes ", "notes/", "https://evil.example.test/client.json", "../notes", "notes\u0000", "first-party"]) {
    add(`client_id ${JSON.stringify(client_id)}`, set({ client_id }));
  }
  for (const response_type of ["token", "id_token", "code token", "code id_token", "id_token token", "code id_token token", "none", "CODE", "code code", "unknown"]) {
    add(`response_type ${response_type}`, set({ response_type }));
  }
  for (const response_mode of ["fragment", "form_post", "web_message", "jwt", "query.jwt", "unknown"]) add(`response_mode ${response_mode}`, set({ response_mode }));
  add("response_mode query", set({ response_mode: "query" }), sound);
  add("no PKCE at all", encoded(base.filter(([name]) => !name.startsWith("code_challenge"))));
  for (const code_challenge_method of ["plain", "s256", "S512", "S256 plain"]) add(`code_challenge_method ${code_challenge_method}`, set({ code_challenge_method }));
  for (const [what, code_challenge] of [
    ["of 42 characters", CHALLENGE.slice(1)],
    ["of 44 characters", `${CHALLENGE}A`],
    ["of 128 characters", "A".repeat(128)],
    ["with padding", `${CHALLENGE.slice(0, -1)}=`],
    ["in the other alphabet of base64", `${CHALLENGE.slice(0, -1)}+`],
    ["with a space", `${CHALLENGE.slice(0, -1)} `],
  ] as const) {
    add(`code_challenge ${what}`, set({ code_challenge }));
  }
  for (const [what, resource] of [
    ["unknown", "https://elsewhere.example.test"],
    ["with a fragment", `${given.resource}#x`],
    ["with a query", `${given.resource}?x=1`],
    ["with a slash more", `${given.resource}/`],
    ["no URL", "orders"],
    ["a path alone", "/orders"],
    ["below", `${given.resource}/write`],
    ["with user information", given.resource.replace("://", "://me@")],
  ] as const) {
    add(`resource ${what}`, set({ resource }));
  }
  add("two resources, both known", encoded([...base, ["resource", other]]));
  for (const prompt of ["none", "none login", "unknown", "login unknown", "LOGIN", "login,consent"]) add(`prompt ${prompt}`, set({ prompt }));
  for (const prompt of ["login", "consent", "login consent"]) add(`prompt ${prompt}`, set({ prompt }), sound);
  for (const max_age of ["-1", "x", "1.5", "1e3"]) add(`max_age ${max_age}`, set({ max_age }));
  for (const max_age of ["0", "3600", "99999999999999999999"]) add(`max_age ${max_age}`, set({ max_age }), sound);
  for (const scope of ["unknown", "postern:admin", "read:orders unknown", "read:orders read:orders", "read:orders\twrite:orders", 'read:orders "', "READ:ORDERS", " read:orders "]) {
    // A scope that is not granted, or left out, is found with the user.
    add(`scope ${JSON.stringify(scope)}`, set({ scope }), /["\t]|^ | $/.test(scope) ? {} : sound);
  }
  add("a request object", set({ request: "eyJhbGciOiJub25lIn0.e30." }));
  add("a request object by reference", set({ request_uri: "https://evil.example.test/request" }));
  add("a pushed request that is not there", set({ request_uri: "urn:ietf:params:oauth:request_uri:x" }));
  for (const [name, value] of [["unknown", "x"], ["nonce", "n"], ["display", "page"], ["ui_locales", "fr de"], ["login_hint", "alice@example.com"], ["claims_locales", "de"], ["audience", "x"], ["iss", "https://evil.example.test"], ["error", "x"], ["code", "x"]] as const) {
    add(`besides, ${name}`, set({ [name]: value }), sound);
  }
  for (const [name, value] of [["ui_locales", "<script>"], ["login_hint", "\u0000"], ["login_hint", "x".repeat(9000)], ["ui_locales", "x".repeat(9000)]] as const) {
    add(`besides, an odd ${name} of ${value.length}`, set({ [name]: value }), sound);
  }
  add("besides, ui_locales twice", encoded([...base, ["ui_locales", "de"], ["ui_locales", "fr"]]));
  add("no parameter", "");
  add("no name", "=x&=y");
  add("signs alone", "&&&&");
  add("500 parameters", `${encoded(base)}&${Array.from({ length: 500 }, (_, number) => `p${number}=x`).join("&")}`);
  add("separated by semicolons", encoded(base).replaceAll("&", ";"));
  return requests;
}
