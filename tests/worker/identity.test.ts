// A team's own users, kept by a second Worker behind a service binding.
import { describe, expect, test } from "vitest";
import { bearer, expectEmpty, expectProblem, json, post, refresh, refreshed, sessions, signIn, wordsOf } from "./support/client.ts";
import { PASSWORD, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { shared } from "./support/postern.ts";

const CAROL = { login: "carol@example.com", password: "a horse of another colour" };

const postern = shared(() => ({
  vars: settings({ POSTERN_IDENTITY: { service: "USERS", issuer: "https://users.example.com" } }, [
    { name: "strict", path: "/strict/{*rest}", strip_prefix: "/strict", revocation: "strong", service: "ORIGIN" },
  ]),
  services: { USERS: { worker: "examples/identity/src/index.ts" } },
}));

describe("users of another service", () => {
  test("they sign in with their password and keep their subject", async () => {
    const tokens = await signIn(postern(), CAROL);
    expect(tokens.scope).toBe("read:orders");
    expect(claimsOf(tokens.access_token)).toMatchObject({ sub: "customer-4711", roles: ["clerk"], tenant_id: "acme" });
    const response = await postern().fetch("/api/orders", { headers: bearer(tokens.access_token) });
    expect(await json(response)).toMatchObject({ identity: { "x-auth-subject": "customer-4711" } });
    expect(await postern().sql("SELECT * FROM users")).toEqual([]);
  });

  test("refresh, sessions, revocation and logout work", async () => {
    const [first, second] = [await signIn(postern(), CAROL), await signIn(postern(), CAROL)];
    const next = await refreshed(postern(), first.refresh_token);
    const list = await sessions(postern(), next.access_token);
    expect(list.map((one) => one.session_id)).toEqual(expect.arrayContaining([first.session_id, second.session_id]));
    expect((await postern().fetch("/strict/echo", { headers: bearer(second.access_token) })).status).toBe(200);
    await expectEmpty(await post(postern(), "/auth/logout-all", undefined, bearer(next.access_token)));
    await expectProblem(await refresh(postern(), second.refresh_token), 401, "invalid_grant");
    expect((await postern().fetch("/strict/echo", { headers: bearer(second.access_token) })).status).toBe(401);
  });

  // Unknown login, wrong password, and disabled user.
  test("user enumeration: all refusals have one answer", async () => {
    const answers = await Promise.all(
      [
        { login: "nobody@example.com", password: PASSWORD },
        { login: CAROL.login, password: PASSWORD },
        { login: "dave@example.com", password: "locked out for good" },
      ].map(async (credentials) => {
        const response = await post(postern(), "/auth/login", credentials);
        return { status: response.status, body: await wordsOf(response) };
      }),
    );
    expect(answers[0]).toMatchObject({ status: 401, body: expect.stringContaining("invalid_credentials") });
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  test("what needs our own users says that it is not offered", async () => {
    const { access_token } = await signIn(postern(), CAROL);
    for (const path of [
      "/auth/register",
      "/auth/password",
      "/auth/password/reset-request",
      "/auth/password/reset",
      "/auth/email/verification-request",
      "/auth/email/verify",
      "/auth/account/delete",
    ]) {
      await expectProblem(await post(postern(), path, {}, bearer(access_token)), 404, "not_offered");
    }
  });

  test("their export asks the service for the profile", async () => {
    const { access_token } = await signIn(postern(), CAROL);
    const exported = await json<{ profile: unknown }>(await postern().fetch("/auth/account/export", { headers: bearer(access_token) }));
    expect(exported.profile).toMatchObject({ subject: "customer-4711", login: CAROL.login, scopes: ["read:orders"] });
  });

  test("the check of readiness asks for no database", async () => {
    expect((await postern().fetch("/readyz")).status).toBe(200);
  });
});
