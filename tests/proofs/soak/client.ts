// A client of the first-party API whose answers are values, refusals included: what to make of them is the scenario's.
import { startPostern, type Postern, type PosternOptions } from "../../worker/harness.ts";
import { PASSWORD, settings } from "../../worker/support/config.ts";

export interface Granted {
  granted: true;
  accessToken: string;
  refreshToken: string;
  sessionId: string;
  /** The `rot` of the access token: the rotation count of the refresh token beside it. */
  rotation: number;
}

export interface Refused {
  granted: false;
  status: number;
  code: string;
}

export type Answer = Granted | Refused;

interface Body {
  access_token: string;
  refresh_token: string;
  session_id: string;
}

/** The limit of live sessions of one subject, by default: no scenario opens more for one user. */
export const MAX_FAMILIES = 50;

/** Sign-ins are not what is looked at here: the cheapest password hash that the local profile permits. */
const CHEAP_PASSWORD = { memory_kib: 32, iterations: 1 };

/** Starts Postern for a scenario: open registration and no origin but a function, if one is given. */
export function boot(vars: Record<string, unknown> = {}, options: Omit<PosternOptions, "vars"> = {}): Promise<Postern> {
  return startPostern({
    origin: false,
    ...options,
    vars: settings({ POSTERN_REGISTRATION: "open", POSTERN_PASSWORD: CHEAP_PASSWORD, ...vars }),
  });
}

function rotationOf(accessToken: string): number {
  const claims = JSON.parse(Buffer.from(accessToken.split(".")[1] ?? "", "base64url").toString()) as { rot: number };
  return claims.rot;
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  if (response.status !== 200) {
    const { code = "none" } = JSON.parse(text || "{}") as { code?: string };
    return { granted: false, status: response.status, code };
  }
  const body = JSON.parse(text) as Body;
  return {
    granted: true,
    accessToken: body.access_token,
    refreshToken: body.refresh_token,
    sessionId: body.session_id,
    rotation: rotationOf(body.access_token),
  };
}

export function post(postern: Postern, path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
  return postern.fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify(body),
  });
}

export function said(answer: Answer): string {
  return answer.granted ? `granted, rotation ${answer.rotation}` : `${answer.status} ${answer.code}`;
}

/** Fails when it was refused. */
export function granted(answer: Answer, what: string): Granted {
  if (!answer.granted) throw new Error(`${what}: ${said(answer)}`);
  return answer;
}

export async function register(postern: Postern, login: string): Promise<void> {
  const response = await post(postern, "/auth/register", { login, password: PASSWORD });
  const text = await response.text();
  if (response.status !== 201) throw new Error(`registering ${login}: ${response.status} ${text}`);
}

export async function signIn(postern: Postern, login: string): Promise<Granted> {
  const response = await post(postern, "/auth/login", { login, password: PASSWORD, delivery: "body" });
  return granted(await answerOf(response), `signing ${login} in`);
}

/** `count` families, of as few users as the limit permits, in groups that share an Account object. */
export async function families(postern: Postern, count: number, perUser = MAX_FAMILIES, prefix = "user"): Promise<Granted[]> {
  const opened: Granted[] = [];
  for (let user = 0; opened.length < count; user += 1) {
    const login = `${prefix}-${user}@example.com`;
    await register(postern, login);
    for (let device = 0; device < perUser && opened.length < count; device += 1) opened.push(await signIn(postern, login));
  }
  return opened;
}

export async function refresh(postern: Postern, refreshToken: string, headers?: Record<string, string>): Promise<Answer> {
  return answerOf(await post(postern, "/auth/refresh", { refresh_token: refreshToken }, headers));
}

/** The status of a call with an access token. */
export async function call(postern: Postern, path: string, accessToken: string, method = "GET"): Promise<number> {
  const response = await postern.fetch(path, { method, headers: { authorization: `Bearer ${accessToken}` } });
  await response.text();
  return response.status;
}
