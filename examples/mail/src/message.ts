// Reads the messages of Postern: docs/reference/users.md#messages-to-users.
import type { Language } from "./texts.ts";
import { isLanguage } from "./texts.ts";

export interface Message {
  kind: "reset_password" | "verify_email";
  /** The address of the user. */
  login: string;
  /** The one-time token, as the user can paste it. */
  token: string;
  /** The page with the token in its fragment, if there is one. */
  link: string | undefined;
  /** In seconds. */
  expiresIn: number;
  language: Language;
}

/** A message that no further try can deliver. The reason has nothing of the message in it, so it can be logged. */
export class Undeliverable extends Error {}

// Stricter than RFC 5321, which allows quoted local parts: one address, without a character that could end the address, add
// a second one, or begin a header.
const ADDRESS = /^[^\s@<>()[\]\\,;:"\p{C}]{1,64}@[^\s@<>()[\]\\,;:"\p{C}]{1,253}$/u;

const TOKEN = /^[\w-]{1,512}$/;

/** Reads a message, or throws Undeliverable. */
export function read(given: unknown): Message {
  const { kind, login, token, link, expires_in: expiresIn, language } = (given ?? {}) as Record<string, unknown>;
  // A later version may send kinds for which there is no text here.
  if (kind !== "reset_password" && kind !== "verify_email") throw new Undeliverable("the kind is unknown");
  if (typeof login !== "string" || !ADDRESS.test(login)) throw new Undeliverable("the login is no address");
  if (typeof token !== "string" || !TOKEN.test(token)) throw new Undeliverable("there is no token");
  if (typeof expiresIn !== "number" || !(expiresIn > 0)) throw new Undeliverable("there is no expires_in");
  return { kind, login, token, link: pageOf(link), expiresIn, language: isLanguage(language) ? language : "en" };
}

/** The link, if it is one to a page. Mail programs make nothing else of it than what stands here. */
function pageOf(link: unknown): string | undefined {
  if (link === undefined) return undefined;
  const url = typeof link === "string" ? URL.parse(link) : null;
  const isLocal = url?.protocol === "http:" && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (!url || (url.protocol !== "https:" && !isLocal)) throw new Undeliverable("the link is no https address");
  return url.href;
}
