// What users do with their account, from outside: passwords, one-time tokens, activity, export, leaving.
import { describe, expect, test } from "vitest";
import type { Request as OriginRequest } from "miniflare";
import { Response as Answer } from "miniflare";
import { bearer, browserSignIn, CSRF_COOKIE, DEVICE_COOKIE, expectEmpty, expectProblem, json, post, refresh, REFRESH_COOKIE, refreshed, SESSION_COOKIE, sessions, signIn, type Session } from "./support/client.ts";
import { PASSWORD, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { eventually } from "./support/poll.ts";
import { expectNoSecrets, shared, start } from "./support/postern.ts";

const NEW_PASSWORD = "quite another horse, and a longer battery";

interface Message {
  kind: string;
  login: string;
  token: string;
  link?: string;
  expires_in: number;
}

interface Entry {
  at: number;
  kind: string;
  times: number;
  session_id?: string;
  ip?: string;
}

const sent: Message[] = [];

const postern = shared(() => ({
  vars: settings(
    {
      POSTERN_REGISTRATION: "open",
      POSTERN_NOTIFIER: { service: "MAIL", reset_page: "https://app.example.com/reset" },
      POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 },
    },
    [{ name: "strict", path: "/strict/{*rest}", strip_prefix: "/strict", revocation: "strong", service: "ORIGIN" }],
  ),
  services: {
    async MAIL(request: OriginRequest) {
      expect(new URL(request.url).pathname).toBe("/notify");
      sent.push((await request.json()) as Message);
      return new Answer(null);
    },
  },
}));

async function newcomer(): Promise<string> {
  const login = `${crypto.randomUUID()}@example.com`;
  await json(await post(postern(), "/auth/register", { login, password: PASSWORD }), 201);
  return login;
}

/** The message of this kind to this login. */
function messageTo(login: string, kind = "reset_password"): Promise<Message> {
  return eventually(`a message to ${login}`, () => sent.findLast((message) => message.login === login && message.kind === kind));
}

async function resetToken(login: string): Promise<string> {
  await expectEmpty(await post(postern(), "/auth/password/reset-request", { login }), 202);
  return (await messageTo(login)).token;
}

async function activity(accessToken: string): Promise<Entry[]> {
  const response = await postern().fetch("/auth/activity", { headers: bearer(accessToken) });
  return (await json<{ activity: Entry[] }>(response)).activity;
}

describe("change of password", () => {
  // This session goes on.
  test("other sessions end and only the new password signs in", async () => {
    const login = await newcomer();
    const [thief, owner] = [await signIn(postern(), { login }), await signIn(postern(), { login })];
    const change = { current_password: PASSWORD, new_password: NEW_PASSWORD };
    await expectEmpty(await post(postern(), "/auth/password", change, bearer(owner.access_token)));
    await expectProblem(await refresh(postern(), thief.refresh_token), 401, "invalid_grant");
    expect((await postern().fetch("/strict/echo", { headers: bearer(thief.access_token) })).status).toBe(401);
    const next = await refreshed(postern(), owner.refresh_token);
    expect((await postern().fetch("/strict/echo", { headers: bearer(next.access_token) })).status).toBe(200);
    await expectProblem(await post(postern(), "/auth/login", { login, password: PASSWORD }), 401, "invalid_credentials");
    await signIn(postern(), { login, password: NEW_PASSWORD });
  });

  // Neither the password nor the account: both calls ask for the password.
  test("a stolen access token alone changes nothing", async () => {
    const login = await newcomer();
    const { access_token } = await signIn(postern(), { login });
    const wrong = { current_password: "not the password", new_password: NEW_PASSWORD };
    await expectProblem(await post(postern(), "/auth/password", wrong, bearer(access_token)), 403, "wrong_password");
    const gone = await post(postern(), "/auth/account/delete", { password: "not the password" }, bearer(access_token));
    await expectProblem(gone, 403, "wrong_password");
    await expectProblem(await post(postern(), "/auth/password", wrong), 401, "credentials_required");
    await signIn(postern(), { login });
  });

  test("a new password that is too short changes nothing", async () => {
    const login = await newcomer();
    const { access_token } = await signIn(postern(), { login });
    const short = { current_password: PASSWORD, new_password: "1234567" };
    await expectProblem(await post(postern(), "/auth/password", short, bearer(access_token)), 400, "invalid_password");
    await signIn(postern(), { login });
  });
});

describe("reset of a password", () => {
  test("the message's token sets a password, ends all sessions", async () => {
    const login = await newcomer();
    const owner = await signIn(postern(), { login });
    const token = await resetToken(login);
    expect(await messageTo(login)).toEqual({
      kind: "reset_password",
      login,
      token: expect.stringMatching(/^pot_[\w-]{90}$/),
      link: `https://app.example.com/reset#token=${token}`,
      expires_in: 1800,
    });
    await expectEmpty(await post(postern(), "/auth/password/reset", { token, new_password: NEW_PASSWORD }));
    await expectProblem(await refresh(postern(), owner.refresh_token), 401, "invalid_grant");
    expect((await postern().fetch("/strict/echo", { headers: bearer(owner.access_token) })).status).toBe(401);
    await expectProblem(await post(postern(), "/auth/login", { login, password: PASSWORD }), 401, "invalid_credentials");
    const { access_token } = await signIn(postern(), { login, password: NEW_PASSWORD });
    expect((await activity(access_token)).map((entry) => entry.kind)).toEqual(
      expect.arrayContaining(["password_reset_requested", "password_reset", "signed_in"]),
    );
  });

  // Only that one's password signs in.
  test("10 attackers racing one reset token: one wins", async () => {
    const login = await newcomer();
    const token = await resetToken(login);
    const passwords = Array.from({ length: 10 }, (_, index) => `the password of attacker ${index}`);
    const answers = await Promise.all(
      passwords.map((new_password) => post(postern(), "/auth/password/reset", { token, new_password })),
    );
    expect(answers.map((answer) => answer.status).sort()).toEqual([204, ...Array.from({ length: 9 }, () => 400)]);
    const winner = answers.findIndex((answer) => answer.status === 204);
    const codes = await Promise.all(answers.filter((answer) => answer.status === 400).map(async (answer) => ((await answer.json()) as { code: string }).code));
    expect(new Set(codes)).toEqual(new Set(["invalid_one_time_token"]));
    for (const [index, password] of passwords.entries()) {
      const status = (await post(postern(), "/auth/login", { login, password })).status;
      expect(status, `attacker ${index}`).toBe(index === winner ? 200 : 401);
    }
  });

  // Byte for byte.
  test("user enumeration: every login gets the same answer", async () => {
    const login = await newcomer();
    const answers = [
      await post(postern(), "/auth/password/reset-request", { login }),
      await post(postern(), "/auth/password/reset-request", { login: "nobody-at-all@example.com" }),
    ];
    const seen = await Promise.all(
      answers.map(async (answer) => ({
        status: answer.status,
        body: await answer.text(),
        headers: [...answer.headers].filter(([name]) => !["date", "cf-ray", "x-postern-request-id"].includes(name)),
      })),
    );
    expect(seen[0]).toEqual(seen[1]);
    expect(seen[0]?.status).toBe(202);
    await messageTo(login);
    expect(sent.some((message) => message.login.startsWith("nobody"))).toBe(false);
  });

  test("a token serves once, in its own form, for its own purpose", async () => {
    const login = await newcomer();
    const token = await resetToken(login);
    const flipped = token.slice(0, -1) + (token.endsWith("A") ? "Q" : "A");
    for (const bad of [flipped, token.slice(0, -1), "", "pot_", token.toUpperCase()]) {
      await expectProblem(await post(postern(), "/auth/password/reset", { token: bad, new_password: NEW_PASSWORD }), 400, "invalid_one_time_token");
    }
    await expectProblem(await post(postern(), "/auth/email/verify", { token }), 400, "invalid_one_time_token");
    await expectEmpty(await post(postern(), "/auth/password/reset", { token, new_password: NEW_PASSWORD }));
    await expectProblem(await post(postern(), "/auth/password/reset", { token, new_password: NEW_PASSWORD }), 400, "invalid_one_time_token");
  });

  test("filling a mailbox stops at three messages", async () => {
    const login = await newcomer();
    for (let request = 0; request < 6; request += 1) {
      await expectEmpty(await post(postern(), "/auth/password/reset-request", { login }), 202);
    }
    const { access_token } = await signIn(postern(), { login });
    await eventually("six requests in the activity", async () => {
      const entry = (await activity(access_token)).find((one) => one.kind === "password_reset_requested");
      return entry?.times === 6 ? entry : undefined;
    });
    // The six are decided by now, and the third message may be on its way still.
    const messages = await eventually("three messages", () => {
      const there = sent.filter((message) => message.login === login);
      return there.length >= 3 ? there : undefined;
    });
    expect(messages).toHaveLength(3);
    // All three of them serve until one does.
    const [first] = messages;
    await expectEmpty(await post(postern(), "/auth/password/reset", { token: first?.token, new_password: NEW_PASSWORD }));
  });

  // In a visitor's name.
  test("a page of another origin cannot ask for it", async () => {
    const foreign = { origin: "https://evil.example", "sec-fetch-site": "cross-site" };
    await expectProblem(await post(postern(), "/auth/password/reset-request", { login: "a@example.com" }, foreign), 403, "cross_origin");
  });
});

describe("verification of an address", () => {
  test("the token from the message verifies it, on any device", async () => {
    const login = await newcomer();
    const { access_token } = await signIn(postern(), { login });
    await expectEmpty(await post(postern(), "/auth/email/verification-request", undefined, bearer(access_token)), 202);
    const { token, link } = await messageTo(login, "verify_email");
    expect(link).toBeUndefined();
    await expectEmpty(await post(postern(), "/auth/email/verify", { token }));
    expect(await postern().sql("SELECT email_verified FROM users WHERE login = ?", login)).toEqual([{ email_verified: 1 }]);
    await expectProblem(await post(postern(), "/auth/email/verify", { token }), 400, "invalid_one_time_token");
  });

  test("a login that is no address has nothing to verify", async () => {
    const login = `user-${crypto.randomUUID()}`;
    await json(await post(postern(), "/auth/register", { login, password: PASSWORD }), 201);
    const { access_token } = await signIn(postern(), { login });
    await expectProblem(await post(postern(), "/auth/email/verification-request", undefined, bearer(access_token)), 409, "no_address");
  });
});

describe("activity and export", () => {
  // With their addresses, newest first.
  test("the owner sees sign-ins, refusals and ends", async () => {
    const login = await newcomer();
    await signIn(postern(), { login, headers: { "user-agent": "Phone/1" } });
    await post(postern(), "/auth/login", { login, password: "guess number one" });
    await post(postern(), "/auth/login", { login, password: "guess number two" });
    const { access_token, refresh_token } = await signIn(postern(), { login });
    await eventually("the refusals", async () => (await activity(access_token)).find((one) => one.kind === "sign_in_refused" && one.times === 2));
    await post(postern(), "/auth/logout", { refresh_token });
    const again = await signIn(postern(), { login });
    const entries = await activity(again.access_token);
    expect(entries.map((entry) => entry.kind).sort()).toEqual(["sign_in_refused", "signed_in", "signed_in", "signed_in", "signed_out"]);
    expect(entries.map((entry) => entry.at)).toEqual(entries.map((entry) => entry.at).toSorted((a, b) => b - a));
    expect(entries.find((entry) => entry.session_id === again.session_id)).toMatchObject({ kind: "signed_in", times: 1 });
  });

  test("nobody sees another's", async () => {
    const [mine, theirs] = [await newcomer(), await newcomer()];
    const stranger = await signIn(postern(), { login: theirs });
    const { access_token } = await signIn(postern(), { login: mine });
    expect((await activity(access_token)).some((entry) => entry.session_id === stranger.session_id)).toBe(false);
    await expectProblem(await postern().fetch("/auth/activity"), 401, "credentials_required");
    await expectProblem(await postern().fetch("/auth/account/export"), 401, "credentials_required");
  });

  test("the export is everything about the user but the hash", async () => {
    const login = await newcomer();
    const { access_token, session_id } = await signIn(postern(), { login });
    const response = await postern().fetch("/auth/account/export", { headers: bearer(access_token) });
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="account.json"');
    const text = await response.text();
    const exported = JSON.parse(text) as { profile: Record<string, unknown>; sessions: Session[]; activity: Entry[] };
    expect(exported.profile).toMatchObject({ subject: claimsOf(access_token)["sub"], login, email_verified: false });
    expect(exported.sessions.map((one) => one.session_id)).toEqual([session_id]);
    expect(exported.activity.map((one) => one.kind)).toEqual(["account_exported", "signed_in"]);
    expect(text).not.toMatch(/argon2|hash|secret/);
  });
});

describe("leaving", () => {
  // It cannot sign in, and the login is free again.
  test("a deleted account leaves no session and no row", async () => {
    const login = await newcomer();
    const other = await signIn(postern(), { login });
    const { access_token } = await signIn(postern(), { login });
    const subject = claimsOf(access_token)["sub"];
    await expectEmpty(await post(postern(), "/auth/account/delete", { password: PASSWORD }, bearer(access_token)));
    await expectProblem(await refresh(postern(), other.refresh_token), 401, "invalid_grant");
    await expectProblem(await postern().fetch("/auth/me", { headers: bearer(access_token) }), 401, "invalid_token");
    await expectProblem(await post(postern(), "/auth/login", { login, password: PASSWORD }), 401, "invalid_credentials");
    expect(await postern().sql("SELECT * FROM users WHERE login = ?", login)).toEqual([]);
    const line = postern().logs.find((text) => text.includes('"account_erased"') && text.includes(String(subject)));
    expect(line).toMatch(/"login":"[\w-]{12}"/);
    expect(postern().logs.join("\n")).not.toContain(login);

    // Somebody else, who finds nothing of the former owner.
    await json(await post(postern(), "/auth/register", { login, password: NEW_PASSWORD }), 201);
    const next = await signIn(postern(), { login, password: NEW_PASSWORD });
    expect(claimsOf(next.access_token)["sub"]).not.toBe(subject);
    expect((await sessions(postern(), next.access_token)).length).toBe(1);
    expect((await activity(next.access_token)).length).toBe(1);
  });

  test("a browser's cookies go with it, the device's too", async () => {
    const login = await newcomer();
    const browser = await browserSignIn(postern(), { login });
    const response = await post(postern(), "/auth/account/delete", { password: PASSWORD }, bearer(browser.tokens.access_token));
    expect(response.headers.getSetCookie().every((line) => /Max-Age=0/.test(line))).toBe(true);
    const gone = response.headers.getSetCookie().map((line) => line.slice(0, line.indexOf("=")));
    expect(gone).toEqual([REFRESH_COOKIE, CSRF_COOKIE, SESSION_COOKIE, DEVICE_COOKIE]);
    await expectEmpty(response);
  });
});

describe("other ways to reach a user", () => {
  test("a queue carries the message", async () => {
    const received: Message[] = [];
    const queued = await start({
      vars: settings({ POSTERN_REGISTRATION: "open", POSTERN_NOTIFIER: { queue: "MESSAGES" }, POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } }),
      queue: { binding: "MESSAGES", received: (message) => received.push(message as Message) },
    });
    try {
      await expectEmpty(await post(queued, "/auth/password/reset-request", { login: "alice@example.com" }), 202);
      const { token, login } = await eventually("a message in the queue", () => received[0]);
      expect(login).toBe("alice@example.com");
      await expectEmpty(await post(queued, "/auth/password/reset", { token, new_password: NEW_PASSWORD }));
      await signIn(queued, { password: NEW_PASSWORD });
    } finally {
      await queued.dispose();
    }
    expectNoSecrets(queued);
  });

  test("on a developer's machine it is a line of the log", async () => {
    const local = await start({ vars: settings() });
    try {
      await expectEmpty(await post(local, "/auth/password/reset-request", { login: "alice@example.com" }), 202);
      const line = await local.logged(/^notification: /);
      const { token } = JSON.parse(line.slice("notification: ".length)) as Message;
      await expectEmpty(await post(local, "/auth/password/reset", { token, new_password: NEW_PASSWORD }));
    } finally {
      await local.dispose();
    }
  });
});
