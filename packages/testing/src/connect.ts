// A Postern that another process started: for Playwright's workers, Jest's, and tests inside workerd.
import { KitError, Postern, type Connection } from "./handle.ts";

/** The Postern of this connection, with all its calls; only the process that started it can stop it. */
export function connectPostern(connection: Connection): Postern {
  return new Postern(connection, async (command, given) => {
    const headers = { authorization: `Bearer ${connection.secret}`, "content-type": "application/json" };
    const response = await fetch(connection.control, { method: "POST", headers, body: JSON.stringify({ ...given, command }) });
    const answer = (await response.json()) as { error: string };
    if (!response.ok) throw new KitError(answer.error);
    return answer as never;
  });
}

export { KitError, Postern } from "./handle.ts";
export type { Connection, Duration, IssuerHandle, Mail, PosternEvent, SignIn, User, UserSpec } from "./handle.ts";
export type { Cookie, Session } from "./session.ts";
export { BROKEN, type Broken, type Claims } from "./tokens.ts";
