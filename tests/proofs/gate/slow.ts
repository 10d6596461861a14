// One origin that takes 4 s for each answer while 1 000 clients wait for it, and others ask a fast origin meanwhile: every
// request gets its own answer, and the fast ones do not wait for the slow ones. All over the loopback interface, once.
import { Agent, request } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { once } from "node:events";
import { startPostern } from "../../worker/harness.ts";
import { bearer, signIn } from "../../worker/support/client.ts";
import { settings } from "../../worker/support/config.ts";
import { report, type Part, type Report } from "./part.ts";

const SLOW_MS = 4_000;
const CONNECTIONS = 1_000;
/** Clients of the fast origin. Each asks again as soon as it is answered, for as long as a slow answer is outstanding. */
const FAST = 8;
/** A fast answer that takes longer than half of a slow one has waited for something that is none of its business. */
const FAST_MS = SLOW_MS / 2;
/** What waits longer than this is lost. */
const LOST_MS = 60_000;

/** Answers each request with the number in its path, after a while. */
async function origin(afterMs: number): Promise<{ url: string; stop(): Promise<void> }> {
  const server: Server = createServer((socket) => {
    let head = "";
    socket.on("error", () => {});
    socket.on("data", (chunk) => {
      head += chunk.toString("latin1");
      if (!head.includes("\r\n\r\n")) return;
      const number = /\/(\d+) /.exec(head)?.[1] ?? "none";
      head = "";
      setTimeout(() => socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${number.length}\r\n\r\n${number}`), afterMs);
    });
  });
  server.listen({ port: 0, host: "127.0.0.1", backlog: 2 * CONNECTIONS });
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.close();
    },
  };
}

interface Answer {
  text: string;
  tookMs: number;
}

export async function playSlow(connections: number): Promise<Report> {
  const seen = report();
  const [slow, fast] = [await origin(SLOW_MS), await origin(0)];
  const postern = await startPostern({
    direct: true,
    vars: settings({}, [
      { name: "slow-origin", path: "/slow/{number}", strip_prefix: "/slow", upstream: slow.url },
      { name: "fast-origin", path: "/fast/{number}", strip_prefix: "/fast", upstream: fast.url },
    ]),
  });
  const agents = { slow: new Agent({ keepAlive: true, maxSockets: connections }), fast: new Agent({ keepAlive: true, maxSockets: FAST }) };
  try {
    const headers = bearer((await signIn(postern)).access_token);
    const ask = (kind: "slow" | "fast", number: number) =>
      new Promise<Answer>((resolve) => {
        const begun = performance.now();
        const done = (text: string) => resolve({ text, tookMs: performance.now() - begun });
        const call = request(new URL(`/${kind}/${number}`, postern.url), { agent: agents[kind], headers, timeout: LOST_MS }, (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (part: string) => (text += part));
          answer.on("end", () => done(answer.statusCode === 200 ? text : `status ${answer.statusCode}`));
          answer.on("error", (error) => done(String(error)));
        });
        call.on("timeout", () => call.destroy(new Error("lost")));
        call.on("error", (error) => done(String(error)));
        call.end();
      });
    const judge = (kind: string, number: number, { text }: Answer) => {
      seen.cases += 1;
      if (text !== String(number)) seen.failures.push(`${kind} ${number} was answered: ${text.slice(0, 80)}`);
    };
    // One of each first: keys are fetched, code is compiled.
    for (const kind of ["slow", "fast"] as const) judge(kind, 0, await ask(kind, 0));

    let waiting = connections;
    const slowTimes: number[] = [];
    const fastTimes: number[] = [];
    const slowOnes = Array.from({ length: connections }, async (_, index) => {
      const answer = await ask("slow", index);
      waiting -= 1;
      judge("slow", index, answer);
      slowTimes.push(answer.tookMs);
    });
    const fastOnes = Array.from({ length: FAST }, async (_, client) => {
      for (let turn = 0; waiting > 0; turn += 1) {
        const number = client * 1_000_000 + turn;
        const answer = await ask("fast", number);
        judge("fast", number, answer);
        fastTimes.push(answer.tookMs);
        // A client that thinks for a moment: this machine's few cores are for the slow ones too.
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    });
    await Promise.all([...slowOnes, ...fastOnes]);
    const sorted = (list: number[]) => list.toSorted((a, b) => a - b);
    const at = (list: number[], part: number) => Math.round(sorted(list)[Math.min(list.length - 1, Math.floor(list.length * part))] ?? 0);
    if (at(fastTimes, 0.99) > FAST_MS) seen.failures.push(`one in a hundred fast answers took more than ${FAST_MS} ms: ${at(fastTimes, 0.99)} ms`);
    seen.figures.push(`${connections} connections at an origin of ${SLOW_MS} ms: median ${at(slowTimes, 0.5)} ms, longest ${at(slowTimes, 1)} ms`);
    seen.figures.push(`${fastTimes.length} requests beside them: median ${at(fastTimes, 0.5)} ms, 99 % within ${at(fastTimes, 0.99)} ms, longest ${at(fastTimes, 1)} ms`);
    const faults = postern.logs.filter((line) => line.includes('"event":"fault"'));
    for (const line of faults.slice(0, 5)) seen.failures.push(line);
  } finally {
    for (const agent of Object.values(agents)) agent.destroy();
    await postern.dispose();
    await slow.stop();
    await fast.stop();
  }
  return seen;
}

export const slow: Part = { name: "slow", run: () => playSlow(CONNECTIONS) };
