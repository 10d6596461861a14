// 10 000 messages there and back, text and binary in turn, through a socket that passes untouched and one that is watched.
import { startPostern } from "../worker/harness.ts";

const MESSAGES = 10_000;
const postern = await startPostern({
  direct: true,
  vars: {
    POSTERN_ROUTES: [
      { name: "watched", path: "/watched/ws", service: "ORIGIN", strip_prefix: "/watched", websocket: { close_on_expiry: true, close_on_revocation: true } },
      { name: "untouched", path: "/untouched/ws", service: "ORIGIN", strip_prefix: "/untouched" },
    ],
  },
});
const login = await postern.fetch("/auth/login", {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ login: "alice@example.com", password: "correct horse battery staple", delivery: "body" }),
});
const { access_token } = (await login.json()) as { access_token: string };

let failed = 0;
try {
  for (const route of ["untouched", "watched"]) {
    const url = new URL(`/${route}/ws`, postern.url.replace("http:", "ws:"));
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${access_token}` } } as unknown as string[]);
    socket.binaryType = "arraybuffer";
    let [next, wrong, begun] = [-1, 0, 0];
    const closed = new Promise<number>((resolve, reject) => {
      socket.addEventListener("error", () => reject(new Error(`${route}: the socket did not open`)));
      socket.addEventListener("close", ({ code }) => resolve(code));
    });
    socket.addEventListener("message", ({ data }) => {
      // The first one is the origin's greeting.
      if (next < 0) begun = Date.now();
      else {
        const text = typeof data === "string" ? data : Buffer.from(data as ArrayBuffer).toString();
        if (text !== `message ${next}` || (typeof data === "string") !== (next % 2 === 0)) wrong += 1;
      }
      next += 1;
      if (next === MESSAGES) socket.close(4999, "enough");
      else socket.send(next % 2 === 0 ? `message ${next}` : new TextEncoder().encode(`message ${next}`));
    });
    const code = await closed;
    if (wrong > 0 || next !== MESSAGES || code !== 4999) failed += 1;
    console.log(`${route}: ${next} of ${MESSAGES} messages back, ${wrong} wrong, close code ${code}, ${Date.now() - begun} ms`);
  }
} finally {
  await postern.dispose();
}
process.exitCode = failed === 0 ? 0 : 1;
