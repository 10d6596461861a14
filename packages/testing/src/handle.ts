// Postern as a test sees it. Without a platform: the same in the process that started it, in another one, and in workerd.
import type { FakeIssuer } from "./issuer.ts";
import { broken, randomId, sound, type Broken, type Claims, type Draft, type Signer } from "./tokens.ts";
import { Session, type Tokens } from "./session.ts";

/** What the process that started Postern does for a test, by name; the parameters and the answer are JSON. */
export type Control = <Answer>(command: string, given?: object) => Promise<Answer>;

/** All that another process needs to use a Postern that runs: text and nothing else. */
export interface Connection {
  url: string;
  control: string;
  secret: string;
  audience: string;
  issuer: string;
}

/** An event of the log (docs/reference/audit-events.md). */
export interface PosternEvent {
  at: number;
  event: string;
  outcome: "success" | "refused" | "alert" | "fault";
  [member: string]: unknown;
}

/** A message to a user, as POSTERN_NOTIFIER gets it (docs/reference/users.md). */
export interface Mail {
  kind: string;
  login: string;
  token: string;
  link?: string;
  expires_in: number;
  language?: string;
}

export interface UserSpec {
  /** The default is an address that no other user has. */
  login?: string;
  password?: string;
  scopes?: string[];
  roles?: string[];
  tenant?: string;
}

/** A user of Postern's own. */
export interface User {
  /** The subject of their access tokens. */
  sub: string;
  login: string;
  password: string;
}

export interface SignIn extends UserSpec {
  /** Someone who is there already; without it a user is made. */
  user?: User;
  clientId?: string;
  deviceName?: string;
  /** Where the refresh token goes: with `cookie`, the session has `cookies` and a `csrfToken`. */
  delivery?: "body" | "cookie";
}

/** A refused call of the kit itself: what was tried, and what Postern said. */
export class KitError extends Error {
  override name = "KitError";
  /** The status of Postern's answer, if that is the cause. */
  readonly status: number | undefined;

  constructor(message: string, { status, ...options }: ErrorOptions & { status?: number } = {}) {
    super(message, options);
    this.status = status;
  }
}

/** A length of time; the parts are added. */
export interface Duration {
  days?: number;
  hours?: number;
  minutes?: number;
  seconds?: number;
}

const ADMIN = { login: "admin@example.com", password: "correct horse battery staple" };
const PASSWORD = "a password of the tests";

/** Without the members that are null: in JSON, from another process, there is no `undefined`. */
const withoutNull = (members: Claims): Claims => Object.fromEntries(Object.entries(members).filter(([, value]) => value !== null));

/** An issuer that is played, from wherever the test runs. */
export type IssuerHandle = Pick<FakeIssuer, "name" | "issuer" | "audience"> & {
  /** An access token of the provider's shape; `claims` and `header` replace members, and `null` removes one. */
  token(claims?: Claims, header?: Claims): Promise<string>;
  /** The same with one mistake. */
  broken(kind: Broken, claims?: Claims): Promise<string>;
  /** From now on another key signs; with `keep: false` the former one is gone from the key set. */
  rotateKeys(options?: { keep?: boolean }): Promise<void>;
  /** Whether it answers 503 to everything. */
  setDown(down: boolean): Promise<void>;
};

export class Postern {
  /** Where it listens, without a slash at the end. */
  readonly url: string;
  /** The `iss` and the `aud` of its access tokens. */
  readonly issuer: string;
  readonly audience: string;
  /** For `connectPostern` in another process. */
  readonly connection: Connection;
  readonly #control: Control;
  #admin: Promise<string> | undefined;

  constructor(connection: Connection, control: Control) {
    this.url = connection.url;
    this.issuer = connection.issuer;
    this.audience = connection.audience;
    this.connection = connection;
    this.#control = control;
  }

  /** A request. Redirects are answers, not followed. */
  fetch(path: string | URL, init: RequestInit = {}): Promise<Response> {
    const headers = new Headers(init.headers);
    // workerd closes connections that idle for five seconds, perhaps in the moment in which one is used again.
    if (!headers.has("connection")) headers.set("connection", "close");
    return fetch(new URL(path, this.url), { redirect: "manual", ...init, headers });
  }

  /** A call with a JSON body, which must succeed. */
  async call<Answer>(what: string, path: string, body: object | undefined, headers: Record<string, string> = {}): Promise<{ answer: Answer; response: Response }> {
    const response = await this.fetch(path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body ?? {}) });
    const text = await response.text();
    if (!response.ok) throw new KitError(`${what}: ${response.status} ${text}`, { status: response.status });
    return { answer: (text === "" ? undefined : JSON.parse(text)) as Answer, response };
  }

  /** An access token of the administrator that the local profile has. */
  #adminToken(): Promise<string> {
    if (this.#admin === undefined) {
      const signedIn = this.call<Tokens>("the kit's administrator could not sign in", "/auth/login", { ...ADMIN, delivery: "body" });
      this.#admin = signedIn.then(({ answer }) => answer.access_token);
      this.#admin.catch(() => (this.#admin = undefined));
    }
    return this.#admin;
  }

  /** A call of the administrators' API. Its token or its sign-in may be too old by now, by a clock that moved. */
  async #administer<Answer>(what: string, path: string, body: object): Promise<Answer> {
    const call = async () => (await this.call<Answer>(what, path, body, { authorization: `Bearer ${await this.#adminToken()}` })).answer;
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof KitError) || error.status !== 401) throw error;
      this.#admin = undefined;
      return call();
    }
  }

  /** Makes a user. */
  async createUser({ login = `user-${randomId().slice(0, 8)}@example.com`.toLowerCase(), password = PASSWORD, scopes, roles, tenant }: UserSpec = {}): Promise<User> {
    const body = { login, password, ...(scopes && { scopes }), ...(roles && { roles }), ...(tenant !== undefined && { tenant_id: tenant }) };
    const { sub } = await this.#administer<{ sub: string }>(`the user ${login} could not be made`, "/admin/users", body);
    return { sub, login, password };
  }

  /** Signs a user in, and makes them first unless `user` names one. */
  async signIn({ user, clientId, deviceName, delivery = "body", ...spec }: SignIn = {}): Promise<Session> {
    const who = user ?? (await this.createUser(spec));
    const { login, password } = who;
    const body = { login, password, delivery, ...(clientId !== undefined && { client_id: clientId }), ...(deviceName !== undefined && { device_name: deviceName }) };
    const { answer, response } = await this.call<Tokens>(`${login} could not sign in`, "/auth/login", body);
    return new Session(this, who, answer, response.headers.getSetCookie());
  }

  async #ownSigner(): Promise<Signer> {
    // The Worker's key is known from the last token that it signed.
    await this.#adminToken();
    const { alg, kid } = await this.#control<{ alg: string; kid: string }>("signer");
    const sign = async (input: string): Promise<Uint8Array> => {
      const { signature } = await this.#control<{ signature: string }>("sign", { input });
      return Uint8Array.from(atob(signature), (character) => character.charCodeAt(0));
    };
    return { alg, kid, sign };
  }

  async #draft(claims: Claims, header: Claims): Promise<Draft> {
    const now = Math.floor((await this.now()) / 1000);
    const usual = { iss: this.issuer, sub: randomId(), aud: this.audience, exp: now + 600, iat: now, jti: randomId(), client_id: "first-party", sid: randomId(), auth_time: now };
    return { header: withoutNull({ typ: "at+jwt", ...header }), claims: withoutNull({ ...usual, ...claims }) };
  }

  /**
   * An access token under Postern's own key, with these claims: for rules about claims that no sign-in brings. `null` removes
   * a member. No session is behind it, so routes with `revocation = "strong"` and the calls under `/auth` refuse it; `signIn` makes one with a session.
   */
  async token(claims: Claims = {}, header: Claims = {}): Promise<string> {
    return sound(await this.#ownSigner(), await this.#draft(claims, header));
  }

  /** The same with one mistake. Every verifier must refuse it. */
  async broken(kind: Broken, claims: Claims = {}): Promise<string> {
    const signer = await this.#ownSigner();
    const publicKey = kind === "HMAC with the public key" ? await (await this.fetch("/.well-known/jwks.json")).text() : "";
    return broken(kind, signer, await this.#draft(claims, {}), Math.floor((await this.now()) / 1000), publicKey);
  }

  /** What the gate puts into `X-Postern-Assertion` for an origin with this audience; or one with a mistake. */
  async assertion(audience: string, claims: Claims = {}, kind?: Broken): Promise<string> {
    const now = Math.floor((await this.now()) / 1000);
    const usual = { iss: this.issuer, aud: audience, sub: randomId(), token_iss: this.issuer, scope: "", roles: [], iat: now, exp: now + 60 };
    const draft = { header: { typ: "postern-assertion+jwt" }, claims: { ...usual, ...claims } };
    const signer = await this.#ownSigner();
    if (kind === undefined) return sound(signer, draft);
    return broken(kind, signer, draft, now, await (await this.fetch("/.well-known/jwks.json")).text());
  }

  /** An issuer of `issuers`, by its name. */
  async issuerNamed(name: string): Promise<IssuerHandle> {
    const found = await this.#control<{ name: string; issuer: string; audience: string }>("issuer", { name });
    const ask = <Answer>(call: string, given: object) => this.#control<Answer>("issuer", { name, call, ...given });
    return {
      ...found,
      token: async (claims = {}, header = {}) => (await ask<{ token: string }>("token", { claims, header, now: await this.now() })).token,
      broken: async (kind, claims = {}) => (await ask<{ token: string }>("broken", { kind, claims, now: await this.now() })).token,
      rotateKeys: (options = {}) => ask<void>("rotateKeys", options),
      setDown: (down) => ask<void>("setDown", { down }),
    };
  }

  /** The Worker's clock, in milliseconds since 1970. */
  async now(): Promise<number> {
    return Date.now() + (await this.#control<{ offset: number }>("clock")).offset;
  }

  /**
   * Moves the Worker's clock forward, for all that is in it: tokens and sessions expire, limits fill up, copies age. It does not
   * move what the platform times: alarms of objects, lifetimes of KV entries, time-outs. There is no way back.
   */
  async advance({ days = 0, hours = 0, minutes = 0, seconds = 0 }: Duration): Promise<void> {
    const by = 1000 * (seconds + 60 * (minutes + 60 * (hours + 24 * days)));
    if (!(by > 0)) throw new KitError("advance takes a time above zero: what is stored in the future would be from the future");
    await this.#control("clock", { by });
  }

  /** The messages to users so far, oldest first. */
  async mails(): Promise<Mail[]> {
    return (await this.#control<{ mails: Mail[] }>("mails")).mails;
  }

  /** The first message to this login that no call has taken yet; waits for it, for so many seconds at most. */
  async mail(login: string, seconds = 5): Promise<Mail> {
    return (await this.#control<{ mail: Mail }>("mail", { login, seconds })).mail;
  }

  /** The events of the log so far, oldest first. */
  async events(): Promise<PosternEvent[]> {
    return (await this.#control<{ events: PosternEvent[] }>("events")).events;
  }

  /** The first event of this name with these members; waits for it, for so many seconds at most. */
  async event(event: string, members: Record<string, unknown> = {}, seconds = 5): Promise<PosternEvent> {
    return (await this.#control<{ event: PosternEvent }>("event", { event, members, seconds })).event;
  }

  /** What the Worker and workerd printed so far, line by line. */
  async logs(): Promise<string[]> {
    return (await this.#control<{ lines: string[] }>("logs")).lines;
  }

  /** Stops it, where it was started. From another process it does nothing. */
  async dispose(): Promise<void> {
    await this.#control<void>("dispose");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }
}
