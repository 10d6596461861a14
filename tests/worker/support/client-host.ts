// The hosts of clients with a metadata document: names of the public internet that this process plays (`outbound`).
import { Response as HostAnswer, type Request as HostRequest } from "miniflare";
import type { JsonObject } from "./jwt.ts";

/** What a host answers at an address. */
export type Answer = (request: HostRequest) => HostAnswer | Promise<HostAnswer>;

export class ClientHosts {
  /** The requests that came, as `METHOD URL`, with their headers. */
  readonly asked: { line: string; headers: Record<string, string> }[] = [];
  readonly #answers = new Map<string, Answer>();

  /** Serves a document of this client. */
  serve(clientId: string, more: JsonObject = {}, headers: Record<string, string> = {}): void {
    const document = {
      client_id: clientId,
      client_name: "A client with a document",
      redirect_uris: [new URL("/callback", clientId).href, "http://127.0.0.1/callback"],
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      token_endpoint_auth_method: "none",
      ...more,
    };
    this.answer(clientId, () => new HostAnswer(JSON.stringify(document), { headers: { "content-type": "application/json", ...headers } }));
  }

  /** Answers at this address so. */
  answer(url: string, answer: Answer): void {
    this.#answers.set(url, answer);
  }

  /** How often an address was asked for. */
  count(url: string): number {
    return this.asked.filter(({ line }) => line.endsWith(` ${url}`)).length;
  }

  /** For `outbound`. A name without an answer does not resolve. */
  readonly outbound = (request: HostRequest): HostAnswer | Promise<HostAnswer> => {
    this.asked.push({ line: `${request.method} ${request.url}`, headers: Object.fromEntries(request.headers) });
    const answer = this.#answers.get(request.url);
    if (!answer) throw new Error("the name does not resolve");
    return answer(request);
  };
}
