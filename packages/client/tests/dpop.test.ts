// Proofs are judged by oauth4webapi, as a resource server does.
import { createHash, webcrypto } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import * as oauth from "oauth4webapi";
import { beforeEach, describe, expect, test } from "vitest";
import { DpopKey } from "../src/dpop.ts";
import { memory, OAuthSession } from "../src/index.ts";
import { json } from "./support.ts";

const ISSUER = "https://auth.example.com";
const API = "https://api.example.com";
const signer = await generateKeyPair("ES256");
const jwks = { keys: [{ ...(await exportJWK(signer.publicKey)), kid: "k", alg: "ES256", use: "sig" }] };
let key: DpopKey;
beforeEach(async () => {
  key = await DpopKey.inMemory();
});

/** An access token that is bound to the key. */
const token = (jkt: string): Promise<string> =>
  new SignJWT({ client_id: "app", cnf: { jkt }, scope: "read" }).setProtectedHeader({ alg: "ES256", kid: "k", typ: "at+jwt" }).setIssuer(ISSUER).setAudience(API).setSubject("s").setJti("j").setIssuedAt().setExpirationTime("5m").sign(signer.privateKey);

/** What a resource server says to a request. */
async function judge(request: Request): Promise<unknown> {
  const server = { issuer: ISSUER, jwks_uri: `${ISSUER}/jwks` };
  return oauth.validateJwtAccessToken(server, request, API, { requireDPoP: true, signingAlgorithms: ["ES256"], [oauth.customFetch]: async () => json(jwks) }).then(() => "accepted", (error: Error) => error.message);
}

async function proved(url: string, method: string, accessToken: string, sent = url, sentMethod = method): Promise<Request> {
  return new Request(sent, { method: sentMethod, headers: { authorization: `DPoP ${accessToken}`, dpop: await key.proof(method, url, accessToken) } });
}

describe("a proof", () => {
  // Tests RFC 9449 section 4.3: the checks of a resource server accept the proof, and only for its request, token and key
  test("is for one method, address, token and key", async () => {
    const bound = await token(key.thumbprint);
    expect(await judge(await proved(`${API}/orders?page=2#top`, "POST", bound, `${API}/orders?page=2`))).toBe("accepted");
    expect(await judge(await proved(`${API}/orders`, "POST", bound, `${API}/orders`, "PUT"))).toMatch(/htm/);
    expect(await judge(await proved(`${API}/orders`, "GET", bound, `${API}/others`))).toMatch(/htu/);
    const other = await token(key.thumbprint);
    const request = await proved(`${API}/orders`, "GET", other);
    request.headers.set("authorization", `DPoP ${await token(key.thumbprint)}x`);
    expect(await judge(request)).not.toBe("accepted");
    expect(await judge(await proved(`${API}/orders`, "GET", await token((await DpopKey.inMemory()).thumbprint)))).toMatch(/jkt|thumbprint|confirmation/i);
  });

  // Tests RFC 7638 section 3: the thumbprint of a P-256 key
  test("carries the public key alone, of the thumbprint", async () => {
    const header = JSON.parse(Buffer.from((await key.proof("GET", API)).split(".")[0]!, "base64url").toString());
    const { crv, kty, x, y } = header.jwk;
    expect(Object.keys(header.jwk).sort()).toEqual(["crv", "kty", "x", "y"]);
    expect(createHash("sha256").update(JSON.stringify({ crv, kty, x, y })).digest("base64url")).toBe(key.thumbprint);
  });

  // Tests RFC 9449 section 4.2: htu is the address without query and fragment, htm the method
  test("names the request", async () => {
    const claims = JSON.parse(Buffer.from((await key.proof("post", `${API}/a%20b/?q=1#f`)).split(".")[1]!, "base64url").toString());
    expect([claims.htm, claims.htu]).toEqual(["POST", `${API}/a%20b/`]);
  });

  test("each has an id of its own", async () => {
    const ids = await Promise.all([1, 2, 3].map(async () => JSON.parse(Buffer.from((await key.proof("GET", API)).split(".")[1]!, "base64url").toString()).jti));
    expect(new Set(ids).size).toBe(3);
  });
});

test("the private key cannot be read", async () => {
  const made: CryptoKeyPair[] = [];
  const real = webcrypto.subtle.generateKey.bind(webcrypto.subtle);
  const subtle = crypto.subtle as { generateKey: unknown };
  subtle.generateKey = async (...given: Parameters<typeof real>) => {
    const pair = (await real(...given)) as CryptoKeyPair;
    made.push(pair);
    return pair;
  };
  try {
    await DpopKey.inMemory();
  } finally {
    delete subtle.generateKey;
  }
  await expect(crypto.subtle.exportKey("jwk", made[0]!.privateKey)).rejects.toThrow();
});

describe("a session with a key", () => {
  const seen: { url: string; claims: Record<string, unknown>; authorization: string | null }[] = [];
  let nonces: Record<string, string>;
  beforeEach(() => {
    seen.length = 0;
    nonces = {};
  });
  const server: typeof globalThis.fetch = async (input, init) => {
    const url = input instanceof Request ? input.url : String(input);
    const headers = new Headers(init?.headers);
    const proof = headers.get("dpop");
    if (url.includes("/.well-known/")) return json({ issuer: ISSUER, authorization_endpoint: `${ISSUER}/authorize`, token_endpoint: `${ISSUER}/token` });
    const claims = JSON.parse(Buffer.from(proof!.split(".")[1]!, "base64url").toString());
    seen.push({ url, claims, authorization: headers.get("authorization") });
    const { origin } = new URL(url);
    const nonce = nonces[origin];
    if (nonce && claims.nonce !== nonce) {
      return origin === ISSUER
        ? json({ error: "use_dpop_nonce" }, 400, { "dpop-nonce": nonce })
        : json({}, 401, { "dpop-nonce": nonce, "www-authenticate": 'DPoP error="use_dpop_nonce"' });
    }
    return origin === ISSUER ? json({ access_token: await token(key.thumbprint), token_type: "DPoP", expires_in: 600, refresh_token: "rt" }) : json({ judged: await judge(new Request(url, { headers })) });
  };
  const signedIn = async (): Promise<OAuthSession> => {
    const session = new OAuthSession({ issuer: ISSUER, clientId: "app", redirectUri: "https://app.example.com/", storage: memory(), api: API, dpop: key, fetch: server });
    const asked = new URL(await session.authorizationUrl()).searchParams;
    expect(asked.get("dpop_jkt")).toBe(key.thumbprint);
    await session.callback(`https://app.example.com/?code=c&state=${asked.get("state")}`);
    return session;
  };

  test("proves itself at the token endpoint and at the API", async () => {
    const session = await signedIn();
    expect(seen[0]!.claims).toMatchObject({ htm: "POST", htu: `${ISSUER}/token` });
    expect(seen[0]!.claims).not.toHaveProperty("ath");
    expect(await (await session.fetch("/orders?page=1")).json()).toEqual({ judged: "accepted" });
    expect(seen[1]!.authorization).toMatch(/^DPoP /);
    expect(await (await session.fetch(new Request(`${API}/orders`))).json()).toEqual({ judged: "accepted" });
  });

  // Tests RFC 9449 section 8: the request is repeated once with the nonce, which the next ones have at once
  test("repeats once with a nonce, of each server its own", async () => {
    nonces = { [ISSUER]: "n1", [API]: "n2" };
    const session = await signedIn();
    expect(seen.map(({ claims }) => claims["nonce"])).toEqual([undefined, "n1"]);
    await session.fetch("/orders");
    await session.fetch("/orders");
    expect(seen.slice(2).map(({ claims }) => claims["nonce"])).toEqual([undefined, "n2", "n2"]);
  });

  test("does not repeat for ever", async () => {
    const session = await signedIn();
    seen.length = 0;
    let count = 0;
    Object.defineProperty(nonces, API, { get: () => `n${(count += 1)}` });
    expect((await session.fetch("/orders")).status).toBe(401);
    expect(seen).toHaveLength(2);
  });
});
