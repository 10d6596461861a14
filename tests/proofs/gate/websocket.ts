// 10 000 messages there and back, text and binary in turn, through a socket that passes untouched and one that is watched.
import { startPostern, type Postern } from "../../worker/harness.ts";
import { signIn } from "../../worker/support/client.ts";
import { report, type Part } from "./part.ts";

const MESSAGES = 10_000;
const ROUTES = [
  { name: "untouched", path: "/untouched/ws", service: "ORIGIN", strip_prefix: "/untouched" },
  { name: "watched", path: "/watched/ws", service: "ORIGIN", strip_prefix: "/watched", websocket: { close_on_expiry: true, close_on_revocation: true } },
];

interface Echoed {
  back: number;
  wrong: number;
  code: number;
  millis: number;
}

/** A socket that a token opens: Node's client takes headers, which the browsers' type does not know. */
export function openSocket(url: URL, token: string): WebSocket {
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` } } as unknown as string[]);
  socket.binaryType = "arraybuffer";
  return socket;
}

async function echo(postern: Postern, route: string, token: string): Promise<Echoed> {
  const socket = openSocket(new URL(`/${route}/ws`, postern.url.replace("http:", "ws:")), token);
  let [next, wrong, begun] = [-1, 0, 0];
  const closed = new Promise<number>((resolve, reject) => {
    socket.addEventListener("error", () => reject(new Error(`${route}: the socket did not open`)));
    socket.addEventListener("close", ({ code }) => resolve(code));
  });
  socket.addEventListener("message", ({ data }) => {
    // The first one is the origin's greeting.
    if (next < 0) begun = performance.now();
    else {
      const text = typeof data === "string" ? data : Buffer.from(data as ArrayBuffer).toString();
      if (text !== `message ${next}` || (typeof data === "string") !== (next % 2 === 0)) wrong += 1;
    }
    next += 1;
    if (next === MESSAGES) socket.close(4999, "enough");
    else socket.send(next % 2 === 0 ? `message ${next}` : new TextEncoder().encode(`message ${next}`));
  });
  const code = await closed;
  return { back: next, wrong, code, millis: performance.now() - begun };
}

export const websocket: Part = {
  name: "websocket",
  async run() {
    const seen = report();
    const postern = await startPostern({ direct: true, vars: { POSTERN_ROUTES: ROUTES } });
    try {
      const { access_token: token } = await signIn(postern);
      for (const { name } of ROUTES) {
        const { back, wrong, code, millis } = await echo(postern, name, token);
        seen.cases += back;
        const line = `${name}: ${back} of ${MESSAGES} messages back one after the other, ${wrong} wrong, close code ${code}, ${millis.toFixed(0)} ms`;
        (wrong === 0 && back === MESSAGES && code === 4999 ? seen.figures : seen.failures).push(line);
      }
    } finally {
      await postern.dispose();
    }
    return seen;
  },
};
