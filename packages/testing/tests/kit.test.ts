// The kit against the built Worker: one Postern for most of it.
import { createServer } from "node:http";
import { once } from "node:events";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { BROKEN, connectPostern, PROVIDER_NAMES, startPostern, type Postern } from "../src/index.ts";

const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
/** The Worker that this checkout has built, whatever npm package is beside. */
const worker = join(import.meta.dirname, "../../..");
/** Two providers have one issuer. */
const PROVIDERS = PROVIDER_NAMES.filter((name) => name !== "auth0-rfc9068");

let postern: Postern;
beforeAll(async () => {
  postern = await startPostern({
    worker,
    routes: [
      { path: "/orders/{*rest}", scopes_all: ["read:orders"] },
      { path: "/elsewhere", upstream: "https://orders.example.com/v1", assertion: "https://orders.example.com" },
      { path: "/other", service: "OTHER" },
      { path: "/strong", revocation: "strong" },
      { path: "/{*rest}" },
    ],
    issuers: PROVIDERS,
    services: { OTHER: () => new Response("the other one") },
    vars: { POSTERN_REGISTRATION: "open", POSTERN_COOKIE: { access: true } },
  });
});
afterAll(() => postern.dispose());

describe("users and sessions", () => {
  test("one call makes a user with a session", async () => {
    const alice = await postern.signIn({ scopes: ["read:orders"], roles: ["clerk"], tenant: "acme" });
    expect((await postern.fetch("/orders/1")).status).toBe(401);
    const seen = (await (await alice.fetch("/orders/1")).json()) as { headers: Record<string, string> };
    expect(seen.headers).toMatchObject({ "x-auth-subject": alice.user.sub, "x-auth-scope": "read:orders", "x-auth-roles": "clerk", "x-auth-tenant": "acme" });
    expect((await (await postern.signIn()).fetch("/orders/1")).status).toBe(403);
  });

  test("a user may have several sessions, and ends one", async () => {
    const user = await postern.createUser({ login: "two@example.com", password: "four words as password" });
    const [first, second] = [await postern.signIn({ user }), await postern.signIn({ user, deviceName: "phone" })];
    await first.refresh();
    await first.signOut();
    expect((await first.fetch("/strong")).status).toBe(401);
    expect((await second.fetch("/strong")).status).toBe(200);
    await expect(first.refresh()).rejects.toThrow(/the refresh was refused: 401 .*invalid_grant/);
  });

  test("with cookies there is no refresh token in hand", async () => {
    const page = await postern.signIn({ delivery: "cookie" });
    const before = page.accessToken;
    expect(page.refreshToken).toBeUndefined();
    expect(page.cookies.map(({ name }) => name)).toEqual(expect.arrayContaining(["__Secure-postern_refresh", "__Host-postern_access"]));
    await page.refresh();
    expect(page.accessToken).not.toBe(before);
    await page.signOut();
  });

  test("a refusal says what Postern said", async () => {
    await expect(postern.createUser({ login: "a".repeat(300) })).rejects.toThrow(/^the user a+ could not be made: 4\d\d .*login/);
  });
});

describe("tokens", () => {
  test("a token has the claims that it is given", async () => {
    const token = await postern.token({ scope: "read:orders", tenant_id: "acme" });
    expect((await postern.fetch("/orders/1", bearer(token))).status).toBe(200);
    expect((await postern.fetch("/strong", bearer(token))).status).toBe(401);
  });

  test.each(BROKEN)("of our own, %s: refused", async (kind) => {
    expect((await postern.fetch("/any", bearer(await postern.broken(kind)))).status).toBe(401);
  });

  test.each(PROVIDERS)("a token of %s passes, broken ones do not", async (name) => {
    const issuer = await postern.issuerNamed(name);
    expect((await postern.fetch("/any", bearer(await issuer.token()))).status).toBe(200);
    const statuses = await Promise.all(BROKEN.map(async (kind) => [kind, (await postern.fetch("/any", bearer(await issuer.broken(kind)))).status]));
    expect(statuses).toEqual(BROKEN.map((kind) => [kind, 401]));
  });

  test("claims of a provider can be replaced and removed", async () => {
    const issuer = await postern.issuerNamed("keycloak");
    const token = await issuer.token({ sub: "someone", realm_access: { roles: ["editor"] }, scope: null });
    const { headers } = (await (await postern.fetch("/any", bearer(token))).json()) as { headers: Record<string, string> };
    expect(headers).toMatchObject({ "x-auth-subject": "someone", "x-auth-roles": "editor" });
    expect(headers).not.toHaveProperty("x-auth-scope");
  });

  test("a provider's new key is found, and it can be down", async () => {
    const issuer = await postern.issuerNamed("okta");
    await postern.fetch("/any", bearer(await issuer.token()));
    await issuer.rotateKeys({ keep: false });
    // Past the pause between two looks at a key set.
    await postern.advance({ minutes: 1 });
    expect((await postern.fetch("/any", bearer(await issuer.token()))).status).toBe(200);
    const clerk = await postern.issuerNamed("clerk");
    await clerk.setDown(true);
    await clerk.rotateKeys();
    await postern.advance({ minutes: 1 });
    expect((await postern.fetch("/any", bearer(await clerk.token()))).status).not.toBe(200);
  });
});

describe("what happened", () => {
  test("a mail is caught", async () => {
    const user = await postern.createUser();
    await postern.call("reset", "/auth/password/reset-request", { login: user.login });
    const mail = await postern.mail(user.login);
    expect(mail.kind).toBe("reset_password");
    await postern.call("new password", "/auth/password/reset", { token: mail.token, new_password: "five other words as password" });
    await expect(postern.signIn({ user })).rejects.toThrow(/could not sign in: 401/);
  });

  test("events can be waited for, and what is there listed", async () => {
    const alice = await postern.signIn();
    expect(await postern.event("signed_in", { session_id: alice.sessionId })).toMatchObject({ outcome: "success", account: alice.user.sub });
    await (await postern.signIn()).fetch("/orders/1");
    expect((await postern.events()).at(-1)).toMatchObject({ event: "access_refused", code: "missing_scope" });
  });

  test("an event that does not come is a failure in words", async () => {
    await expect(postern.event("account_erased", {}, 0.2)).rejects.toThrow(/^the event account_erased did not come within 0.2 s; there were: .*signed_in/);
  });

  test("the clock moves, and sessions end", async () => {
    const alice = await postern.signIn();
    await postern.advance({ minutes: 11 });
    expect((await alice.fetch("/any")).status).toBe(401);
    await alice.refresh();
    expect((await alice.fetch("/any")).status).toBe(200);
    await postern.advance({ days: 8 });
    await expect(alice.refresh()).rejects.toThrow(/invalid_grant/);
    await expect(postern.advance({ days: -1 })).rejects.toThrow(/takes a time above zero/);
  });
});

describe("where routes lead", () => {
  test("hosts on the internet are played", async () => {
    const alice = await postern.signIn();
    const seen = (await (await alice.fetch("/elsewhere")).json()) as { url: string; headers: Record<string, string> };
    expect(seen.url).toBe("https://orders.example.com/v1/elsewhere");
    expect(seen.headers["x-postern-assertion"]?.split(".")).toHaveLength(3);
    expect(await (await alice.fetch("/other")).text()).toBe("the other one");
  });

  test("another process has all of it by the connection", async () => {
    const there = connectPostern(JSON.parse(JSON.stringify(postern.connection)));
    const bob = await there.signIn({ scopes: ["read:orders"] });
    expect((await bob.fetch("/orders/1")).status).toBe(200);
    const okta = await there.issuerNamed("google");
    expect((await there.fetch("/any", bearer(await okta.token()))).status).toBe(200);
    await there.dispose();
    expect((await postern.fetch("/healthz")).status).toBe(200);
    const stranger = connectPostern({ ...postern.connection, secret: "guessed" });
    await expect(stranger.events()).rejects.toThrow(/secret/);
  });
});

describe("clear errors", () => {
  test("settings with mistakes", async () => {
    await expect(startPostern({ worker, routes: [{ path: "orders" }], vars: { POSTERN_LEEWAY: "soon" } })).rejects.toThrow(/does not take these settings: .*POSTERN_LEEWAY: must be .*POSTERN_ROUTES\[0\]\.path/);
  });

  test("an option that there is not", async () => {
    await expect(startPostern({ route: [] } as never)).rejects.toThrow(/^startPostern has no option route; it has routes,/);
  });

  test("a port that is taken", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    await expect(startPostern({ worker, port })).rejects.toThrow(`port ${port} is taken: leave \`port\` out for a free one`);
    server.close();
  });

  test("a Worker that is not built", async () => {
    await expect(startPostern({ worker: import.meta.dirname })).rejects.toThrow(/^the built Worker is missing: .*index\.js$/);
  });
});
