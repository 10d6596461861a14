// The client in a program without pages: run.ts runs it in Node, Deno and Bun against a real Postern.
import { memory, Refused, Session, Unreachable } from "@postern/client";

const { argv, exit } = globalThis.process;
const [url, login, password] = argv.slice(2);
const equal = (found, wanted, what) => {
  if (JSON.stringify(found) !== JSON.stringify(wanted)) throw new Error(`${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
};

const storage = memory();
const session = new Session({ url, storage });
await session.signIn({ login, password, deviceName: "a program" });
equal((await session.fetch("/api/orders")).status, 200, "the answer of the API");
equal((await session.me()).login, login, "the user");
// As after a restart.
const next = new Session({ url, storage });
equal((await next.start()).sessionId, session.state.sessionId, "the session after a restart");
equal((await next.fetch(new Request(`${url}/api/orders`, { method: "POST", body: JSON.stringify({ item: "a book" }), headers: { "content-type": "application/json" } }))).ok, true, "a Request");
equal((await next.sessions()).filter((one) => one.current).length, 1, "the sessions");
await next.signOut();
equal((await new Session({ url, storage }).start()).status, "signed-out", "the state after the sign-out");
equal(await session.signIn({ login, password: "wrong" }).catch((error) => error instanceof Refused && error.code), "invalid_credentials", "a wrong password");
equal(await new Session({ url: "http://127.0.0.1:1", storage: memory() }).signIn({ login, password }).catch((error) => error instanceof Unreachable), true, "no server");
console.log("passed");
// Nothing is left that would keep the program alive: it ends by itself, or the caller's time-out fails it.
void exit;
