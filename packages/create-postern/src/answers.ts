// The three questions: from the command line, or on the terminal.
import { Failed } from "./failed.ts";

/** What the folder is made from. */
export interface Answers {
  /** The URL of the deployment. */
  issuer: string;
  users: Users;
  upstream: Upstream;
}

/** Whose users the API has. */
export type Users = { kind: "own" } | { kind: "issuer"; issuer: string; audience: string };

/** What is behind the gate. */
export type Upstream = { kind: "demo" } | { kind: "url"; url: string };

/** What the command line says, where it says something. */
export interface Given {
  issuer?: string | undefined;
  users?: string | undefined;
  audience?: string | undefined;
  upstream?: string | undefined;
}

/** Asks one question; the answer as it was typed, without spaces around it. */
export type Ask = (question: string) => Promise<string>;

const DEFAULT_ISSUER = "https://auth.example.com";

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** The URL of the deployment. */
export function readIssuer(text: string): string {
  const url = parseUrl(text);
  const isPlain = url?.protocol === "https:" && url.username === "" && url.search === "" && url.hash === "" && url.host === url.host.toLowerCase();
  if (!isPlain || text !== `https://${url.host}`) throw new Failed(`the issuer address ${JSON.stringify(text)} is not like https://auth.example.com: https, a host in lower case, no path, no slash at the end`);
  return text;
}

/** `own`, or the issuer of the tokens. */
export function readUsers(text: string, audience: string | undefined): Users {
  if (text === "own") {
    if (audience !== undefined) throw new Failed("--audience belongs to another issuer's tokens: pass --users https://...");
    return { kind: "own" };
  }
  const url = parseUrl(text);
  if (url?.protocol !== "https:" || url.search !== "" || url.hash !== "") throw new Failed(`the users ${JSON.stringify(text)} must be "own", or another issuer's URL, such as https://id.example.com/realms/acme, exactly as in its tokens`);
  if (audience === undefined || audience.trim() === "") throw new Failed("another issuer's tokens need --audience: the value of aud in its access tokens for your API");
  return { kind: "issuer", issuer: text, audience };
}

/** `demo`, or the API's URL. */
export function readUpstream(text: string): Upstream {
  if (text === "demo") return { kind: "demo" };
  const url = parseUrl(text);
  if (url === undefined || !["http:", "https:"].includes(url.protocol) || url.search !== "" || url.hash !== "" || url.username !== "") {
    throw new Failed(`the upstream ${JSON.stringify(text)} must be "demo", or your API's URL, such as http://127.0.0.1:3000 or https://origin.example.com`);
  }
  return { kind: "url", url: text.replace(/\/+$/, "") };
}

/** Asks until the answer can be read. */
async function until<T>(ask: Ask, question: string, standard: string, read: (text: string) => T | Promise<T>, say: (text: string) => void): Promise<T> {
  for (;;) {
    const text = (await ask(`${question} (${standard}): `)) || standard;
    try {
      return await read(text);
    } catch (error) {
      if (!(error instanceof Failed)) throw error;
      say(`  ${error.message}`);
    }
  }
}

/** The answers. Without `ask`, the defaults stand for what the command line does not say. */
export async function answers(given: Given, ask: Ask | undefined, say: (text: string) => void): Promise<Answers> {
  // What was given is judged first: nothing is asked before a mistake of the command line.
  const of = {
    issuer: given.issuer === undefined ? undefined : readIssuer(given.issuer),
    users: given.users === undefined && given.audience === undefined ? undefined : readUsers(given.users ?? "own", given.audience),
    upstream: given.upstream === undefined ? undefined : readUpstream(given.upstream),
  };
  if (ask === undefined) {
    return { issuer: of.issuer ?? DEFAULT_ISSUER, users: of.users ?? { kind: "own" }, upstream: of.upstream ?? { kind: "demo" } };
  }
  const issuer = of.issuer ?? (await until(ask, "Where will Postern run? Its address, the issuer of its tokens", DEFAULT_ISSUER, readIssuer, say));
  const users =
    of.users ??
    (await until(
      ask,
      'Whose users? "own", or the URL of an issuer that you have',
      "own",
      async (text) => readUsers(text, text === "own" ? undefined : await ask("  The audience (aud) of its access tokens for your API: ")),
      say,
    ));
  const upstream = of.upstream ?? (await until(ask, 'What is behind the gate? "demo", or the URL of your API', "demo", readUpstream, say));
  return { issuer, users, upstream };
}
