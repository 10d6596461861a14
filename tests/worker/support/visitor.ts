// A browser without a browser: cookies, and the form of the page that is shown. Proofs without vitest use it too.
import type { Running } from "./postern.ts";

type Site = Pick<Running, "fetch" | "url">;

/** A browser's cookies, and the form of the page that it shows. */
export class Visitor {
  readonly cookies = new Map<string, string>();
  page = "";
  readonly #postern: () => Site;

  constructor(postern: () => Site) {
    this.#postern = postern;
  }

  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
    const headers = { ...(init.headers as Record<string, string>), ...(cookie && { cookie }) };
    const answer = await this.#postern().fetch(path, { ...init, headers, redirect: "manual" });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (line.includes("Max-Age=0")) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    this.page = answer.headers.get("content-type")?.startsWith("text/html") ? await answer.clone().text() : "";
    return answer;
  }

  /** Posts the form that is shown. */
  post(path: string, entries: Record<string, string>): Promise<Response> {
    const form = new URLSearchParams(entries);
    for (const [, name = "", value = ""] of this.page.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)) form.append(name, value.replaceAll("&amp;", "&"));
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: new URL(this.#postern().url).origin };
    return this.fetch(path, { method: "POST", body: form.toString(), headers });
  }

  async fill(path: string, entries: Record<string, string>): Promise<Response> {
    const { status } = await this.fetch(path);
    if (status !== 200) throw new Error(`${path}: ${status}`);
    return this.post(path.split("?")[0] ?? path, entries);
  }
}
