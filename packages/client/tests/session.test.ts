// The session in a program without pages: what needs tabs and clocks is in page.test.ts.
import { beforeEach, describe, expect, test } from "vitest";
import { memory, Refused, Session, SessionChanged, StepUpRequired, Unreachable } from "../src/index.ts";
import { FakePostern, json, ORIGIN, PASSWORD, problem, refusedToken } from "./support.ts";

let postern: FakePostern;
let session: Session;
const make = (options: object = {}): Session => new Session({ url: ORIGIN, fetch: postern.fetch, ...options });
const alice = { login: "alice@example.com", password: PASSWORD };

beforeEach(() => {
  postern = new FakePostern();
  session = make();
});

describe("three states", () => {
  test("unknown until the server answers, without a call", () => {
    expect(session.state).toEqual({ status: "unknown", sessionId: undefined, offline: false });
    expect(session.peek()).toBeUndefined();
    expect(postern.calls).toEqual([]);
  });

  test("start finds a session of before", async () => {
    const id = (postern.cookie = postern.signIn("alice@example.com"));
    expect(await session.start()).toEqual({ status: "signed-in", sessionId: id, offline: false });
    expect(session.peek()).toMatch(/^at-/);
  });

  test("start finds that the user is signed out", async () => {
    expect((await session.start()).status).toBe("signed-out");
    expect(await session.get()).toBeUndefined();
    // That is settled: no further call.
    expect(postern.calls).toHaveLength(1);
  });

  test("no network says nothing about the session", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    postern.fate = () => new TypeError("fetch failed");
    await expect(session.start()).rejects.toBeInstanceOf(Unreachable);
    expect(session.state).toMatchObject({ status: "unknown", offline: true });
    postern.fate = () => undefined;
    expect(await session.start()).toMatchObject({ status: "signed-in", offline: false });
  });

  test("a state is another object only after a change", async () => {
    const before = session.state;
    expect(session.state).toBe(before);
    let changes = 0;
    const stop = session.subscribe(() => (changes += 1));
    await session.signIn(alice);
    expect(session.state).not.toBe(before);
    expect(changes).toBe(1);
    stop();
    await session.signOut();
    expect(changes).toBe(1);
  });
});

describe("bad answers", () => {
  test.for([
    ["503", () => problem(503, "unavailable", { "retry-after": "3" }), Refused],
    ["429", () => problem(429, "rate_limited", { "retry-after": "3" }), Refused],
    ["a page of a captive portal", () => new Response("<html>", { headers: { "content-type": "text/html" } }), Unreachable],
    ["a 401 of a proxy", () => new Response("<html>", { status: 401 }), Refused],
    ["tokens without an access token", () => new Response('{"csrf_token":"c"}'), Unreachable],
    ["no answer", () => new TypeError("fetch failed"), Unreachable],
  ] as const)("%s ends no session", async ([, answer, kind]) => {
    await session.signIn(alice);
    const id = session.state.sessionId;
    const page = make();
    postern.fate = ({ path }) => (path === "/auth/refresh" ? answer() : undefined);
    await expect(page.start()).rejects.toBeInstanceOf(kind);
    expect(page.state.status).toBe("unknown");
    postern.fate = () => undefined;
    // A server that named a time is not asked before.
    if (kind === Refused && answer().headers?.has("retry-after")) return;
    expect((await page.start()).sessionId).toBe(id);
  });

  test("errors have the stable code and the wait", async () => {
    postern.fate = () => problem(429, "rate_limited", { "retry-after": "7" });
    const error = await session.signIn(alice).catch((one: unknown) => one);
    expect(error).toMatchObject({ name: "Refused", status: 429, code: "rate_limited", retryAfter: 7000 });
    postern.fate = () => undefined;
    await expect(session.signIn({ ...alice, password: "wrong" })).rejects.toMatchObject({ code: "invalid_credentials" });
  });

  test("a server that said when to come again is not asked before", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    postern.fate = ({ path }) => (path === "/auth/refresh" ? problem(503, "unavailable", { "retry-after": "60" }) : undefined);
    await expect(session.start()).rejects.toBeInstanceOf(Refused);
    await expect(session.get()).rejects.toBeInstanceOf(Refused);
    expect(postern.to("/auth/refresh")).toHaveLength(1);
  });
});

describe("fetch", () => {
  test("calls at once refresh once", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    const answers = await Promise.all([1, 2, 3].map((n) => session.fetch(`/orders/${n}`)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    expect(postern.to("/auth/refresh")).toHaveLength(1);
  });

  test("a refused token is refreshed and the call repeated", async () => {
    await session.signIn(alice);
    postern.expire();
    const answer = await session.fetch("/orders", { method: "POST", body: "mine" });
    expect(await answer.json()).toMatchObject({ user: "alice@example.com", method: "POST" });
    expect(postern.to("/orders").map(({ body }) => body)).toEqual(["mine", "mine"]);
  });

  test("a Request is repeated with its body", async () => {
    await session.signIn(alice);
    postern.expire();
    const answer = await session.fetch(new Request(`${ORIGIN}/orders`, { method: "PUT", body: "mine", headers: { "x-own": "1" } }));
    expect(answer.status).toBe(200);
    expect(postern.to("/orders").map(({ body, method, headers }) => [body, method, headers.get("x-own")])).toEqual([["mine", "PUT", "1"], ["mine", "PUT", "1"]]);
  });

  test("the token goes to no other origin", async () => {
    await session.signIn(alice);
    postern.calls.length = 0;
    for (const url of ["https://evil.example/", "//evil.example/", "http://auth.example.com/", `${ORIGIN}@evil.example/`, "\\\\evil.example/"]) {
      await expect(session.fetch(url), url).rejects.toThrow("does not get the access token");
    }
    expect(postern.calls).toEqual([]);
  });

  test("origins in api get the token; paths go to the first", async () => {
    session = make({ api: ["https://api.example.com", ORIGIN] });
    await session.signIn(alice);
    await session.fetch("/orders");
    expect(postern.to("https://api.example.com/orders")[0]?.headers.get("authorization")).toMatch(/^Bearer at-/);
  });

  // B4: it would be sent as the other user.
  test("a call refused during a user change is not sent again", async () => {
    await session.signIn(alice);
    postern.fate = async ({ path }) => {
      if (path !== "/orders") return undefined;
      await session.signIn({ login: "bob@example.com", password: PASSWORD });
      return refusedToken();
    };
    await expect(session.fetch("/orders", { method: "POST" })).rejects.toBeInstanceOf(SessionChanged);
    expect(postern.to("/orders")).toHaveLength(1);
  });

  test("an answer after a user change is dropped", async () => {
    await session.signIn(alice);
    postern.fate = async ({ path }) => {
      if (path === "/orders") await session.signIn({ login: "bob@example.com", password: PASSWORD });
      return undefined;
    };
    await expect(session.fetch("/orders")).rejects.toBeInstanceOf(SessionChanged);
  });

  test("a gate that refuses fresh tokens too causes no loop", async () => {
    await session.signIn(alice);
    postern.fate = ({ path }) => (path === "/orders" ? refusedToken() : undefined);
    for (let n = 0; n < 5; n += 1) expect((await session.fetch("/orders")).status).toBe(401);
    expect(postern.to("/auth/refresh")).toHaveLength(1);
    expect(postern.to("/orders")).toHaveLength(6);
  });

  test("a caller that gives up does not wait for the refresh", async () => {
    postern.cookie = postern.signIn("alice@example.com");
    postern.fate = ({ path }) => (path === "/auth/refresh" ? new Promise(() => {}) : undefined);
    const asked = new AbortController();
    const answer = session.fetch("/orders", { signal: asked.signal });
    asked.abort();
    await expect(answer).rejects.toMatchObject({ name: "AbortError" });
  });

  test("a request for a stronger sign-in has a type", async () => {
    await session.signIn(alice);
    postern.fate = ({ path }) =>
      path === "/pay" ? problem(401, "insufficient_user_authentication", { "www-authenticate": 'Bearer realm="postern", error="insufficient_user_authentication", acr_values="urn:mfa urn:hwk", max_age="300"' }) : undefined;
    const error = await session.fetch("/pay").catch((one: unknown) => one);
    expect(error).toBeInstanceOf(StepUpRequired);
    expect(error).toMatchObject({ acrValues: ["urn:mfa", "urn:hwk"], maxAge: 300 });
    // A refresh does not help.
    expect(postern.to("/auth/refresh")).toEqual([]);
  });

  test("a stronger sign-in may be asked for after a refresh", async () => {
    await session.signIn(alice);
    const stepUp = problem(401, "insufficient_user_authentication", { "www-authenticate": 'Bearer error="insufficient_user_authentication", acr_values="urn:mfa"' });
    postern.expire();
    postern.fate = ({ path }) => (path === "/pay" && postern.to("/auth/refresh").length === 1 ? stepUp : undefined);
    await expect(session.fetch("/pay")).rejects.toBeInstanceOf(StepUpRequired);
  });
});

// Without a lock, as on a server and where a tab hangs: the browser keeps the cookie that came last.
test("a late refresh of the user before changes nothing", async () => {
  await session.signIn(alice);
  postern.expire();
  let release = (): void => {};
  postern.fate = ({ path }) => (path === "/auth/refresh" ? new Promise((resolve) => (release = () => resolve(json(late)))) : undefined);
  const late = postern.tokens(session.state.sessionId!);
  const asked = session.fetch("/orders").catch((error: unknown) => error);
  await expect.poll(() => postern.to("/auth/refresh").length).toBe(1);
  postern.fate = () => undefined;
  await session.signIn({ login: "bob@example.com", password: PASSWORD });
  const bob = session.state.sessionId;
  release();
  expect(await asked).toBeInstanceOf(SessionChanged);
  expect(session.state.sessionId).toBe(bob);
  expect(await (await session.fetch("/orders")).json()).toMatchObject({ user: "bob@example.com" });
});

describe("signing out", () => {
  test("is done when the server says so", async () => {
    await session.signIn(alice);
    postern.fate = ({ path }) => (path === "/auth/logout" ? new TypeError("fetch failed") : undefined);
    await expect(session.signOut()).rejects.toBeInstanceOf(Unreachable);
    expect(session.state.status).toBe("signed-in");
    postern.fate = () => undefined;
    await session.signOut();
    expect(session.state.status).toBe("signed-out");
    expect(postern.sessions.size).toBe(0);
  });

  test("does not sign out another user", async () => {
    await session.signIn(alice);
    const bob = (postern.cookie = postern.signIn("bob@example.com"));
    await expect(session.signOut()).rejects.toBeInstanceOf(SessionChanged);
    expect(session.state.sessionId).toBe(bob);
    expect(postern.sessions.has(bob)).toBe(true);
  });
});

describe("a refresh token in a storage of the app", () => {
  test("is sent in bodies, replaced, and removed", async () => {
    const storage = memory();
    session = make({ storage });
    await session.signIn({ ...alice, deviceName: "phone" });
    expect(postern.to("/auth/login")[0]?.body).toMatchObject({ delivery: "body", device_name: "phone" });
    const next = make({ storage });
    expect((await next.start()).sessionId).toBe(session.state.sessionId);
    // The first one reads the storage too.
    postern.expire();
    expect((await session.fetch("/orders")).status).toBe(200);
    await session.signOut();
    expect(postern.sessions.size).toBe(0);
    expect((await make({ storage }).start()).status).toBe("signed-out");
    expect(postern.to("/auth/csrf")).toEqual([]);
  });

  test("the device stays known", async () => {
    session = make({ storage: memory() });
    await session.signIn(alice);
    await session.signOut();
    await session.signIn(alice);
    expect(postern.to("/auth/login")[1]?.body).toMatchObject({ device_token: "device" });
  });
});

test("sessions of two users on a server share nothing", async () => {
  const other = make({ storage: memory() });
  const one = make({ storage: memory() });
  await one.signIn(alice);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(other.state.status).toBe("unknown");
});

test("a disposed session refreshes no more", async () => {
  await session.signIn(alice);
  session.dispose();
  expect(session.peek()).toBeUndefined();
  await expect(session.get()).rejects.toThrow();
  expect(postern.to("/auth/refresh")).toEqual([]);
});
