// The pages on workerd: one path for each endpoint. What they refuse is told natively (crates/app/tests/service/pages.rs,
// consent.rs), how they look and behave in Chromium (tests/browser/sign-in-pages.test.ts).
import { beforeEach, describe, expect, test } from "vitest";
import { ALICE, PASSWORD, settings } from "./support/config.ts";
import { shared } from "./support/postern.ts";
import { Visitor } from "./support/visitor.ts";

const CALLBACK = "https://notes.example/callback";
const clients = [{ client_id: "first-party" }, { client_id: "notes", name: "Notes for Teams", redirect_uris: [CALLBACK], scopes: ["read:orders"] }];
const postern = shared(() => ({ vars: settings({ POSTERN_PAGES: { name: "Acme Books" }, POSTERN_CLIENTS: clients, POSTERN_REGISTRATION: "open" }) }));

const REQUEST = new URLSearchParams({
  client_id: "notes",
  redirect_uri: CALLBACK,
  response_type: "code",
  state: "s1",
  code_challenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
  code_challenge_method: "S256",
});

let visitor: Visitor;
beforeEach(() => {
  visitor = new Visitor(postern);
});

test.for(["sign-in", "sign-up", "forgotten-password", "new-password", "verify-address", "sign-out"])("the page /auth/%s is there", async (path) => {
  const answer = await visitor.fetch(`/auth/${path}?ui_locales=ar`);
  expect(answer.status).toBe(200);
  expect(answer.headers.get("content-security-policy")).toMatch(/^default-src 'none'; style-src 'sha256-/);
  expect(answer.headers.get("cache-control")).toBe("no-store");
  expect(visitor.page).toContain(`<html lang="ar" dir="rtl">`);
  expect((await visitor.fetch(`/auth/${path}`, { method: "DELETE" })).headers.get("allow")).toBe("GET, HEAD, POST, OPTIONS");
});

describe("forms", () => {
  test("a sign-in opens a browser session, and a sign-out ends it", async () => {
    expect((await visitor.fill("/auth/sign-in", { login: ALICE, password: PASSWORD })).status).toBe(303);
    await visitor.fetch("/auth/sign-in");
    expect(visitor.page).toContain(`You are signed in as <bdi>${ALICE}</bdi>`);
    expect((await visitor.fill("/auth/sign-out", {})).status).toBe(200);
    await visitor.fetch("/auth/sign-in");
    expect(visitor.page).not.toContain("You are signed in");
  });

  test("a new account is signed in", async () => {
    const login = crypto.randomUUID();
    expect((await visitor.fill("/auth/sign-up", { login, password: PASSWORD })).status).toBe(303);
    await visitor.fetch("/auth/sign-in");
    expect(visitor.page).toContain(login);
  });

  test("codes that are made up are refused at their pages", async () => {
    const token = `pot_${"A".repeat(90)}`;
    expect((await visitor.fill("/auth/new-password", { token, password: PASSWORD })).status).toBe(400);
    expect((await visitor.fill("/auth/verify-address", { token })).status).toBe(400);
    expect(visitor.page).toContain("This code is no longer valid");
  });

  test("a forgotten password is answered alike for everyone", async () => {
    expect((await visitor.fill("/auth/forgotten-password", { login: crypto.randomUUID() })).status).toBe(200);
    expect(visitor.page).toContain("If there is an account for");
  });

  // The attack: login CSRF.
  test("a form from another origin is refused", async () => {
    await visitor.fetch("/auth/sign-in");
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: "https://evil.example" };
    expect((await visitor.fetch("/auth/sign-in", { method: "POST", body: "login=a&password=b", headers })).status).toBe(403);
  });
});

test("a client gets a code by way of sign-in and consent", async () => {
  const start = await visitor.fetch(`/oauth/authorize?${REQUEST}`);
  expect(start.status).toBe(303);
  const back = await visitor.fill(start.headers.get("location") ?? "", { login: ALICE, password: PASSWORD });
  const consent = await visitor.fetch(back.headers.get("location") ?? "");
  expect(consent.status).toBe(200);
  expect(consent.headers.get("content-security-policy")).toContain("form-action 'self' https://notes.example;");
  expect(visitor.page).toContain("Notes for Teams");
  const page = visitor.page;
  const answer = await visitor.post("/auth/consent", { answer: "allow", scope: "read:orders" });
  const there = new URL(answer.headers.get("location") ?? "");
  expect(`${there.origin}${there.pathname}`).toBe(CALLBACK);
  expect(there.searchParams.get("code")).toMatch(/^pac_/);
  expect(there.searchParams.get("state")).toBe("s1");
  visitor.page = page;
  expect((await visitor.post("/auth/consent", { answer: "allow", scope: "read:orders" })).status).toBe(403);
  const form = { grant_type: "authorization_code", client_id: "notes", code: there.searchParams.get("code") ?? "", redirect_uri: CALLBACK, code_verifier: "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" };
  expect((await postern().fetch("/oauth/token", { method: "POST", body: new URLSearchParams(form) })).status).toBe(200);
  expect((await visitor.fill("/auth/applications", {})).status).toBe(200);
  expect(visitor.page).toContain("<bdi>Notes for Teams</bdi> no longer has access.");
});

test("a request by POST goes on by GET, and sets no cookie", async () => {
  const headers = { "content-type": "application/x-www-form-urlencoded", origin: "https://notes.example" };
  const answer = await visitor.fetch("/oauth/authorize", { method: "POST", body: REQUEST.toString(), headers });
  expect([answer.status, answer.headers.get("location")]).toEqual([303, `/oauth/authorize?${REQUEST}`]);
  expect(answer.headers.getSetCookie()).toEqual([]);
  expect((await visitor.fetch("/oauth/authorize?a=1", { method: "POST", body: REQUEST.toString(), headers })).status).toBe(400);
});
