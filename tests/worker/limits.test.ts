// Limits with their real defaults: who is asked to wait, who is locked out, and who is not.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, browserSignIn, DEVICE_COOKIE, expectProblem, json, post, refresh, refreshed, signIn, type Tokens, wordsOf } from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { eventually } from "./support/poll.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

/** One instance for each test: what one test uses up, another does not have. */
let postern: Running;
const running: Running[] = [];
async function withLimits(limits?: Record<string, unknown>): Promise<Running> {
  // The cheapest hash there is: what is tested comes before it.
  const password = { memory_kib: 32, iterations: 1 };
  postern = await start({ vars: settings({ POSTERN_REGISTRATION: "open", POSTERN_PASSWORD: password, POSTERN_LIMITS: limits }) });
  running.push(postern);
  return postern;
}
afterAll(async () => {
  for (const one of running) {
    await one.dispose();
    expectNoSecrets(one);
  }
});

const from = (ip: string): Record<string, string> => ({ "cf-connecting-ip": ip });

function guess(login: string, ip: string, more: Record<string, unknown> = {}): Promise<Response> {
  return post(postern, "/auth/login", { login, password: "a wrong guess", delivery: "body", ...more }, from(ip));
}

async function status(answer: Promise<Response>): Promise<number> {
  const response = await answer;
  await response.text();
  return response.status;
}

function events(name: string): Record<string, unknown>[] {
  return postern.logs.filter((line) => line.includes(`"event":"${name}"`)).map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** The form of a 429: a problem, when to come back, and the limit in the words of the draft. */
async function expectThrottled(response: Response, policy: string): Promise<number> {
  const after = Number(response.headers.get("retry-after"));
  expect(after).toBeGreaterThan(0);
  expect(response.headers.get("ratelimit")).toBe(`"${policy}";r=0;t=${after}`);
  expect(response.headers.get("ratelimit-policy")).toMatch(new RegExp(`^"${policy}";q=\\d+;w=\\d+$`));
  await expectProblem(response, 429, "rate_limited");
  return after;
}

/** Twenty at once, and one more for each three seconds that they took. */
function expectTwenty(answers: number[]): void {
  const tried = answers.filter((one) => one === 401).length;
  expect(tried).toBeGreaterThanOrEqual(20);
  expect(tried).toBeLessThanOrEqual(25);
}

describe("with the defaults", () => {
  beforeAll(() => withLimits(undefined));

  // From however many addresses.
  // Tests RFC 6749 section 4.3.2: password guesses are limited
  test("five guesses at an account are tried, then none", async () => {
    const login = "victim@example.com";
    const first = await Promise.all(Array.from({ length: 30 }, (_, n) => status(guess(login, `198.51.${n}.7`))));
    expect(first.filter((one) => one === 401)).toHaveLength(5);
    expect(first.filter((one) => one === 429)).toHaveLength(25);
    const after = await expectThrottled(await guess(login, "203.0.113.9"), "login-account");
    expect(after).toBeLessThanOrEqual(60);
  });

  // At one account; it tightens that account's limit.
  test("guessing from many networks is reported once", async () => {
    const told = await eventually("the event", () => events("stuffing_detected").find((one) => one["pattern"] === "many_networks"));
    expect(told).toMatchObject({ outcome: "alert", login: expect.any(String) });
    expect(events("stuffing_detected").filter((one) => one["pattern"] === "many_networks")).toHaveLength(1);
  });

  // Whatever the accounts; its network is still served.
  test("twenty sign-ins a minute from one address", async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, (_, n) => status(guess(`user${n}@example.com`, "192.0.2.1"))));
    expectTwenty(answers);
    const limited = await eventually("a refusal", async () => {
      const response = await guess("user99@example.com", "192.0.2.1");
      if (response.status === 429) return response;
      await response.text();
      return undefined;
    });
    await expectThrottled(limited, "login-ip");
    expect(await status(guess("neighbour@example.com", "192.0.2.2"))).toBe(401);
  });

  test("guessing at many accounts from one network is told, once", async () => {
    await eventually("the event", () => events("stuffing_detected").find((one) => one["pattern"] === "many_accounts"));
    expect(events("stuffing_detected").filter((one) => one["pattern"] === "many_accounts")).toHaveLength(1);
    expect(events("throttled").length).toBeGreaterThan(0);
  });

  test("a host cannot get new limits by walking through its own /64", async () => {
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, n) => status(guess(`six${n}@example.com`, `2001:db8:7:7::${n.toString(16)}`))),
    );
    expectTwenty(answers);
  });

  test("three registrations a minute from one address", async () => {
    const register = () =>
      post(postern, "/auth/register", { login: `${crypto.randomUUID()}@example.com`, password: PASSWORD }, from("192.0.2.50"));
    for (let n = 0; n < 3; n += 1) expect(await status(register())).toBe(201);
    await expectThrottled(await register(), "register-ip");
  });

  // Twenty rotations on end are too fast.
  test("twenty racing refreshes are one rotation", async () => {
    let { refresh_token } = await signIn(postern, { headers: from("192.0.2.60") });
    const racers = await Promise.all(Array.from({ length: 20 }, () => refreshed(postern, refresh_token)));
    expect(new Set(racers.map((one) => one.refresh_token)).size).toBe(1);
    refresh_token = racers[0]?.refresh_token ?? "";
    let limited: Response | undefined;
    for (let n = 1; n < 25 && !limited; n += 1) {
      const response = await refresh(postern, refresh_token, from(`192.0.3.${n}`));
      if (response.status === 429) limited = response;
      else refresh_token = (await json<Tokens & { refresh_token: string }>(response)).refresh_token;
    }
    if (!limited) throw new Error("25 rotations and no 429");
    await expectThrottled(limited, "refresh-family");
    // Nothing is lost by it: the token is still the current one, and no theft.
    await expectThrottled(await refresh(postern, refresh_token), "refresh-family");
    expect(events("reuse_detected")).toEqual([]);
  });
});

describe("locks", () => {
  /** The defaults, but for buckets that would hide the ladder, and its delays. */
  const WIDE = { per_minute: 6000, burst: 6000 };
  const LADDER = {
    login_account: WIDE, login_device: WIDE, login_ip: WIDE, login_network: WIDE, register_ip: WIDE, register_network: WIDE,
    account_lock: { delay_after: 1000, lock_after: 5, locks: [3, 600], forget: 3600 },
  };
  beforeAll(() => withLimits(LADDER));

  async function newcomer(): Promise<string> {
    const login = `${crypto.randomUUID()}@example.com`;
    await json(await post(postern, "/auth/register", { login, password: PASSWORD }), 201);
    return login;
  }

  async function lockOut(login: string): Promise<void> {
    for (let n = 0; n < 5; n += 1) expect(await status(guess(login, `198.51.100.${n}`))).toBe(401);
  }

  // After five failures, word for word, also for an unknown login.
  test("a lock refuses right and wrong passwords alike", async () => {
    const login = await newcomer();
    await lockOut(login);
    const right = await post(postern, "/auth/login", { login, password: PASSWORD, delivery: "body" }, from("198.51.100.99"));
    const wrong = await guess(login, "198.51.100.98");
    const unknown = await guess("nobody@example.com", "198.51.100.97");
    const isOfEachAnswer = (name: string) => name === "date" || name === "x-postern-request-id";
    const heads = [right, wrong, unknown].map(({ status, headers }) => [
      status, [...headers].filter(([name]) => !isOfEachAnswer(name)).map(([name, value]) => `${name}: ${value}`).sort(),
    ]);
    expect(heads[0]).toEqual(heads[1]);
    expect(heads[2]).toEqual(heads[1]);
    const bodies = await Promise.all([right, wrong, unknown].map(wordsOf));
    expect(new Set(bodies).size).toBe(1);
    expect(events("locked").at(-1)).toMatchObject({ what: "account", seconds: 3, outcome: "refused" });
    expect(events("sign_in_refused").filter((one) => one["cause"] === "locked").length).toBeGreaterThanOrEqual(2);
    await eventually("the end of the lock", async () =>
      (await status(post(postern, "/auth/login", { login, password: PASSWORD }))) === 200 ? true : undefined,
    );
  });

  // By body or by cookie.
  test("a known device signs in past the strangers' lock", async () => {
    const login = await newcomer();
    const { device_token } = await signIn(postern, { login });
    const browser = await browserSignIn(postern, { login });
    await lockOut(login);
    expect(await status(post(postern, "/auth/login", { login, password: PASSWORD }))).toBe(401);
    await json(await post(postern, "/auth/login", { login, password: PASSWORD, delivery: "body", device_token }));
    const cookie = `${DEVICE_COOKIE}=${browser.cookies.get(DEVICE_COOKIE) ?? ""}`;
    await json(await post(postern, "/auth/login", { login, password: PASSWORD }, { cookie }));
    // And the strangers are locked out as before.
    expect(await status(post(postern, "/auth/login", { login, password: PASSWORD }))).toBe(401);
  });

  test("another account's or a forged device token opens nothing", async () => {
    const [victim, attacker] = [await newcomer(), await newcomer()];
    const { device_token = "" } = await signIn(postern, { login: attacker });
    await lockOut(victim);
    for (const token of [device_token, `${device_token.slice(0, -2)}AA`, "pdt_", "x"]) {
      const body = { login: victim, password: PASSWORD, device_token: token };
      expect(await status(post(postern, "/auth/login", body))).toBe(401);
    }
  });

  test("a stolen device token is worth five guesses", async () => {
    const login = await newcomer();
    const { device_token } = await signIn(postern, { login });
    for (let n = 0; n < 5; n += 1) expect(await status(guess(login, "203.0.113.1", { device_token }))).toBe(401);
    const body = { login, password: PASSWORD, delivery: "body", device_token };
    expect(await status(post(postern, "/auth/login", body))).toBe(401);
    // The owner without it is a stranger, and strangers have not failed.
    await signIn(postern, { login });
  });

  test("a sign-in that succeeds forgets the owner's slips", async () => {
    const login = await newcomer();
    for (let round = 0; round < 3; round += 1) {
      for (let n = 0; n < 4; n += 1) expect(await status(guess(login, "203.0.113.2"))).toBe(401);
      await signIn(postern, { login });
      // What is forgiven is forgiven after the answer.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  });

  describe("a stolen access token", () => {
    const tryPassword = (token: string, current_password: string, n: number, path = "/auth/password") =>
      post(postern, path, path.endsWith("delete") ? { password: current_password } : { current_password, new_password: `${PASSWORD} ${n}` }, {
        ...bearer(token),
        ...from(`203.0.${n}.1`),
      });

    // From however many addresses. The owner can still sign in.
    test("is worth five guesses of the password", async () => {
      const login = await newcomer();
      const thief = await signIn(postern, { login });
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, n) => tryPassword(thief.access_token, `guess ${n}`, n, n % 2 ? "/auth/password" : "/auth/account/delete")),
      );
      const statuses = answers.map((answer) => answer.status);
      expect(statuses.filter((one) => one === 403)).toHaveLength(5);
      expect(statuses.filter((one) => one === 429)).toHaveLength(7);
      await expectThrottled(answers.find((answer) => answer.status === 429)!, "login-session");
      expect(events("locked").at(-1)).toMatchObject({ what: "session", seconds: 3 });
      // Not even the right one is tried now; strangers and the owner sign in as before.
      await expectThrottled(await tryPassword(thief.access_token, PASSWORD, 99), "login-session");
      await signIn(postern, { login });
    });

    // By the owner.
    test("the strangers' lock does not stop a password change", async () => {
      const login = await newcomer();
      const { access_token } = await signIn(postern, { login });
      await lockOut(login);
      expect(await status(tryPassword(access_token, "a slip", 1))).toBe(403);
      expect(await status(tryPassword(access_token, PASSWORD, 1))).toBe(204);
    });
  });

  describe("an administrator", () => {
    const call = (method: string, path: string, token: string, body?: unknown) =>
      postern.fetch(path, {
        method,
        headers: { ...bearer(token), "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    interface Standing { whose: string; failures?: number; locked_until?: number; buckets: { limit: string; left: number }[] }
    const show = async (token: string, query: string) => (await json<{ rows: Standing[] }>(await call("GET", `/admin/throttle?${query}`, token))).rows;

    // The owner is in at once.
    test("sees and lifts the lock of an account", async () => {
      const { access_token: token } = await signIn(postern, { login: ADMIN });
      const login = await newcomer();
      await lockOut(login);
      // The second lock is of ten minutes.
      await eventually("the end of the first lock", async () => ((await show(token, `login=${login}`))[0]?.locked_until === undefined ? true : undefined));
      expect(await status(guess(login, "198.51.100.77"))).toBe(401);
      const [strangers] = await show(token, `login=${login}`);
      expect(strangers).toMatchObject({ whose: "account", failures: 6, locked_until: expect.any(Number) });
      expect(strangers!.locked_until! - Date.now() / 1000).toBeGreaterThan(550);
      expect(await status(post(postern, "/auth/login", { login, password: PASSWORD }))).toBe(401);
      expect(await status(call("POST", "/admin/throttle/clear", token, { login }))).toBe(204);
      expect(await show(token, `login=${login}`)).toEqual([]);
      await signIn(postern, { login });
      const told = events("admin_action").filter((one) => one["action"] === "throttle_clear");
      expect(told.map((one) => one["result"])).toEqual(["requested", "done"]);
      expect(JSON.stringify(told)).not.toContain(login);
    });

    // This isolate remembers it too.
    test("sees and lifts the lock of an address", async () => {
      const { access_token: token } = await signIn(postern, { login: ADMIN });
      for (let n = 0; n < 100; n += 1) await status(guess(`c${n}@example.com`, "203.0.113.200"));
      await expectThrottled(await guess("d@example.com", "203.0.113.200"), "login-ip");
      expect(await show(token, "ip=203.0.113.200")).toContainEqual(expect.objectContaining({ whose: "ip", failures: 100, locked_until: expect.any(Number) }));
      expect(await status(call("POST", "/admin/throttle/clear", token, { ip: "203.0.113.200" }))).toBe(204);
      expect(await status(guess("d@example.com", "203.0.113.200"))).toBe(401);
    });

    test("is told what cannot be asked", async () => {
      const { access_token: token } = await signIn(postern, { login: ADMIN });
      for (const query of ["", "ip=x", "ip=192.0.2.0/24", "login=a&ip=192.0.2.1"]) {
        await expectProblem(await call("GET", `/admin/throttle?${query}`, token), 400, "invalid_parameter");
      }
      for (const body of [{}, { ip: "x" }, { login: "a", ip: "192.0.2.1" }]) {
        await expectProblem(await call("POST", "/admin/throttle/clear", token, body), 400, "invalid_member");
      }
      await expectProblem(await call("POST", "/admin/throttle/clear", (await signIn(postern)).access_token, { ip: "192.0.2.1" }), 403, "insufficient_scope");
    });
  });

  // It is not sent across sites.
  // Tests RFC 6265bis section 4.1.2.2: the device cookie has a Max-Age of its own
  // Tests RFC 6265bis section 4.1.3.1: the device cookie has the prefix __Secure- and Secure
  test("the device cookie is HttpOnly and outlives the session", async () => {
    const { setCookies } = await browserSignIn(postern, { login: ALICE });
    const line = setCookies.find((one) => one.startsWith(`${DEVICE_COOKIE}=`)) ?? "";
    expect(line).toMatch(/^__Secure-postern_device=pdt_[\w-]{55}; Path=\/auth; Max-Age=34560000; HttpOnly; Secure; SameSite=Strict$/);
  });
});

// Of whatever accounts.
test("failures from one address lock the address with 429", async () => {
  const wide = { per_minute: 6000, burst: 6000 };
  await withLimits({ login_ip: wide, login_network: wide, ip_lock: { delay_after: 1000, lock_after: 3, locks: [60] } });
  for (let n = 0; n < 3; n += 1) expect(await status(guess(`a${n}@example.com`, "192.0.2.9"))).toBe(401);
  await expectThrottled(await guess("b@example.com", "192.0.2.9"), "login-ip");
  expect(await status(guess("b@example.com", "192.0.2.10"))).toBe(401);
  expect(events("locked").at(-1)).toMatchObject({ what: "ip", seconds: 60 });
});

// More than may wait for their hash. They lose nothing.
test("too many sign-ins at once are asked to come again", async () => {
  const wide = { per_minute: 60_000, burst: 60_000 };
  await withLimits({
    login_account: wide, login_ip: wide, login_network: wide, hash_queue: 2,
    account_lock: { delay_after: 1000, lock_after: 1000 }, ip_lock: { delay_after: 1000, lock_after: 1000 },
  });
  await signIn(postern);
  const answers = await Promise.all(Array.from({ length: 40 }, () => post(postern, "/auth/login", { login: ALICE, password: PASSWORD })));
  const statuses = answers.map((answer) => answer.status);
  expect(new Set(statuses)).toEqual(new Set([200, 503]));
  for (const answer of answers.filter(({ status }) => status === 503)) {
    expect(answer.headers.get("retry-after")).toBe("1");
    await expectProblem(answer, 503, "busy");
  }
  await signIn(postern);
});

// The platform's rate limiter is named in the settings and not bound.
test("an unbound coarse limit is reported and stops no call", async () => {
  await withLimits({ coarse_binding: "AUTH_LIMIT" });
  await signIn(postern);
  await postern.logged(/"part":"rate_limiter".*AUTH_LIMIT/);
});

describe("passwords being chosen", () => {
  beforeAll(() => withLimits({ register_ip: "off", register_network: "off" }));
  const register = (password: string, login = `${crypto.randomUUID()}@example.com`) =>
    post(postern, "/auth/register", { login, password });

  // In any case.
  test("common passwords and the login itself are refused", async () => {
    for (const password of ["trustno1", "TrustNo1", "qwertyuiop", "iloveyou", "short", "x".repeat(1025)]) {
      await expectProblem(await register(password), 400, "invalid_password");
    }
    await expectProblem(await register("some.body@example.com", "Some.Body@example.com"), 400, "invalid_password");
    await expectProblem(await register("some.body", "some.body@example.com"), 400, "invalid_password");
  });

  test("a password needs length alone, no composition", async () => {
    for (const password of ["tisch lampe buch", "ж".repeat(512), "        a long gap"]) await json(await register(password), 201);
  });
});

// No answer to a bad or throttled call is stored.
test("every refusal has the security headers", async () => {
  await withLimits({ login_account: { per_minute: 1, burst: 1 } });
  const { access_token } = await signIn(postern);
  const answers = [
    await guess(ALICE, "192.0.2.3"), // 429
    await post(postern, "/auth/login", "no object"), // 400
    await post(postern, "/auth/login", { login: ALICE, password: PASSWORD }, { origin: "https://evil.example.test" }), // 403
    await postern.fetch("/auth/login", { method: "PUT" }), // 405
    await postern.fetch("/auth/login", { method: "OPTIONS" }),
    await postern.fetch("/auth/me", { headers: { authorization: "Bearer x" } }), // 401
    await postern.fetch("/auth/me", { headers: { authorization: `Bearer ${access_token}` } }),
    await refresh(postern, "prt_x"),
    await post(postern, "/auth/login", { login: "x", password: "y".repeat(70_000) }), // 413
    await postern.fetch("/nowhere"),
    await postern.fetch("/%2e%2e/"),
  ];
  for (const answer of answers) {
    const name = `${answer.status} ${answer.url}`;
    await answer.text();
    expect(answer.headers.get("cache-control"), name).toBe("no-store");
    expect(answer.headers.get("x-content-type-options"), name).toBe("nosniff");
    expect(answer.headers.get("content-security-policy"), name).toContain("frame-ancestors 'none'");
    expect(answer.headers.get("referrer-policy"), name).toBe("no-referrer");
    expect(answer.headers.get("strict-transport-security"), name).toMatch(/^max-age=\d+/);
    expect(answer.headers.get("x-frame-options"), name).toBe("DENY");
  }
  expect(answers[0]?.status).toBe(429);
});

// Whatever the body asks for.
test("login and registration CSRF: cross-site is refused", async () => {
  await withLimits();
  for (const path of ["/auth/login", "/auth/register"]) {
    for (const headers of [{ origin: "https://evil.example.test" }, { origin: "null" }, { "sec-fetch-site": "cross-site" }] as Record<string, string>[]) {
      await expectProblem(await post(postern, path, { login: "a@example.com", password: PASSWORD }, headers), 403, "cross_origin");
    }
  }
});
