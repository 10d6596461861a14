// The redirect flow against a server of a few lines; tests/browser/client.test.ts plays it with the real one.
import { createHash } from "node:crypto";
import { beforeEach, describe, expect, test } from "vitest";
import { memory, OAuthSession, PosternError, Refused, SessionChanged, type OAuthOptions, type SignInOptions, type TokenStorage } from "../src/index.ts";
import { json } from "./support.ts";

const ISSUER = "https://auth.example.com";
const CALLBACK = "https://app.example.com/callback";
let calls: { url: string; form: URLSearchParams; headers: Headers }[];
let fate: (url: string, form: URLSearchParams) => Response | Error | Promise<Response> | undefined;
let metadata: Record<string, unknown>;
let storage: TokenStorage;

/** A server that rotates refresh tokens, and where each serves once. */
const server: typeof globalThis.fetch = async (input, init) => {
  const url = String(input);
  const form = new URLSearchParams((init?.body as URLSearchParams | undefined) ?? "");
  calls.push({ url, form, headers: new Headers(init?.headers) });
  const given = await fate(url, form);
  if (given instanceof Error) throw given;
  if (given) return given;
  if (url.includes("/.well-known/")) return url.endsWith("openid-configuration") ? json(metadata) : json({}, 404);
  if (url.endsWith("/token")) {
    const count = calls.filter((one) => one.url.endsWith("/token")).length;
    return json({ access_token: `at-${count}`, token_type: "Bearer", expires_in: 600, refresh_token: `rt-${count}` });
  }
  return url.startsWith("https://api.") ? json({}) : new Response(null, { status: 200 });
};

beforeEach(() => {
  calls = [];
  fate = () => undefined;
  storage = memory();
  metadata = {
    issuer: ISSUER,
    authorization_endpoint: `${ISSUER}/oauth/authorize?theme=dark`,
    token_endpoint: `${ISSUER}/oauth/token`,
    revocation_endpoint: `${ISSUER}/oauth/revoke`,
    authorization_response_iss_parameter_supported: true,
  };
});

const make = (options: Partial<OAuthOptions> = {}): OAuthSession => new OAuthSession({ issuer: ISSUER, clientId: "app", redirectUri: CALLBACK, storage, fetch: server, ...options });
const ask = async (session: OAuthSession, options?: SignInOptions): Promise<URLSearchParams> => new URL(await session.authorizationUrl(options)).searchParams;
const answer = (parameters: Record<string, string>): string => `${CALLBACK}?${new URLSearchParams({ code: "c", iss: ISSUER, ...parameters })}`;
async function signIn(session: OAuthSession, options?: SignInOptions): Promise<unknown> {
  const { state } = Object.fromEntries(await ask(session, options));
  return session.callback(answer({ state: state! }));
}
const tokens = (): URLSearchParams[] => calls.filter(({ url }) => url.endsWith("/token")).map(({ form }) => form);

// Tests RFC 7636 section 4.3: the challenge is the hash of the verifier that the code is redeemed with
test("the request has PKCE, and what the endpoint's query had", async () => {
  const session = make({ scope: "read:orders", resource: "https://api.example.com/mcp" });
  const asked = await ask(session, { returnTo: { page: 3 }, parameters: { login_hint: "alice", ui_locales: "de", state: "fixed" } });
  expect(Object.fromEntries(asked)).toMatchObject({
    theme: "dark", response_type: "code", client_id: "app", redirect_uri: CALLBACK, code_challenge_method: "S256",
    scope: "read:orders", resource: "https://api.example.com/mcp", login_hint: "alice", ui_locales: "de",
  });
  expect(await session.callback(answer({ state: asked.get("state")! }))).toEqual({ page: 3 });
  const redeemed = tokens()[0]!;
  expect(Object.fromEntries(redeemed)).toMatchObject({ grant_type: "authorization_code", code: "c", client_id: "app", redirect_uri: CALLBACK, resource: "https://api.example.com/mcp" });
  expect(createHash("sha256").update(redeemed.get("code_verifier")!).digest("base64url")).toBe(asked.get("code_challenge"));
  expect(redeemed.get("code_verifier")).toMatch(/^[A-Za-z0-9._~-]{43,128}$/);
  expect(session.state.status).toBe("signed-in");
});

test("step-up goes into the request", async () => {
  const asked = await ask(make(), { acrValues: ["urn:mfa", "urn:hwk"], maxAge: 0, parameters: { prompt: "login" } });
  expect([asked.get("acr_values"), asked.get("max_age"), asked.get("prompt")]).toEqual(["urn:mfa urn:hwk", "0", "login"]);
});

describe("an answer is refused, and no code is sent", () => {
  test.for([
    ["an answer that was not asked for", { state: "mine" }],
    ["the answer of another server", { iss: "https://evil.example" }],
    ["an answer without iss, where the server always has it", { iss: "" }],
  ])("%s", async ([, parameters]) => {
    const session = make();
    const state = (await ask(session)).get("state")!;
    const url = new URL(answer({ state, ...(parameters as Record<string, string>) }));
    if (url.searchParams.get("iss") === "") url.searchParams.delete("iss");
    await expect(session.callback(url.href)).rejects.toBeInstanceOf(PosternError);
    expect(tokens()).toEqual([]);
    expect(session.state.status).toBe("unknown");
  });

  test("an answer that comes a second time", async () => {
    const session = make();
    const state = (await ask(session)).get("state")!;
    await session.callback(answer({ state }));
    await expect(make().callback(answer({ state }))).rejects.toBeInstanceOf(PosternError);
    expect(tokens()).toHaveLength(1);
  });

  test("an error of the server", async () => {
    const session = make();
    const state = (await ask(session)).get("state")!;
    const url = `${CALLBACK}?${new URLSearchParams({ error: "access_denied", error_description: "The user said no", state, iss: ISSUER })}`;
    const error = await session.callback(url).catch((one: unknown) => one);
    expect(error).toBeInstanceOf(Refused);
    expect(error).toMatchObject({ code: "access_denied", message: "The user said no" });
  });
});

// React's strict mode runs effects twice.
test("a page that calls twice redeems once", async () => {
  const session = make();
  const state = (await ask(session, { returnTo: "/a" })).get("state")!;
  const both = await Promise.all([session.callback(answer({ state })), session.callback(answer({ state }))]);
  expect(both).toEqual(["/a", "/a"]);
  expect(tokens()).toHaveLength(1);
});

test("the user may go back and use the first sign-in", async () => {
  const session = make();
  const first = (await ask(session, { returnTo: 1 })).get("state")!;
  await ask(session, { returnTo: 2 });
  expect(await session.callback(answer({ state: first }))).toBe(1);
});

describe("metadata", () => {
  // Tests RFC 8414 section 3.3: metadata of another issuer is not used
  test("of another issuer is not used", async () => {
    metadata["issuer"] = `${ISSUER}/`;
    await expect(make().authorizationUrl()).rejects.toBeInstanceOf(PosternError);
  });

  test("is also found where RFC 8414 has it", async () => {
    const issuer = `${ISSUER}/tenant`;
    metadata["issuer"] = issuer;
    fate = (url) => (url.endsWith("openid-configuration") ? json({}, 404) : url === `${ISSUER}/.well-known/oauth-authorization-server/tenant` ? json(metadata) : undefined);
    expect(await make({ issuer }).authorizationUrl()).toContain("code_challenge");
  });

  test("that could not be read is read again", async () => {
    fate = () => new TypeError("fetch failed");
    const session = make();
    await expect(session.authorizationUrl()).rejects.toThrow();
    fate = () => undefined;
    expect(await session.authorizationUrl()).toContain("code_challenge");
  });
});

describe("the grant", () => {
  test("lives in the storage: a new page refreshes", async () => {
    const session = make();
    await signIn(session);
    const page = make();
    await page.start();
    expect(page.state.sessionId).toBe(session.state.sessionId);
    expect(tokens()[1]?.get("refresh_token")).toBe("rt-1");
    expect(page.peek()).toBe("at-2");
  });

  test("a server that keeps its refresh token", async () => {
    fate = (url) => (url.endsWith("/token") ? json({ access_token: "at", token_type: "bearer", expires_in: 1, ...(tokens().length === 1 && { refresh_token: "rt" }) }) : undefined);
    await signIn(make());
    for (let n = 0; n < 2; n += 1) await make().start();
    expect(tokens().map((form) => form.get("refresh_token"))).toEqual([null, "rt", "rt"]);
  });

  test("a client without refresh tokens is signed out at the end", async () => {
    fate = (url) => (url.endsWith("/token") ? json({ access_token: "at", token_type: "bearer", expires_in: 600 }) : undefined);
    await signIn(make());
    expect((await make().start()).status).toBe("signed-out");
    expect(tokens()).toHaveLength(1);
  });

  test("invalid_grant ends it, invalid_client does not", async () => {
    const session = make();
    await signIn(session);
    const page = make();
    fate = (url) => (url.endsWith("/token") ? json({ error: "invalid_client" }, 401) : undefined);
    await expect(page.start()).rejects.toMatchObject({ code: "invalid_client" });
    expect(page.state.status).toBe("unknown");
    fate = (url) => (url.endsWith("/token") ? json({ error: "invalid_grant" }, 400) : undefined);
    expect((await page.start()).status).toBe("signed-out");
    expect((await make().start()).status).toBe("signed-out");
  });

  test("another sign-in is another session", async () => {
    const session = make({ api: "https://api.example.com" });
    await signIn(session);
    const before = session.state.sessionId;
    let release = (): void => {};
    fate = (url) => (url.startsWith("https://api.") ? new Promise((resolve) => (release = () => resolve(json({})))) : undefined);
    const asked = session.fetch("/orders");
    await signIn(session);
    expect(session.state.sessionId).not.toBe(before);
    release();
    await expect(asked).rejects.toBeInstanceOf(SessionChanged);
  });
});

describe("signing out", () => {
  test("ends the grant", async () => {
    const session = make();
    await signIn(session);
    await session.signOut();
    expect(calls.at(-1)).toMatchObject({ url: `${ISSUER}/oauth/revoke` });
    expect(calls.at(-1)?.form.get("token")).toBe("rt-1");
    expect((await make().start()).status).toBe("signed-out");
  });

  test("forgets the tokens also when the server is away", async () => {
    const session = make();
    await signIn(session);
    fate = () => new TypeError("fetch failed");
    await expect(session.signOut()).rejects.toThrow();
    expect(session.state.status).toBe("signed-out");
    expect((await make().start()).status).toBe("signed-out");
  });
});

// Tests RFC 9449 section 5: a client that asked for a bound token does not use another one
test("a bearer token in place of a bound one is refused", async () => {
  const session = make({ dpop: { thumbprint: "t", fetch: (input, init, send) => send(input, init) } });
  await expect(signIn(session)).rejects.toBeInstanceOf(PosternError);
  expect(session.peek()).toBeUndefined();
});
