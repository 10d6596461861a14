import { Refused, SessionChanged, Unreachable } from "@postern/client";

/** What a user reads of an error; nothing if another user is at work here by now. */
export function wordsFor(error: unknown): string {
  if (error instanceof SessionChanged) return "";
  // `fetch` itself rejects with a TypeError.
  if (error instanceof Unreachable || error instanceof TypeError) return "There is no connection. Please try again.";
  if (error instanceof Refused && error.retryAfter !== undefined) return `Too many attempts. Please try again in ${Math.ceil(error.retryAfter / 1000)} seconds.`;
  return error instanceof Error ? error.message : String(error);
}

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", year: "numeric" });
const moment = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "numeric", minute: "2-digit" });
export const dayOf = (milliseconds: number): string => day.format(milliseconds);
export const momentOf = (seconds: number): string => moment.format(seconds * 1000);
