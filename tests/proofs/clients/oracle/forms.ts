// Odd forms to the token, revocation and introspection endpoints.
import type { Given } from "../scene.ts";
import { CHALLENGE, VERIFIER, type Fields } from "./authorize.ts";
import type { Peer } from "./peers.ts";

/** Where a form's request begins: a fresh code, a fresh pair of tokens. */
export interface Fresh {
  code: string;
  refresh_token: string;
  access_token: string;
}

export interface OddForm {
  name: string;
  at: "token" | "revoke" | "introspect";
  /** What it needs: a code for one of the clients, or tokens. */
  needs?: "code" | "confidential code" | "tokens" | "confidential tokens";
  form: (fresh: Fresh) => Fields | string;
  headers?: Record<string, string>;
  method?: string;
  /** It is odd, and sound. `not active`: and the token is none that the client may know of. */
  sound?: true | "not active";
  /** Sent once before. */
  replay?: true;
}

export const basic = (id: string, secret: string): Record<string, string> => ({ authorization: `Basic ${Buffer.from(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`).toString("base64")}` });

const OTHER_VERIFIER = VERIFIER.replace("d", "e");

/** The query for a code of this client. */
export function codeQuery(given: Given, confidential: boolean): string {
  const { client_id, redirect_uri } = confidential ? given.nativeConfidential : given.open;
  return new URLSearchParams({ client_id, redirect_uri, response_type: "code", scope: "read:orders write:orders", resource: given.resource, state: "s", code_challenge: CHALLENGE, code_challenge_method: "S256", prompt: "consent" }).toString();
}

/** The form that redeems a code. */
export const redemption = (given: Given, { code }: Pick<Fresh, "code">, confidential = false): Fields => [
  ["grant_type", "authorization_code"],
  ["client_id", confidential ? given.nativeConfidential.client_id : given.open.client_id],
  ["code", code],
  ["redirect_uri", confidential ? given.nativeConfidential.redirect_uri : given.open.redirect_uri],
  ["code_verifier", VERIFIER],
  ["resource", given.resource],
];

const changed = (fields: Fields, changes: Record<string, string | undefined>): Fields => [
  ...fields.filter(([name]) => !(name in changes)),
  ...Object.entries(changes).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const])),
];

/** Unknown tokens and hints are no mistakes (RFC 7009 section 2.2, RFC 7662 section 2.2). */
const FREE = /^token(_type_hint)? (of 9 000|with control)/;

/** A form with each parameter spoilt in each way. `may` are those that may be left out. */
function* spoilt(fields: Fields, may: readonly string[]): Generator<[string, Fields | string, boolean]> {
  const text = (of: Fields) => of.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`).join("&");
  for (const [name, value] of fields) {
    const others = fields.filter(([other]) => other !== name);
    const fine = may.includes(name);
    yield [`${name} missing`, others, fine];
    yield [`${name} empty`, [...others, [name, ""]], fine];
    yield [`${name} twice, the same`, [...fields, [name, value]], false];
    yield [`${name} twice, another`, [...fields, [name, `${value}x`]], false];
    yield [`${name} of 9 000 characters`, [...others, [name, "x".repeat(9000)]], false];
    yield [`${name} with control characters`, [...others, [name, `${value}\u0000\r\n`]], false];
    yield [`${name} of no UTF-8`, `${text(others)}&${name}=%FF%FE`, false];
    yield [`${name} in upper case`, [...others, [name.toUpperCase(), value]], fine];
  }
}

export function oddForms(given: Given): OddForm[] {
  const { open, native, nativeConfidential: secret, other } = given;
  const forms: OddForm[] = [];
  const add = (form: OddForm) => forms.push(form);
  const spoil = (at: OddForm["at"], what: string, needs: NonNullable<OddForm["needs"]>, of: (fresh: Fresh) => Fields, may: string[], headers: Record<string, string> = {}) => {
    const names = [...spoilt(of({ code: "", refresh_token: "", access_token: "" }), may)];
    names.forEach(([name, , fine], index) => add({ name: `${what}${what && ": "}${name}`, at, needs, headers, form: (fresh) => [...spoilt(of(fresh), may)][index]![1], ...soundness(at, name, fine) }));
  };
  const soundness = (at: OddForm["at"], name: string, fine: boolean): Partial<OddForm> => {
    if (at === "token" || !FREE.test(name)) return fine ? { sound: true } : {};
    return { sound: at === "introspect" && name.startsWith("token ") ? "not active" : true };
  };
  const code = (fresh: Fresh) => redemption(given, fresh);
  const refresh = ({ refresh_token }: Fresh): Fields => [["grant_type", "refresh_token"], ["client_id", open.client_id], ["refresh_token", refresh_token], ["scope", "read:orders"], ["resource", given.resource]];

  add({ name: "code: sound", at: "token", needs: "code", form: code, sound: true });
  // OAuth 2.1 section 4.1.3 has no redirect_uri here any more: PKCE binds the code.
  spoil("token", "code", "code", code, ["redirect_uri", "resource"]);
  for (const [what, change, fine] of [
    ["another verifier", { code_verifier: OTHER_VERIFIER }],
    ["the challenge as verifier", { code_verifier: CHALLENGE }],
    ["a verifier of 42 characters", { code_verifier: VERIFIER.slice(1) }],
    ["a verifier of 129 characters", { code_verifier: "a".repeat(129) }],
    ["a verifier with other characters", { code_verifier: `${VERIFIER.slice(1)}+` }],
    ["another client", { client_id: native.client_id }],
    ["an unknown client", { client_id: "unknown" }],
    ["another redirect_uri", { redirect_uri: `${open.redirect_uri}/` }],
    ["another client's redirect_uri", { redirect_uri: native.redirect_uri }],
    ["another resource", { resource: other }],
    ["an unknown resource", { resource: "https://elsewhere.example.test" }],
    ["a resource with a fragment", { resource: `${given.resource}#x` }],
    ["a secret of a client without one", { client_secret: "x" }],
    ["a code that is made up", { code: "pac_x" }],
    ["the grant type of refresh", { grant_type: "refresh_token" }],
    ["scope, which is decided", { scope: "read:orders" }, true],
    ["an unknown parameter", { unknown: "x" }, true],
  ] as [string, Record<string, string>, boolean?][]) {
    add({ name: `code: ${what}`, at: "token", needs: "code", form: (fresh) => changed(code(fresh), change), ...(fine && { sound: true }) });
  }
  add({ name: "code: two resources, both known", at: "token", needs: "code", form: (fresh) => [...code(fresh), ["resource", other]] });
  add({ name: "code: replayed", at: "token", needs: "code", form: code, replay: true });
  add({ name: "code: of a client with a secret, without it", at: "token", needs: "confidential code", form: (fresh) => redemption(given, fresh, true) });
  const confidential = (fresh: Fresh) => changed(redemption(given, fresh, true), { client_id: undefined });
  add({ name: "code: client_secret_basic", at: "token", needs: "confidential code", form: confidential, headers: basic(secret.client_id, secret.client_secret), sound: true });
  for (const [what, headers, change] of [
    ["a wrong secret", basic(secret.client_id, "wrong"), {}],
    ["an empty secret", basic(secret.client_id, ""), {}],
    ["an unknown client", basic("unknown", secret.client_secret), {}],
    ["a public client with a secret", basic(open.client_id, "x"), {}],
    ["another client_id in the form", basic(secret.client_id, secret.client_secret), { client_id: open.client_id }],
    ["the secret twice", basic(secret.client_id, secret.client_secret), { client_secret: secret.client_secret }],
    ["no base64", { authorization: "Basic *" }, {}],
    ["no colon", { authorization: `Basic ${Buffer.from("native-with-secret").toString("base64")}` }, {}],
    ["a broken escape", { authorization: `Basic ${Buffer.from("native-with-secret:%zz").toString("base64")}` }, {}],
    ["another scheme", { authorization: `Bearer ${secret.client_secret}` }, { client_id: secret.client_id }],
    ["a wrong secret in the form", {}, { client_id: secret.client_id, client_secret: "wrong" }],
    ["an empty secret in the form", {}, { client_id: secret.client_id, client_secret: "" }],
    ["an assertion", {}, { client_id: secret.client_id, client_assertion: "x.y.z", client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" }],
  ] as [string, Record<string, string>, Record<string, string>][]) {
    add({ name: `code: a client with a secret: ${what}`, at: "token", needs: "confidential code", form: (fresh) => changed(confidential(fresh), change), headers });
  }
  for (const grant_type of ["password", "client_credentials", "implicit", "unknown", "AUTHORIZATION_CODE", "urn:ietf:params:oauth:grant-type:device_code", "urn:ietf:params:oauth:grant-type:jwt-bearer", "urn:ietf:params:oauth:grant-type:token-exchange"]) {
    add({ name: `grant_type ${grant_type}`, at: "token", form: () => [["grant_type", grant_type], ["client_id", open.client_id], ["username", "alice@example.com"], ["password", "x"], ["assertion", "x.y.z"]] });
  }

  add({ name: "refresh: sound", at: "token", needs: "tokens", form: refresh, sound: true });
  spoil("token", "refresh", "tokens", refresh, ["scope", "resource"]);
  for (const [what, change] of [
    ["a token that is made up", { refresh_token: "prt_x" }],
    ["another client", { client_id: native.client_id }],
    ["an unknown client", { client_id: "unknown" }],
    ["a client with a secret, without it", { client_id: secret.client_id }],
    ["a wider scope", { scope: "read:orders postern:admin" }],
    ["an unknown scope", { scope: "unknown" }],
    ["another resource", { resource: other }],
    ["an unknown resource", { resource: "https://elsewhere.example.test" }],
    ["a resource with a fragment", { resource: `${given.resource}#x` }],
  ] as [string, Record<string, string>][]) {
    add({ name: `refresh: ${what}`, at: "token", needs: "tokens", form: (fresh) => changed(refresh(fresh), change) });
  }
  add({ name: "refresh: with an access token", at: "token", needs: "tokens", form: (fresh) => changed(refresh(fresh), { refresh_token: fresh.access_token }) });
  add({ name: "refresh: replayed at once", at: "token", needs: "tokens", form: refresh, replay: true, sound: true });

  const proof = basic(secret.client_id, secret.client_secret);
  for (const [at, needs, headers] of [["revoke", "tokens", {}], ["introspect", "confidential tokens", proof]] as const) {
    const of = ({ refresh_token }: Fresh): Fields => [...(at === "revoke" ? [["client_id", open.client_id] as const] : []), ["token", refresh_token], ["token_type_hint", "refresh_token"]];
    add({ name: `sound`, at, needs, headers, form: of, sound: true });
    add({ name: `an access token`, at, needs, headers, form: (fresh) => changed(of(fresh), { token: fresh.access_token, token_type_hint: "access_token" }), sound: true });
    spoil(at, "", needs, of, ["token_type_hint"], headers);
    add({ name: `an unknown hint`, at, needs, headers, form: (fresh) => changed(of(fresh), { token_type_hint: "unknown" }), sound: true });
    add({ name: `a wrong hint`, at, needs, headers, form: (fresh) => changed(of(fresh), { token_type_hint: "access_token" }), sound: true });
    add({ name: `no client`, at, form: () => [["token", "x"]] });
    add({ name: `an unknown client`, at, form: () => [["token", "x"], ["client_id", "unknown"]] });
    add({ name: `a wrong secret`, at, headers: basic(secret.client_id, "wrong"), form: () => [["token", "x"]] });
    add({ name: `a client with a secret, without it`, at, form: () => [["token", "x"], ["client_id", secret.client_id]] });
    add({ name: `an unknown token`, at, headers: proof, form: () => [["token", "x"]], sound: at === "revoke" || "not active" });
    add({ name: `another client's token`, at, needs: "tokens", headers: proof, form: ({ refresh_token }) => [["token", refresh_token]], sound: at === "revoke" || "not active" });
  }
  for (const at of ["token", "revoke", "introspect"] as const) {
    const text = `client_id=${open.client_id}&token=x&grant_type=refresh_token&refresh_token=x`;
    for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x", ""]) add({ name: `the type ${type || "missing"}`, at, form: () => text, headers: { "content-type": type } });
    add({ name: `JSON`, at, form: () => JSON.stringify({ client_id: open.client_id, token: "x" }), headers: { "content-type": "application/json" } });
    add({ name: `empty`, at, form: () => "" });
    for (const method of ["GET", "PUT", "DELETE"]) add({ name: `${method}`, at, method, form: () => "" });
  }
  return forms;
}

/** Sends a form. */
export async function post(peer: Peer, form: OddForm, fields: Fields | string): Promise<Response> {
  const body = typeof fields === "string" ? fields : new URLSearchParams(fields.map(([name, value]) => [name, value])).toString();
  const { "content-type": type = "application/x-www-form-urlencoded", ...headers } = form.headers ?? {};
  const method = form.method ?? "POST";
  const bytes = new TextEncoder().encode(body);
  return fetch(peer.paths[form.at], { method, redirect: "manual", headers: { ...headers, ...(type && { "content-type": type }) }, ...(method === "GET" ? {} : { body: bytes }) });
}
