// What the OAuth endpoints refuse on workerd: forms that say nothing, or two things, and calls while a part of the platform
// fails. Nothing bad is a 5xx, and nothing of it uses up a code or a token.
import { expect, test } from "vitest";
import { rawRequest } from "./support/origin.ts";
import { BACKEND, NOTES, oauthScene, SECRET } from "./support/oauth-scene.ts";

const { HERE, postern, server, opened, redemption, renewal } = await oauthScene({ breakable: true });

type Fields = [string, string][];
const FORM = "application/x-www-form-urlencoded";
/** How a client with a secret proves itself in a form. */
const PROOF = { client_id: "back:end+1", client_secret: SECRET };
const ENDPOINTS = ["/oauth/token", "/oauth/revoke", "/oauth/introspect"];
const CODES = ["invalid_request", "invalid_client", "invalid_grant", "invalid_scope", "invalid_target", "unauthorized_client", "unsupported_grant_type"];

/** The refusal of a form, which has the shape of RFC 6749 section 5.2. */
async function refusal(path: string, fields: Fields): Promise<string> {
  const answer = await server().form(path, fields);
  const text = await answer.text();
  expect([400, 401], `${path} ${JSON.stringify(fields.map(([name]) => name))}: ${answer.status} ${text}`).toContain(answer.status);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  const { error } = JSON.parse(text) as { error: string };
  expect(CODES).toContain(error);
  return error;
}

/** A sound request with one parameter missing, empty, twice, too long, of control characters, or of no UTF-8. */
function* spoilt(fields: Fields): Generator<[string, Fields]> {
  for (const [name, value] of fields) {
    const others = fields.filter(([other]) => other !== name);
    yield [`${name} missing`, others];
    yield [`${name} empty`, [...others, [name, ""]]];
    yield [`${name} twice`, [...fields, [name, value]]];
    yield [`${name} too long`, [...others, [name, "x".repeat(9000)]]];
    yield [`${name} of other characters`, [...others, [name, "\u0000\n\u2028é"]]];
  }
}

// Attack: a request that two readers read in two ways, or that exhausts one of them.
// Tests RFC 6749 section 3.2: parameters come once, and one without a value counts as omitted
test("a spoilt form is refused, and uses up nothing", async () => {
  const brought = await server().code(NOTES);
  const { refresh_token, access_token } = await opened(NOTES);
  const sound: [string, Record<string, string>][] = [
    ["/oauth/token", redemption(brought.code, brought.verifier)],
    ["/oauth/token", renewal(refresh_token)],
    ["/oauth/revoke", { client_id: "notes", token: refresh_token }],
    ["/oauth/introspect", { ...PROOF, token: access_token }],
  ];
  const wrong: string[] = [];
  for (const [path, fields] of sound) {
    for (const [what, form] of spoilt(Object.entries(fields))) {
      // An unknown token is no mistake there (RFC 7009 section 2.2, RFC 7662 section 2.2).
      if (/^token (too long|of other)/.test(what)) continue;
      const error = await refusal(path, form);
      if (/twice/.test(what) && error !== "invalid_request") wrong.push(`${path} ${what}: ${error}`);
    }
  }
  expect(wrong).toEqual([]);
  await server().redeem(NOTES, brought);
  await server().refresh(NOTES, refresh_token);
});

test.for(ENDPOINTS)("%s reads forms alone, and only short ones", async (path) => {
  const send = (body: string | Uint8Array<ArrayBuffer>, type: string | null) => postern().fetch(path, { method: "POST", headers: type === null ? {} : { "content-type": type }, body });
  const bytes = new TextEncoder().encode("client_id=notes&token=x");
  for (const type of ["application/json", "text/plain", "multipart/form-data; boundary=x", null]) expect((await send(bytes, type)).status, String(type)).toBe(400);
  expect((await send("", FORM)).status).toBeLessThan(402);
  expect((await send(new Uint8Array([...bytes, 0xff, 0xfe]), FORM)).status, "no UTF-8").toBe(400);
  for (const [length, status] of [[17_000, 400], [70_000, 413]] as const) {
    expect((await send(`client_id=notes&token=${"x".repeat(length)}`, FORM)).status, `${length} bytes`).toBe(status);
  }
  expect((await send(Array.from({ length: 500 }, (_, number) => `p${number}=x`).join("&"), FORM)).status, "too many").toBe(400);
  for (const method of ["GET", "PUT", "DELETE"]) expect((await rawRequest(HERE, method, path)).status, method).toBe(405);
});

// Attack: the answer is to go to an address of the attacker's, or to be read by a page of theirs.
test("a spoilt authorization request goes nowhere else", async () => {
  const { url } = await server().ask(NOTES, { scope: "read:orders" });
  let tried = 0;
  for (const [what, form] of spoilt([...url.searchParams])) {
    const answer = await postern().fetch(`/oauth/authorize?${new URLSearchParams(form).toString()}`);
    tried += 1;
    expect([303, 400, 414], what).toContain(answer.status);
    const location = answer.headers.get("location");
    if (location === null) continue;
    const target = new URL(location, HERE);
    expect([HERE, new URL(NOTES.redirectUri).origin], what).toContain(target.origin);
    expect(target.searchParams.get("code"), what).toBeNull();
    // Only of the client and redirect URI that are proved.
    if (/^(client_id|redirect_uri)/.test(what) && !/redirect_uri (missing|empty)/.test(what)) expect.unreachable(`${what}: ${location}`);
  }
  expect(tried).toBe(35);
});

// A fault is ours: the client comes again, and nothing is lost.
test.for(["throws", "hangs"] as const)("while the Account object %s, clients come again", async (how) => {
  const [brought, tokens, backend] = [await server().code(NOTES), await opened(NOTES), await opened(BACKEND)];
  await postern().break({ ACCOUNT: how });
  const calls: [string, Record<string, string>][] = [
    ["/oauth/token", redemption(brought.code, brought.verifier)],
    ["/oauth/token", renewal(tokens.refresh_token)],
    ["/oauth/revoke", { client_id: "notes", token: tokens.refresh_token }],
    ["/oauth/introspect", { ...PROOF, token: backend.refresh_token }],
  ];
  const refused = Promise.all(
    calls.map(async ([path, fields]) => {
      const answer = await server().form(path, fields);
      expect([answer.status, Number(answer.headers.get("retry-after")) > 0], path).toEqual([503, true]);
      expect(await answer.json(), path).toMatchObject({ error: "temporarily_unavailable" });
    }),
  );
  await refused.finally(() => postern().break());
  await server().redeem(NOTES, brought);
  await server().refresh(NOTES, tokens.refresh_token);
  expect(await server().introspect(BACKEND, backend.refresh_token)).toMatchObject({ active: true });
});
