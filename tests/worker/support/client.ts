// The first-party API as a client uses it.
import { expect } from "vitest";
import type { Postern } from "../harness.ts";
import { ALICE, PASSWORD } from "./config.ts";

export interface Tokens {
  access_token: string;
  token_type: string;
  expires_in: number;
  session_id: string;
  scope: string;
  refresh_token?: string;
  csrf_token?: string;
  device_token?: string;
}

export interface Session {
  session_id: string;
  current: boolean;
  device_name?: string;
  client_id: string;
  created_at: number;
  refreshed_at: number;
  seen_at: number;
  expires_at: number;
  ip?: string;
  country?: string;
  user_agent: string;
  rotation_count: number;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  code: string;
  detail?: string;
  errors?: { field: string; detail: string }[];
}

export const REFRESH_COOKIE = "__Secure-postern_refresh";
export const DEVICE_COOKIE = "__Secure-postern_device";
export const CSRF_COOKIE = "__Secure-postern_csrf";
export const SESSION_COOKIE = "__Host-postern_session";

export function post(postern: Postern, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return postern.fetch(path, {
    method: "POST",
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

export function bearer(accessToken: string): Record<string, string> {
  return { authorization: `Bearer ${accessToken}` };
}

/** The body of an answer that must have this status; says what came instead. */
export async function json<T>(response: Response, status = 200): Promise<T> {
  const text = await response.text();
  expect(response.status, text).toBe(status);
  return JSON.parse(text) as T;
}

/** A problem document without what differs from request to request: two that mean the same are the same to the letter. */
export async function wordsOf(response: Response): Promise<string> {
  return (await response.text()).replace(/,"request_id":"[0-9a-f]{16}"/, "");
}

/** Asserts the problem, in the form that every problem has. */
export async function expectProblem(response: Response, status: number, code: string): Promise<Problem> {
  const text = await response.text();
  expect({ status: response.status, text }).toEqual({ status, text: expect.stringContaining(`"${code}"`) });
  expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
  expect(response.headers.get("cache-control")).toBe("no-store");
  const problem = JSON.parse(text) as Problem;
  expect(problem).toMatchObject({ type: `/auth/errors#${code}`, status, code, title: expect.any(String), request_id: expect.stringMatching(/^[\w-]{1,64}$/) });
  return problem;
}

/** Asserts an answer without a body. */
export async function expectEmpty(response: Response, status = 204): Promise<Response> {
  const text = await response.text();
  expect({ status: response.status, text }).toEqual({ status, text: "" });
  return response;
}

export interface SignIn {
  login?: string;
  password?: string;
  device_name?: string;
  headers?: Record<string, string>;
}

/** Signs in as an app does: both tokens in the body. */
export async function signIn(
  postern: Postern,
  { login = ALICE, password = PASSWORD, headers = {}, ...rest }: SignIn = {},
): Promise<Tokens & { refresh_token: string }> {
  const response = await post(postern, "/auth/login", { login, password, delivery: "body", ...rest }, headers);
  return json(response);
}

/** A browser: what it keeps after signing in, and what it sends. */
export interface Browser {
  tokens: Tokens & { csrf_token: string };
  cookies: Map<string, string>;
  setCookies: string[];
}

export function cookieHeader(cookies: ReadonlyMap<string, string>): string {
  return [...cookies].map(([name, value]) => `${name}=${value}`).join("; ");
}

/** Takes the cookies of an answer over into the jar, those that it takes away included. */
export function keepCookies(response: Response, jar: Map<string, string>): string[] {
  const lines = response.headers.getSetCookie();
  for (const line of lines) {
    const [pair = "", ...attributes] = line.split(/;\s*/);
    const name = pair.slice(0, pair.indexOf("="));
    if (attributes.some((attribute) => /^max-age=0$/i.test(attribute))) jar.delete(name);
    else jar.set(name, pair.slice(pair.indexOf("=") + 1));
  }
  return lines;
}

/** Signs in as a page does: the refresh token in a cookie. */
export async function browserSignIn(postern: Postern, { login = ALICE, password = PASSWORD, headers = {} }: SignIn = {}): Promise<Browser> {
  const response = await post(postern, "/auth/login", { login, password }, headers);
  const cookies = new Map<string, string>();
  const setCookies = keepCookies(response, cookies);
  return { tokens: await json(response), cookies, setCookies };
}

export function refresh(postern: Postern, refreshToken: string, headers: Record<string, string> = {}): Promise<Response> {
  return post(postern, "/auth/refresh", { refresh_token: refreshToken }, headers);
}

/** A refresh that must succeed. */
export async function refreshed(postern: Postern, refreshToken: string): Promise<Tokens & { refresh_token: string }> {
  return json(await refresh(postern, refreshToken));
}

/** The sessions of the user whose access token it is. */
export async function sessions(postern: Postern, accessToken: string): Promise<Session[]> {
  const response = await postern.fetch("/auth/sessions", { headers: bearer(accessToken) });
  return (await json<{ sessions: Session[] }>(response)).sessions;
}
