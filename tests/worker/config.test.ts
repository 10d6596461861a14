// The configuration as an operator meets it: refused whole, every mistake named, no secret shown.
import { readFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { parse } from "smol-toml";
import { afterEach, describe, expect, test } from "vitest";
import { bearer, expectProblem, json, post, signIn } from "./support/client.ts";
import { ALICE, PASSWORD, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

const running: Running[] = [];
afterEach(async () => {
  for (const postern of running.splice(0)) {
    await postern.dispose();
    expectNoSecrets(postern);
  }
});

async function withVars(vars: Record<string, unknown>, base = settings()): Promise<Running> {
  const postern = await start({ vars: { ...base, ...vars } });
  running.push(postern);
  return postern;
}

/** Nothing is served, and the log names each of these. */
async function expectRefused(postern: Running, mistakes: string[]): Promise<void> {
  for (const path of ["/healthz", "/readyz", "/.well-known/jwks.json", "/public/ping", "/api/orders"]) {
    const response = await postern.fetch(path);
    const text = await response.text();
    expect({ path, status: response.status }).toEqual({ path, status: 503 });
    // What is wrong is for the log: a visitor learns that something is, and no more.
    for (const mistake of mistakes) expect(text).not.toContain(mistake);
  }
  await expectProblem(await post(postern, "/auth/login", { login: ALICE, password: PASSWORD }), 503, "misconfigured");
  for (const mistake of mistakes) await postern.logged(new RegExp(mistake.replace(/[.[\]]/g, "\\$&")));
}

// Nothing is served.
test("all mistakes are named at the first request", async () => {
  const postern = await withVars({
    POSTERN_LEEWAY: 100_000,
    POSTERN_ACCESS_TOKEN_LIFETIME: "soon",
    POSTERN_REGISTRATION: "maybe",
    POSTERN_CORS_ORIGINS: ["*"],
    POSTERN_ROUTES: [{ path: "/a", upstream: "ftp://example.com" }, { path: "no-slash", service: "ORIGIN" }, { path: "/c", scope: "x", service: "ORIGIN" }],
    POSTERN_ISUER: "https://a-typing-mistake.example.test",
  });
  await expectRefused(postern, [
    "POSTERN_LEEWAY",
    "POSTERN_ACCESS_TOKEN_LIFETIME",
    "POSTERN_REGISTRATION",
    "POSTERN_CORS_ORIGINS[0]",
    "POSTERN_ROUTES[0].upstream",
    "POSTERN_ROUTES[1].path",
    "POSTERN_ROUTES[2].scope",
    "POSTERN_ISUER",
  ]);
});

// A secret in the wrong variable stays out of the log.
test("no message repeats a value", async () => {
  const secret = randomBytes(32).toString("base64url");
  const postern = await withVars({
    POSTERN_PROFILE: secret,
    POSTERN_LEEWAY: secret,
    POSTERN_ISSUER: secret,
    POSTERN_REFRESH: { idle_lifetime: secret },
    POSTERN_ROUTES: [{ path: secret, upstream: secret }],
    POSTERN_ISSUERS: `[{"issuer": "${secret}"`,
  });
  postern.secrets.add(secret);
  await expectRefused(postern, ["POSTERN_PROFILE", "POSTERN_LEEWAY", "POSTERN_ISSUER", "POSTERN_ISSUERS"]);
  expect(postern.logs.join("\n")).not.toContain(secret);
});

describe("the master key", () => {
  test.for([
    ["missing", undefined],
    ["empty", ""],
    ["31 bytes", randomBytes(31).toString("base64url")],
    ["one byte repeated", Buffer.alloc(32, 7).toString("base64url")],
    ["no base64url", "not a key, but a sentence that is long enough to be one"],
    ["an empty list", []],
    ["the same secret twice", [{ id: 1, key: Buffer.alloc(32, "ab").toString("base64url") }, { id: 2, key: Buffer.alloc(32, "ab").toString("base64url") }]],
  ] as const)("without a sound one nothing starts: %s", async ([, key]) => {
    await expectRefused(await withVars({ POSTERN_MASTER_KEY: key }), ["POSTERN_MASTER_KEY"]);
  });

  test("a list replaces the secret without ending sessions", async () => {
    const [old, fresh] = [randomBytes(32).toString("base64url"), randomBytes(32).toString("base64url")];
    const postern = await withVars({ POSTERN_MASTER_KEY: [{ id: 2, key: fresh }, { id: 1, key: old }] });
    for (const key of [old, fresh]) postern.secrets.add(key);
    await signIn(postern);
  });
});

// Each by its name.
test("development settings are refused in production", async () => {
  const postern = await withVars({
    POSTERN_PROFILE: "production",
    POSTERN_ISSUER: "http://localhost:8787",
    POSTERN_ACCESS_TOKEN_LIFETIME: 5,
    POSTERN_CORS_ORIGINS: ["http://app.example.com"],
    POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
    POSTERN_JWKS: { soft_age: 1 },
    POSTERN_REFRESH: { idle_lifetime: 1 },
    POSTERN_ISSUERS: [{ issuer: "http://127.0.0.1:9999", audiences: ["x"] }],
    POSTERN_ROUTES: [{ path: "/a", upstream: "http://127.0.0.1:9999" }],
    POSTERN_SEED_USERS: [{ login: "root@example.com", password: PASSWORD }],
  });
  await expectRefused(postern, [
    "POSTERN_ISSUER",
    "POSTERN_ACCESS_TOKEN_LIFETIME",
    "POSTERN_CORS_ORIGINS[0]",
    "POSTERN_PASSWORD",
    "POSTERN_JWKS.soft_age",
    "POSTERN_REFRESH.idle_lifetime",
    "POSTERN_ISSUERS[0].jwks_uri",
    "POSTERN_ROUTES[0].upstream",
    "POSTERN_SEED_USERS",
  ]);
});

test("production is the default, and has no users but its own", async () => {
  const postern = await withVars({
    POSTERN_PROFILE: undefined,
    POSTERN_ISSUER: "https://auth.example.test",
  });
  await json(await postern.fetch("/healthz"));
  await expectProblem(await post(postern, "/auth/login", { login: ALICE, password: PASSWORD }), 401, "invalid_credentials");
  await expectProblem(await post(postern, "/auth/register", { login: "new@example.com", password: PASSWORD }), 403, "registration_closed");
});

test("registration is closed unless it is opened", async () => {
  const postern = await withVars({});
  await expectProblem(await post(postern, "/auth/register", { login: "new@example.com", password: PASSWORD }), 403, "registration_closed");
  await expectProblem(await post(postern, "/auth/register", { login: ALICE, password: PASSWORD }), 403, "registration_closed");
});

// As .dev.vars does it.
test("every setting can be JSON in a string", async () => {
  const base = settings({ POSTERN_LEEWAY: 7, POSTERN_ACCESS_TOKEN_LIFETIME: 60, POSTERN_REFRESH: { reuse_interval: 0 } });
  const asText = Object.fromEntries(
    Object.entries(base).map(([name, value]) => [name, typeof value === "string" ? value : JSON.stringify(value)]),
  );
  const postern = await withVars({}, asText);
  const tokens = await signIn(postern);
  expect(tokens.expires_in).toBeLessThanOrEqual(60);
  await json(await postern.fetch("/api/orders", { headers: bearer(tokens.access_token) }));
});

test("the audience is the issuer unless it is set", async () => {
  const postern = await withVars({ POSTERN_AUDIENCE: undefined });
  const tokens = await signIn(postern);
  const { aud, iss } = claimsOf(tokens.access_token);
  expect([aud].flat()).toEqual([iss]);
  await json(await postern.fetch("/api/orders", { headers: bearer(tokens.access_token) }));
});

test("without routes nothing is forwarded", async () => {
  const postern = await withVars({ POSTERN_ROUTES: undefined });
  await expectProblem(await postern.fetch("/public/ping"), 404, "no_route");
});

describe("wrangler.toml", () => {
  const toml = async () => parse(await readFile(new URL("../../wrangler.toml", import.meta.url), "utf8"));

  test("its own vars are sound but for the operator's", async () => {
    const { vars = {} } = (await toml()) as { vars?: Record<string, unknown> };
    // The harness puts the file's vars under those given here.
    const needed = Object.hasOwn(vars, "POSTERN_ISSUER") ? {} : { POSTERN_ISSUER: "https://auth.example.test" };
    const postern = await withVars({ POSTERN_PROFILE: "production", ...needed }, {});
    await json(await postern.fetch("/healthz"));
  });

  test("it holds no secret and no development profile", async () => {
    const { vars = {} } = (await toml()) as { vars?: Record<string, unknown> };
    expect(vars).not.toHaveProperty("POSTERN_MASTER_KEY");
    expect(vars).not.toHaveProperty("POSTERN_SEED_USERS");
    expect(vars["POSTERN_PROFILE"] ?? "production").toBe("production");
  });

  test("every binding that the Worker looks for is there", async () => {
    const postern = await withVars({});
    await json(await postern.fetch("/readyz"));
    await signIn(postern);
  });
});
