// `make dev TLS=1`, for browsers that keep no Secure cookie of plain http: it starts, and a page signs in and stays so.
// And what a development proxy in front of it does to the page's origin.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { request } from "node:https";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ALICE, PASSWORD } from "../worker/support/config.ts";
import { closedPort } from "../worker/support/origin.ts";
import { launch, signInByForm } from "./scene.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
let port: number;
let dev: ChildProcess;
let output = "";

function send(method: string, path: string, headers: Record<string, string> = {}, body = ""): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: "127.0.0.1", port, method, path, headers, rejectUnauthorized: false, agent: false }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body: text }));
    });
    sent.on("error", reject).end(body);
  });
}

beforeAll(async () => {
  port = await closedPort();
  // A group of its own, as a terminal has it: all of it ends by one signal.
  dev = spawn("scripts/dev.sh", [String(port)], { cwd: root, env: { ...process.env, TLS: "1" }, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  for (const stream of [dev.stdout!, dev.stderr!]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const up = () => send("GET", "/healthz").then(({ status }) => status, () => 0);
  for (let tries = 0; tries < 600 && dev.exitCode === null && (await up()) !== 200; tries += 1) await new Promise((resolve) => setTimeout(resolve, 300));
  expect(await up(), output).toBe(200);
}, 240_000);

afterAll(async () => {
  if (dev.exitCode !== null) return;
  const ended = once(dev, "exit");
  process.kill(-dev.pid!, "SIGINT");
  await ended;
});

test("over TLS a page stays signed in after a reload", async () => {
  const browser = await launch();
  try {
    const context = await browser.newContext({ ignoreHTTPSErrors: true });
    const page = await context.newPage();
    await signInByForm(page, `https://localhost:${port}/app/`);
    await page.reload();
    await page.waitForSelector("#orders li");
    expect((await context.cookies()).map(({ name }) => name).sort()).toEqual(["__Host-postern_session", "__Secure-postern_csrf", "__Secure-postern_device", "__Secure-postern_refresh"]);
  } finally {
    await browser.close();
  }
});

// One that changes Host makes Postern another origin.
test("a proxy that leaves Host makes the page same-origin", async () => {
  const login = (host: string, origin: string) =>
    send("POST", "/auth/login", { host, origin, "content-type": "application/json" }, JSON.stringify({ login: ALICE, password: PASSWORD, delivery: "body" }));
  expect((await login("localhost:5173", "https://localhost:5173")).status).toBe(200);
  const changed = await login(`localhost:${port}`, "https://localhost:5173");
  expect([changed.status, changed.body]).toEqual([403, expect.stringContaining("cross_origin")]);
  await expect.poll(() => output).toContain("https://localhost:5173");
});
