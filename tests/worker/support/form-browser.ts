// A person's browser, as far as pages without scripts need one: it keeps cookies, follows redirects within Postern's own
// host, fills forms in, and posts them with the headers of a browser. tests/browser has the same pages in a real one.
import type { Postern } from "../harness.ts";
import { cookieHeader, keepCookies } from "./client.ts";
import { ALICE, PASSWORD } from "./config.ts";

/** A sign-in, a consent, and the redirects between them are fewer. */
const MAX_STEPS = 8;

/** A form of a page: where it goes, and what it has without the person's doing. */
export interface Form {
  action: string;
  /** Hidden fields, and check boxes that are ticked. */
  fields: [string, string][];
}

/** What a person does at the pages. */
export interface Person {
  login?: string;
  password?: string;
  /** The answer to the question for consent. */
  consent?: "allow" | "deny";
  /** Scopes that they untick. */
  untick?: readonly string[];
}

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'" };
const text = (html: string): string => html.replace(/&(amp|lt|gt|quot|#39);/g, (whole, name: string) => ENTITIES[name] ?? whole);

function attributes(tag: string): Map<string, string> {
  return new Map([...tag.matchAll(/ ([\w-]+)(?:="([^"]*)")?/g)].map(([, name = "", value = ""]) => [name, text(value)]));
}

/** The form of a page that is posted. */
export function formOf(html: string): Form {
  const [whole, tag = ""] = /<form( [^>]*method="post"[^>]*)>.*?<\/form>/s.exec(html) ?? [];
  if (whole === undefined) throw new Error(`a page without a form: ${html.replace(/<style>.*?<\/style>/s, "")}`);
  const inputs = [...whole.matchAll(/<input([^>]*)>/g)].map(([, input = ""]) => attributes(input));
  const given = inputs.filter((input) => input.get("type") === "hidden" || input.has("checked"));
  return {
    action: attributes(tag).get("action") ?? "",
    fields: given.map((input) => [input.get("name") ?? "", input.get("value") ?? ""]),
  };
}

export class FormBrowser {
  readonly cookies = new Map<string, string>();
  readonly #postern: Postern;

  constructor(postern: Postern) {
    this.#postern = postern;
  }

  async #send(path: string, init: RequestInit = {}): Promise<Response> {
    const headers = { cookie: cookieHeader(this.cookies), "accept-language": "en", ...init.headers };
    const answer = await this.#postern.fetch(path, { ...init, headers });
    keepCookies(answer, this.cookies);
    return answer;
  }

  /** Opens an address. Redirects are answers. */
  open(path: string): Promise<Response> {
    return this.#send(path);
  }

  /** Posts a form. */
  submit(form: Form): Promise<Response> {
    const headers = { origin: this.#postern.url, "sec-fetch-site": "same-origin", "content-type": "application/x-www-form-urlencoded" };
    return this.#send(form.action, { method: "POST", headers, body: new URLSearchParams(form.fields).toString() });
  }

  /** The form of a page, filled in by this person. */
  filled({ action, fields }: Form, { login = ALICE, password = PASSWORD, consent = "allow", untick = [] }: Person = {}): Form {
    switch (action) {
      case "/auth/sign-in":
        return { action, fields: [...fields, ["login", login], ["password", password]] };
      case "/auth/consent":
        return { action, fields: [...fields.filter(([name, value]) => name !== "scope" || !untick.includes(value)), ["answer", consent]] };
      default:
        throw new Error(`a form that no authorization needs: ${action}`);
    }
  }

  /**
   * Opens the address of an authorization request, does what its pages ask for, and returns the address at the client that
   * the browser is sent to.
   */
  async authorize(url: URL | string, person: Person = {}): Promise<URL> {
    const home = this.#postern.url;
    let answer = await this.open(String(url));
    for (let step = 0; step < MAX_STEPS; step += 1) {
      const body = await answer.text();
      if (answer.status === 303) {
        const next = new URL(answer.headers.get("location") ?? "", home);
        if (next.origin !== home) return next;
        answer = await this.open(next.href);
      } else if (answer.status === 200) {
        answer = await this.submit(this.filled(formOf(body), person));
      } else {
        throw new Error(`${answer.status} on the way to the client: ${body.replace(/<style>.*?<\/style>/s, "")}`);
      }
    }
    throw new Error(`no way back to the client in ${MAX_STEPS} steps`);
  }
}
