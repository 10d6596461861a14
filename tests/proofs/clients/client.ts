// What the programs of clients in TypeScript share.
import type { Given } from "./scene.ts";

export const given = JSON.parse(process.env["SCENE"] ?? "null") as Given;

/** What the person does besides signing in and consenting. */
export interface Wishes {
  browser?: string;
  consent?: "allow" | "deny";
  untick?: string[];
}

/** Sends a person to an authorization request, and returns the address at the client that they come back to. */
export async function send(url: URL, wishes: Wishes = {}): Promise<URL> {
  const answer = await fetch(given.person, { method: "POST", body: JSON.stringify({ url: url.href, ...wishes }) });
  const back = (await answer.json()) as { url?: string; error?: string };
  if (back.url === undefined) throw new Error(back.error);
  return new URL(back.url);
}
