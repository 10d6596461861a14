// Settings, headers, and the life of the key set.
import { generateKeyPairSync, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { KeySet, OriginError, verifyAccessToken, verifyAssertion, type Expected, type KeySetOptions } from "../src/index.ts";

const ISSUER = "https://auth.example.com";
const AUDIENCE = "https://orders.internal.example.com";

function signer(kid: string) {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const jwk = { ...publicKey.export({ format: "jwk" }), kid, use: "sig", alg: "ES256" };
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const assertion = (at: number) => {
    const input = `${part({ alg: "ES256", kid, typ: "postern-assertion+jwt" })}.${part({ iss: ISSUER, aud: AUDIENCE, sub: "u", token_iss: ISSUER, iat: at, exp: at + 60 })}`;
    return `${input}.${sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  };
  return { jwk, assertion };
}

/** A key set on a clock of its own, and what is asked of it. */
function scene(options: Partial<KeySetOptions> = {}) {
  const [first, second] = [signer("k1"), signer("k2")];
  const state = { now: 1_800_000_000, fetched: 0, published: [first.jwk] as object[], headers: {} as Record<string, string>, status: 200 };
  const now = () => state.now * 1_000;
  const keys = new KeySet(`${ISSUER}/.well-known/jwks.json`, {
    now,
    fetch: async () => {
      state.fetched += 1;
      return new Response(JSON.stringify({ keys: state.published }), { status: state.status, headers: state.headers });
    },
    ...options,
  });
  const judge = async (from: { assertion(at: number): string }) => {
    const headers = new Headers({ "x-postern-assertion": from.assertion(state.now) });
    return verifyAssertion(headers, { issuer: ISSUER, audience: AUDIENCE, keys, now }).then(
      () => "valid",
      (error: unknown) => (error instanceof OriginError ? error.reason : Promise.reject(error as Error)),
    );
  };
  return { state, first, second, judge };
}

describe("settings", () => {
  test("without issuer or audience there is no verdict", async () => {
    const headers = new Headers();
    for (const bad of [undefined, {}, { issuer: ISSUER }, { audience: AUDIENCE }, { issuer: "", audience: AUDIENCE }, { issuer: ISSUER, audience: "" }, { issuer: ISSUER, audience: [] }, { issuer: ISSUER, audience: [""] }, { issuer: /x/, audience: AUDIENCE }]) {
      await expect(verifyAssertion(headers, bad as unknown as Expected)).rejects.toThrow(TypeError);
      await expect(verifyAccessToken(headers, bad as unknown as Expected)).rejects.toThrow(TypeError);
    }
    // @ts-expect-error: the types say it too.
    await expect(verifyAssertion(headers, { issuer: ISSUER })).rejects.toThrow("audience is required");
    // @ts-expect-error: so does an empty list.
    await expect(verifyAssertion(headers, { issuer: ISSUER, audience: [] })).rejects.toThrow("audience is required");
  });

  test("keys come over TLS, or from this machine", async () => {
    for (const url of ["http://auth.example.com/keys", "ftp://localhost/keys", "file:///etc/keys", "keys", "http://localhost.example.com/"]) {
      expect(() => new KeySet(url), url).toThrow(TypeError);
    }
    for (const url of ["https://auth.example.com/keys", "http://localhost:8787/keys", "http://127.0.0.1/keys", "http://[::1]:1/keys"]) expect(new KeySet(url).url).toContain("/keys");
    await expect(verifyAssertion(new Headers(), { issuer: "http://auth.example.com", audience: AUDIENCE })).rejects.toThrow("issuer must be an https URL");
  });

  test("a request without headers is a mistake of the program", async () => {
    await expect(verifyAssertion({ headers: {} } as never, { issuer: ISSUER, audience: AUDIENCE })).rejects.toThrow(TypeError);
  });
});

describe("the key set", () => {
  test("one fetch serves until max-age has passed", async () => {
    const { state, first, judge } = scene();
    state.headers = { "cache-control": "public, max-age=600", age: "100" };
    expect(await Promise.all([judge(first), judge(first), judge(first)])).toEqual(["valid", "valid", "valid"]);
    expect(state.fetched).toBe(1);
    state.now += 499;
    expect(await judge(first)).toBe("valid");
    expect(state.fetched).toBe(1);
    state.now += 1;
    expect(await judge(first)).toBe("valid");
    expect(state.fetched).toBe(2);
  });

  test("a max-age of a year counts as an hour", async () => {
    const { state, first, second, judge } = scene();
    state.headers = { "cache-control": "max-age=31536000" };
    expect(await judge(first)).toBe("valid");
    state.published = [second.jwk];
    state.now += 3_600;
    expect(await judge(first)).toBe("unknown_key");
  });

  test("a new key is fetched at once, made-up names once in 30 s", async () => {
    const { state, first, second, judge } = scene();
    expect(await judge(first)).toBe("valid");
    for (let tried = 0; tried < 50; tried += 1) expect(await judge(second)).toBe("unknown_key");
    expect(state.fetched).toBe(1);
    state.published.push(second.jwk);
    state.now += 29;
    expect(await judge(second)).toBe("unknown_key");
    expect(state.fetched).toBe(1);
    state.now += 1;
    expect(await judge(second)).toBe("valid");
    expect(state.fetched).toBe(2);
  });

  test("an old set serves for a day while there is no newer one", async () => {
    const { state, first, judge } = scene();
    expect(await judge(first)).toBe("valid");
    state.status = 503;
    state.now += 86_399;
    expect(await judge(first)).toBe("valid");
    expect(state.fetched).toBe(2);
    // The next attempt is 30 s later.
    expect(await judge(first)).toBe("valid");
    expect(state.fetched).toBe(2);
    state.now += 1;
    expect(await judge(first)).toBe("keys_unavailable");
  });

  test("without keys it is 503, and one attempt a second", async () => {
    const { state, first, judge } = scene();
    for (const broken of [{ status: 404 }, { status: 302 }, { published: [] }, { published: [{ kty: "oct", k: "AA" }] }]) {
      Object.assign(state, broken);
      expect(await judge(first)).toBe("keys_unavailable");
      expect(await judge(first)).toBe("keys_unavailable");
      state.now += 1;
    }
    expect(state.fetched).toBe(4);
    Object.assign(state, { status: 200, published: [first.jwk] });
    expect(await judge(first)).toBe("valid");
  });

  test("a network that fails, and a page instead of a set, are 503", async () => {
    for (const fetch of [() => Promise.reject(new TypeError("no network")), async () => new Response("<html>"), async () => new Response(`{"keys":[],"keys":[]}`), async () => new Response("x".repeat(600_000))]) {
      const { first, judge } = scene({ fetch });
      expect(await judge(first)).toBe("keys_unavailable");
    }
  });

  test("a clock that is put back makes a set due", async () => {
    const { state, first, judge } = scene();
    expect(await judge(first)).toBe("valid");
    state.now -= 100_000;
    expect(await judge(first)).toBe("valid");
    expect(state.fetched).toBe(2);
  });

  test("redirects are not followed, and a fetch is cut off", async () => {
    let asked: RequestInit = {};
    const { first, judge } = scene({ fetch: async (_, init) => ((asked = init), new Response("")) });
    await judge(first);
    expect(asked.redirect).toBe("manual");
    expect(asked.signal).toBeInstanceOf(AbortSignal);
  });
});

// The web's request has an absolute URL, Node's and Express's have what was sent.
test("a bound assertion is compared with the request", async () => {
  const vectors = JSON.parse(readFileSync(new URL("../../../tests/vectors/origin.json", import.meta.url), "utf8")) as { now: number; key_sets: { usual: string }; cases: { name: string; values: string[]; request?: { method: string; target: string } }[] };
  const one = vectors.cases.find(({ name }) => name === "assertion: bound to this request");
  const { method = "", target = "" } = one?.request ?? {};
  const now = () => vectors.now * 1_000;
  const keys = new KeySet(`${ISSUER}/keys`, { now, fetch: async () => new Response(vectors.key_sets.usual) });
  const expected: Expected = { issuer: ISSUER, audience: AUDIENCE, keys, now, bound: true };
  const headers = new Headers({ "x-postern-assertion": one?.values[0] ?? "" });
  expect((await verifyAssertion(new Request(`https://o.example${target}`, { method, headers }), expected)).subject).toBe("5f0c");
  const rawHeaders = [...headers].flat();
  expect((await verifyAssertion({ rawHeaders, method, url: "/cut", originalUrl: target } as never, expected)).subject).toBe("5f0c");
  await expect(verifyAssertion(new Request(`https://o.example${target}&y`, { method, headers }), expected)).rejects.toThrow("wrong_request");
  await expect(verifyAssertion(headers, expected)).rejects.toThrow(TypeError);
  await expect(verifyAccessToken(new Request("https://o.example/"), expected)).rejects.toThrow("bound is for assertions");
});

test("the answer says one word, the error says why", async () => {
  const { first } = scene();
  const keys = new KeySet(ISSUER, { fetch: () => Promise.reject(new Error()) });
  const expected = { issuer: ISSUER, audience: AUDIENCE, keys };
  const refusal = async (work: Promise<unknown>) => (await work.catch((error: unknown) => error)) as OriginError;
  const missing = await refusal(verifyAssertion(new Headers(), expected));
  expect([missing.status, missing.code, missing.headers["www-authenticate"]]).toEqual([401, "assertion_required", "Postern-Assertion"]);
  const malformed = await refusal(verifyAccessToken(new Headers({ authorization: "Bearer a b" }), expected));
  expect([malformed.status, malformed.headers["www-authenticate"]]).toEqual([400, 'Bearer error="invalid_request"']);
  const bare = await refusal(verifyAccessToken(new Headers(), expected));
  expect([bare.status, bare.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
  const ours = await refusal(verifyAssertion(new Headers({ "x-postern-assertion": first.assertion(1) }), expected));
  expect([ours.status, ours.code, ours.headers["retry-after"]]).toEqual([503, "keys_unavailable", "5"]);
  expect(await ours.toResponse().json()).toEqual({ title: "Service Unavailable", status: 503, code: "keys_unavailable" });
});
