// A user with an app: calls an API, refreshes, signs in again where that ends.
import { setTimeout as delay } from "node:timers/promises";
import { PASSWORD } from "../../worker/support/config.ts";
import type { Tokens } from "../../worker/support/client.ts";
import type { Stage } from "./stage.ts";

/** What became of requests. */
export class Tally {
  passed = 0;
  /** 4xx: a rule said no. */
  refused = 0;
  /** 5xx: a part of ours or behind us failed. */
  failed = 0;
  /** While a version is exchanged for another on this machine. */
  unanswered = 0;

  note(status: number | undefined): void {
    if (status === undefined) this.unanswered += 1;
    else if (status >= 500) this.failed += 1;
    else if (status >= 400) this.refused += 1;
    else this.passed += 1;
  }

  toString(): string {
    const parts = [`${this.passed} passed`, `${this.refused} refused`, `${this.failed} failed`];
    if (this.unanswered > 0) parts.push(`${this.unanswered} while restarting`);
    return parts.join(", ");
  }
}

const PAUSE_MS = 1000;
/** Calls between two refreshes. */
const REFRESH_AFTER = 40;

export class User {
  readonly login: string;
  password = PASSWORD;
  tokens: (Tokens & { refresh_token: string }) | undefined;
  #deviceToken: string | undefined;
  readonly #stage: Stage;
  readonly #ip: string;
  signIns = 0;
  /** Whether a refresh is to be done. */
  #due = false;

  constructor(stage: Stage, number: number) {
    this.#stage = stage;
    this.login = `user-${number}@example.com`;
    this.#ip = `203.0.113.${number}`;
  }

  #post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> {
    return this.#stage.fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", "cf-connecting-ip": this.#ip, ...headers },
      body: JSON.stringify(body),
    });
  }

  async join(): Promise<void> {
    const made = await this.#post("/auth/register", { login: this.login, password: this.password });
    if (made.status >= 300) throw new Error(`register: ${made.status} ${await made.text()}`);
    await made.text();
    if ((await this.signIn()) !== 200) throw new Error("the user cannot sign in");
  }

  async signIn(): Promise<number> {
    const device = this.#deviceToken === undefined ? {} : { device_token: this.#deviceToken };
    const response = await this.#post("/auth/login", { login: this.login, password: this.password, delivery: "body", ...device });
    const body = await response.text();
    if (response.status === 200) {
      this.tokens = JSON.parse(body) as Tokens & { refresh_token: string };
      this.#deviceToken = this.tokens.device_token ?? this.#deviceToken;
      this.signIns += 1;
    }
    return response.status;
  }

  async refresh(): Promise<number> {
    const response = await this.#post("/auth/refresh", { refresh_token: this.tokens?.refresh_token });
    const body = await response.text();
    if (response.status === 200) this.tokens = JSON.parse(body) as Tokens & { refresh_token: string };
    return response.status;
  }

  async changePassword(password: string): Promise<number> {
    const response = await this.#post(
      "/auth/password",
      { current_password: this.password, new_password: password },
      { authorization: `Bearer ${this.tokens?.access_token}` },
    );
    await response.text();
    if (response.status < 300) this.password = password;
    return response.status;
  }

  call(): Promise<Response> {
    return this.#stage.fetch("/api/orders", { headers: { authorization: `Bearer ${this.tokens?.access_token}`, "cf-connecting-ip": this.#ip } });
  }

  async live(stop: AbortSignal, call: (() => Promise<Response>) | undefined): Promise<void> {
    for (let turn = 1; !stop.aborted; turn += 1) {
      await this.#turn(turn, call).catch(() => this.#stage.honest.note(undefined));
      await delay(PAUSE_MS);
    }
  }

  async #turn(turn: number, call: (() => Promise<Response>) | undefined): Promise<void> {
    const response = await (call === undefined ? this.call() : call());
    await response.text();
    this.#stage.honest.note(response.status);
    if ((call === undefined && response.status === 401) || turn % REFRESH_AFTER === 0) this.#due = true;
    if (!this.#due) return;
    const status = await this.refresh();
    this.#stage.honest.note(status);
    // After a failure of ours the app comes again.
    this.#due = status >= 500;
    // Over: the app asks for the password.
    if (status < 500 && status !== 200) this.#stage.honest.note(await this.signIn());
  }
}
