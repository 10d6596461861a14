// Those who use the deployment while its versions change: each does what a sound client of its kind does.
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { cookieHeader, keepCookies } from "../../worker/support/client.ts";
import { ADMIN, OWN_ISSUER, PASSWORD } from "../../worker/support/config.ts";
import { FormBrowser } from "../../worker/support/form-browser.ts";
import type { Issuer } from "../../worker/support/issuer.ts";
import { claimsOf } from "../../worker/support/jwt.ts";
import { OauthServer, type TestClient } from "../../worker/support/oauth-client.ts";
import type { Postern } from "../../worker/harness.ts";
import type { Deployment, Version } from "./deployment.ts";

export interface Tally {
  requests: Record<Version, number>;
  /** Answers of 500 and above, each with what was asked. */
  faults: string[];
  /** Sessions and grants that ended without a reason, and what told so. */
  lost: string[];
  /** Other answers than a sound client may expect. */
  wrong: string[];
}

export type Answer = { status: number; headers: Headers; text: string };

/** Asks the deployment, and keeps the tally. */
export class Asker {
  readonly deployment: Deployment;
  readonly tally: Tally;

  constructor(deployment: Deployment, tally: Tally) {
    this.deployment = deployment;
    this.tally = tally;
  }

  /** Comes again after a 503, as `Retry-After` says; the first one counts as a fault already. */
  async ask(path: string, init: RequestInit = {}): Promise<Answer> {
    for (let tries = 0; ; tries += 1) {
      const { response, version } = await this.deployment.fetch(path, init);
      this.tally.requests[version] += 1;
      const text = await response.text();
      if (response.status >= 500) this.tally.faults.push(`${version}: ${init.method ?? "GET"} ${path}: ${response.status} ${text.slice(0, 160)}`);
      if (response.status !== 503 || tries === 10) return { status: response.status, headers: response.headers, text };
      await sleep(Number(response.headers.get("retry-after") ?? 2) * 1000);
    }
  }

  post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Answer> {
    return this.ask(path, { method: "POST", headers: { "content-type": "application/json", ...headers }, body: JSON.stringify(body) });
  }

  /** Asks what must have one of these answers. */
  async expect(what: string, answer: Promise<Answer>, ...statuses: number[]): Promise<Answer> {
    const came = await answer;
    if (!statuses.includes(came.status)) this.tally.wrong.push(`${what}: ${came.status} ${came.text.slice(0, 160)}`);
    return came;
  }

  /** The deployment as the helpers of the tests see one. */
  postern(): Postern {
    const fetch = async (path: string, init: RequestInit = {}) => {
      const { pathname, search } = new URL(path, OWN_ISSUER);
      const { status, headers, text } = await this.ask(pathname + search, init);
      return new Response([204, 304].includes(status) ? null : text, { status, headers });
    };
    return { url: OWN_ISSUER, fetch } as unknown as Postern;
  }
}

export const bearer = (token: string): Record<string, string> => ({ authorization: `Bearer ${token}` });

export interface Person {
  /** Until the deployment is ready for them. */
  arrive(): Promise<void>;
  /** One thing that they do. */
  act(): Promise<void>;
  /** Whether their session is alive at the end. */
  isAlive(): Promise<boolean>;
}

interface Pair {
  access_token: string;
  refresh_token: string;
  csrf_token: string;
}

/** What a signed-in client does with its access token at the gate and at its own account. */
async function useToken(asker: Asker, token: string, who: string): Promise<void> {
  const paths = ["/api/orders", "/api/orders", "/strict/orders", "/auth/me", "/auth/sessions", "/auth/activity", "/who", "/assertion/orders"];
  const path = paths[randomInt(paths.length)] ?? "/";
  await asker.expect(`${who}: ${path}`, asker.ask(path, { headers: bearer(token) }), 200, 204);
}

/** A page with cookies, of which two tabs may refresh at once; or an app, whose answers get lost. */
export class Session implements Person {
  readonly #asker: Asker;
  readonly login: string;
  readonly #cookies: Map<string, string> | undefined;
  #pair: Pair = { access_token: "", refresh_token: "", csrf_token: "" };

  constructor(asker: Asker, login: string, kind: "browser" | "mobile") {
    this.#asker = asker;
    this.login = login;
    this.#cookies = kind === "browser" ? new Map() : undefined;
  }

  get accessToken(): string {
    return this.#pair.access_token;
  }

  async #post(path: string, body: unknown): Promise<Answer> {
    const jar = this.#cookies;
    const headers: Record<string, string> = jar ? { cookie: cookieHeader(jar), "x-csrf-token": this.#pair.csrf_token } : {};
    const answer = await this.#asker.post(path, body, headers);
    if (jar) keepCookies({ headers: answer.headers } as Response, jar);
    return answer;
  }

  async #tokens(what: string, answer: Answer): Promise<boolean> {
    if (answer.status !== 200) {
      this.#asker.tally.lost.push(`${this.login}: ${what}: ${answer.status} ${answer.text.slice(0, 200)}`);
      return false;
    }
    this.#pair = JSON.parse(answer.text) as Pair;
    return true;
  }

  async arrive(): Promise<void> {
    await this.#asker.expect("register", this.#asker.post("/auth/register", { login: this.login, password: PASSWORD }), 201);
    await this.signIn();
  }

  async signIn(): Promise<void> {
    const delivery = this.#cookies ? "cookie" : "body";
    await this.#tokens("sign-in", await this.#post("/auth/login", { login: this.login, password: PASSWORD, delivery }));
  }

  async refresh(): Promise<boolean> {
    const body = this.#cookies ? undefined : { refresh_token: this.#pair.refresh_token };
    return this.#tokens("refresh", await this.#post("/auth/refresh", body));
  }

  async act(): Promise<void> {
    const dice = Math.random();
    if (dice < 0.15 && this.#cookies) {
      await Promise.all([this.refresh(), this.refresh()]);
    } else if (dice < 0.15) {
      // The answer does not arrive: the app presents the same token again.
      const body = JSON.stringify({ refresh_token: this.#pair.refresh_token });
      await this.#asker.deployment.fetch("/auth/refresh", { method: "POST", headers: { "content-type": "application/json" }, body });
      await this.refresh();
    } else if (dice < 0.45) {
      await this.refresh();
    } else if (dice < 0.48) {
      await this.#asker.expect("logout", this.#post("/auth/logout", this.#cookies ? undefined : { refresh_token: this.#pair.refresh_token }), 204);
      await this.signIn();
    }
    await useToken(this.#asker, this.#pair.access_token, this.login);
  }

  isAlive(): Promise<boolean> {
    return this.refresh();
  }
}

/** A user at the pages, and an OAuth client with a grant of theirs. */
export class OauthUser implements Person {
  readonly #asker: Asker;
  readonly #client: TestClient;
  readonly #backend: TestClient;
  readonly #login: string;
  readonly #browser: FormBrowser;
  #server: OauthServer | undefined;
  #refreshToken = "";
  #accessToken = "";

  constructor(asker: Asker, login: string, client: TestClient, backend: TestClient) {
    this.#asker = asker;
    this.#login = login;
    this.#client = client;
    this.#backend = backend;
    this.#browser = new FormBrowser(asker.postern());
  }

  async arrive(): Promise<void> {
    await this.#asker.expect("register", this.#asker.post("/auth/register", { login: this.#login, password: PASSWORD }), 201);
    this.#server = await OauthServer.discover(this.#asker.postern(), OWN_ISSUER);
    await this.#authorize();
  }

  async #authorize(): Promise<void> {
    const server = this.#server as OauthServer;
    const brought = await server.code(this.#client, {}, { browser: this.#browser, person: { login: this.#login } });
    const { access_token, refresh_token = "" } = await server.redeem(this.#client, brought);
    this.#accessToken = access_token;
    this.#refreshToken = refresh_token;
  }

  async #refresh(): Promise<boolean> {
    const server = this.#server as OauthServer;
    const { status, error, tokens } = await server.token({ grant_type: "refresh_token", client_id: this.#client.client.client_id, refresh_token: this.#refreshToken });
    if (status !== 200) {
      this.#asker.tally.lost.push(`${this.#login}: grant: ${status} ${error}`);
      return false;
    }
    this.#accessToken = tokens.access_token;
    this.#refreshToken = tokens.refresh_token;
    return true;
  }

  async #isSignedIn(): Promise<boolean> {
    const { status, headers } = await this.#browser.open("/auth/applications");
    if (status === 200) return true;
    this.#asker.tally.lost.push(`${this.#login}: browser session: ${status} ${headers.get("location") ?? ""}`);
    return false;
  }

  async act(): Promise<void> {
    const server = this.#server as OauthServer;
    const dice = Math.random();
    if (dice < 0.4) {
      await this.#refresh();
    } else if (dice < 0.55) {
      await this.#isSignedIn();
    } else if (dice < 0.65) {
      await server.revoke(this.#client, this.#refreshToken);
      await this.#authorize();
    } else if (dice < 0.75) {
      await this.#authorize();
    } else if (dice < 0.85) {
      await server.introspect(this.#backend, this.#accessToken);
    }
    await this.#asker.expect("grant at the gate", this.#asker.ask("/api/orders", { headers: bearer(this.#accessToken) }), 200);
  }

  async isAlive(): Promise<boolean> {
    const alive = [await this.#refresh(), await this.#isSignedIn()];
    return alive.every(Boolean);
  }
}

/** A program with tokens of another issuer. */
export class Machine implements Person {
  readonly #asker: Asker;
  readonly #issuer: Issuer;

  constructor(asker: Asker, issuer: Issuer) {
    this.#asker = asker;
    this.#issuer = issuer;
  }

  async arrive(): Promise<void> {}

  async act(): Promise<void> {
    const token = await this.#issuer.token("ES256-1");
    for (const path of ["/api/orders", "/who"]) await this.#asker.expect(`machine: ${path}`, this.#asker.ask(path, { headers: bearer(token) }), 200, 204);
    await this.#asker.expect("key set", this.#asker.ask("/.well-known/jwks.json"), 200);
  }

  async isAlive(): Promise<boolean> {
    return true;
  }
}

/** An administrator, who reads everything, and changes what belongs to a user of their own. */
export class Administrator implements Person {
  readonly #asker: Asker;
  readonly #victim: string;
  #token = "";
  #acts = 0;

  constructor(asker: Asker, number: number) {
    this.#asker = asker;
    this.#victim = `victim-${number}@example.com`;
  }

  async #signIn(login: string): Promise<Pair> {
    const answer = await this.#asker.expect("sign-in", this.#asker.post("/auth/login", { login, password: PASSWORD, delivery: "body" }), 200);
    return JSON.parse(answer.text) as Pair;
  }

  async arrive(): Promise<void> {
    await this.#asker.expect("register", this.#asker.post("/auth/register", { login: this.#victim, password: PASSWORD }), 201);
    this.#token = (await this.#signIn(ADMIN)).access_token;
  }

  #get(path: string): Promise<Answer> {
    return this.#asker.expect(`admin: ${path}`, this.#asker.ask(path, { headers: bearer(this.#token) }), 200);
  }

  #change(path: string, body: unknown, ...statuses: number[]): Promise<Answer> {
    return this.#asker.expect(`admin: ${path}`, this.#asker.post(path, body, bearer(this.#token)), ...statuses);
  }

  async act(): Promise<void> {
    this.#acts += 1;
    // An access token lasts ten minutes.
    if (this.#acts % 50 === 0) this.#token = (await this.#signIn(ADMIN)).access_token;
    const reads = ["/admin/users?limit=20", "/admin/keys", "/admin/audit?limit=50", "/admin/routes", "/metrics", "/readyz", `/admin/throttle?login=${encodeURIComponent(this.#victim)}`];
    await this.#get(reads[randomInt(reads.length)] ?? "/admin/keys");
    const { access_token } = await this.#signIn(this.#victim);
    const { sub, sid } = claimsOf(access_token) as { sub: string; sid: string };
    const dice = Math.random();
    if (dice < 0.4) {
      await this.#change("/admin/revocations", { kind: "session", sub, session_id: sid }, 200);
    } else if (dice < 0.7) {
      await this.#change(`/admin/users/${sub}/disable`, undefined, 204, 200);
      await this.#change(`/admin/users/${sub}/enable`, undefined, 204, 200);
    } else if (dice < 0.75) {
      // 409: the next key is not published for long enough.
      await this.#change("/admin/keys/rotate", {}, 200, 202, 409);
      return;
    } else {
      return;
    }
    // What one version revoked the other refuses, in the same moment where a route says so.
    await this.#asker.expect("a revoked session", this.#asker.ask("/strict/orders", { headers: bearer(access_token) }), 401);
  }

  async isAlive(): Promise<boolean> {
    const { status } = await this.#asker.ask("/admin/audit?limit=1", { headers: bearer((await this.#signIn(ADMIN)).access_token) });
    return status === 200;
  }
}
