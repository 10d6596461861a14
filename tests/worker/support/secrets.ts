// What a client learned that no log may repeat: noted from requests and answers as they pass, looked for at the end.
import type { Postern } from "../harness.ts";
import { noteSecret } from "./run.ts";
import { SESSION_COOKIE } from "./client.ts";

/** Members of requests and answers whose values are secret. */
const SECRET_MEMBERS = [
  "access_token",
  "refresh_token",
  "csrf_token",
  "device_token",
  "password",
  "new_password",
  "current_password",
  "token",
];
/** And of forms. An error has a `code`, too, which is no secret. */
const SECRET_FIELDS = [...SECRET_MEMBERS, "form_token", "code", "code_verifier", "client_secret"];
/** Shorter values occur by chance. */
const SHORTEST = 8;

export class Secrets {
  readonly #values = new Set<string>();

  add(value: string): void {
    if (value.length < SHORTEST || this.#values.has(value)) return;
    this.#values.add(value);
    noteSecret(value);
  }

  /** Notes an access token and its signature by itself, which is what makes it worth stealing. */
  addToken(token: string): void {
    this.add(token);
    this.add(token.split(".")[2] ?? "");
  }

  noteJson(text: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return;
    }
    if (typeof parsed !== "object" || parsed === null) return;
    for (const [name, value] of Object.entries(parsed)) {
      if (SECRET_MEMBERS.includes(name) && typeof value === "string") this.addToken(value);
    }
  }

  noteForm(fields: URLSearchParams): void {
    for (const [name, value] of fields) if (SECRET_FIELDS.includes(name)) this.addToken(value);
  }

  noteCookies(response: Response): void {
    for (const line of response.headers.getSetCookie()) {
      // The session's id, which the log has.
      if (!line.startsWith(`${SESSION_COOKIE}=`)) this.add(line.slice(line.indexOf("=") + 1).split(";")[0] ?? "");
    }
  }

  /** The secrets that occur in the text, each shortened: a failing test is no place for them either. */
  foundIn(text: string): string[] {
    const known = [...this.#values].filter((value) => text.includes(value));
    const alike = text.match(/p(?:rt|ot|ac)_[\w-]{20,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}|"(?:d|p|q|dp|dq|qi)":"[\w-]{20,}"/g) ?? [];
    return [...known, ...alike].map((secret) => `${secret.slice(0, 12)}... (${secret.length} characters)`);
  }

  get size(): number {
    return this.#values.size;
  }
}

/** The same instance, whose traffic is noted. */
export function noting(postern: Postern, secrets: Secrets): Postern {
  return {
    ...postern,
    // Spread copies a getter's value; the list itself grows, so it stays the same list.
    logs: postern.logs,
    async fetch(path, init) {
      const isForm = new Headers(init?.headers).get("content-type")?.startsWith("application/x-www-form-urlencoded");
      if (init?.body instanceof URLSearchParams) secrets.noteForm(init.body);
      else if (typeof init?.body === "string" && isForm) secrets.noteForm(new URLSearchParams(init.body));
      else if (typeof init?.body === "string") secrets.noteJson(init.body);
      const authorization = new Headers(init?.headers).get("authorization");
      if (authorization?.startsWith("Bearer ")) secrets.addToken(authorization.slice("Bearer ".length));
      const response = await postern.fetch(path, init);
      secrets.noteCookies(response);
      if (response.headers.get("content-type")?.includes("json")) secrets.noteJson(await response.clone().text());
      return response;
    },
  };
}
