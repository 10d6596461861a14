// What the app keeps of a signed-in user: in a cookie that only this server can read. So it has no store of sessions, and any
// number of servers with one key serve every user.
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { base64url, EncryptJWT, jwtDecrypt, type JWTPayload } from "jose";

export interface Session {
  accessToken: string;
  refreshToken: string;
  /** When the access token expires, in milliseconds since 1970. */
  expires: number;
  /** What the user has allowed the app. */
  scope: string;
}

/** A sign-in on its way: from the redirect to Postern until the answer. */
export interface SignIn {
  state: string;
  verifier: string;
  returnTo: string;
}

/** Sessions live as long as the refresh token of a `web` client at most. */
const SESSION_S = 30 * 86_400;
/** A sign-in that takes longer begins again. */
const SIGN_IN_S = 3600;

/** `__Host-`: no other host of the site can set it. `Lax`: the answer from Postern is a navigation from another site. */
const COOKIE = { prefix: "host", httpOnly: true, secure: true, sameSite: "Lax", path: "/" } as const;

export class Cookies {
  readonly #key: Uint8Array;

  constructor(key: string) {
    this.#key = base64url.decode(key);
    if (this.#key.length !== 32) throw new Error("COOKIE_KEY is 32 bytes in base64url");
  }

  async #seal(value: object, seconds: number): Promise<string> {
    return new EncryptJWT({ ...value }).setProtectedHeader({ alg: "dir", enc: "A256GCM" }).setExpirationTime(`${seconds} s`).encrypt(this.#key);
  }

  async #open<Value>(sealed: string | undefined): Promise<(Value & JWTPayload) | undefined> {
    if (sealed === undefined) return undefined;
    // One that expired, or was made under another key, is none.
    return jwtDecrypt<Value>(sealed, this.#key, { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] }).then(({ payload }) => payload, () => undefined);
  }

  session(c: Context): Promise<Session | undefined> {
    return this.#open<Session>(getCookie(c, "session", "host"));
  }

  async keepSession(c: Context, session: Session): Promise<void> {
    setCookie(c, "session", await this.#seal(session, SESSION_S), { ...COOKIE, maxAge: SESSION_S });
  }

  endSession(c: Context): void {
    deleteCookie(c, "session", COOKIE);
  }

  async keepSignIn(c: Context, signIn: SignIn): Promise<void> {
    setCookie(c, "sign-in", await this.#seal(signIn, SIGN_IN_S), { ...COOKIE, maxAge: SIGN_IN_S });
  }

  /** The sign-in that this browser began. It serves once. */
  async takeSignIn(c: Context): Promise<SignIn | undefined> {
    const sealed = getCookie(c, "sign-in", "host");
    deleteCookie(c, "sign-in", COOKIE);
    return this.#open<SignIn>(sealed);
  }
}
