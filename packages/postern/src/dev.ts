// `postern dev`: Postern on this machine, with what belongs before it: a free port, settings without mistakes, migrations.
import { spawnSync } from "node:child_process";
import { createServer } from "node:net";
import { relative } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { migrateLocal } from "./migrate.ts";
import { Failed, ended, settingsFile, wrangler } from "./wrangler.ts";

/** What to run. */
export interface DevOptions {
  port: string;
  /** The first is Postern's, the others are Workers behind it. */
  configs: string[];
  /** A protected path to call first. */
  path: string | undefined;
  /** The issuer whose access tokens that path takes. Without it, Postern's own. */
  issuer: string | undefined;
}

const HOST = "127.0.0.1";

function isFree(port: number): Promise<boolean> {
  const server = createServer();
  return new Promise((done) => {
    server.once("error", () => done(false));
    server.listen(port, HOST, () => server.close(() => done(true)));
  });
}

async function checkPort(text: string): Promise<number> {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65535) throw new Failed(`--port ${text} is not a port: it must be a number from 1 to 65535`);
  if (await isFree(port)) return port;
  for (let other = port + 1; other <= Math.min(port + 20, 65535); other += 1) {
    if (await isFree(other)) throw new Failed(`port ${port} is in use by another program. Choose a free one: npm run dev -- --port ${other}`);
  }
  throw new Failed(`port ${port} is in use by another program. Choose a free one: npm run dev -- --port NUMBER`);
}

/** Mistakes are reported before wrangler starts, which ignores them. */
function checkSettings(file: string): void {
  const program = fileURLToPath(new URL("./postern.js", import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, "config", "check", relative(process.cwd(), file), "--local"], { encoding: "utf8" });
  if (status !== 0) throw new Failed(`the settings have mistakes, so nothing was started\n${stdout}${stderr}`.trimEnd());
}

/** The lines that call a protected path, for bash and zsh. No comments: a zsh at a prompt would run them. */
function firstCall(base: string, path: string, issuer: string | undefined): string {
  const call = `  curl -s -w '\\n' ${base}${path} -H "Authorization: Bearer $token"`;
  if (issuer !== undefined) {
    return `Call ${path} with an access token of ${issuer}:\n\n  token=...\n${call}\n\nIs it refused? This says why: printf %s "$token" | npx postern token inspect --local`;
  }
  const body = '{"login": "alice@example.com", "password": "correct horse battery staple", "delivery": "body"}';
  return [
    `The first call, in another terminal: sign in as the demo user Alice, then call ${path}.`,
    "",
    `  token=$(curl -s ${base}/auth/login -H 'Content-Type: application/json' -d '${body}' | sed -n 's/.*"access_token": *"\\([^"]*\\)".*/\\1/p')`,
    call,
  ].join("\n");
}

/** Prints the first call when the Worker answers. */
async function announce(base: string, { path, issuer }: DevOptions, stopped: AbortSignal): Promise<void> {
  while (!stopped.aborted) {
    const answer = await fetch(`${base}/healthz`, { signal: AbortSignal.any([stopped, AbortSignal.timeout(5000)]) }).catch(() => undefined);
    if (answer?.status === 200) {
      const text = path === undefined ? "" : ` ${firstCall(base, path, issuer)}\n`;
      process.stdout.write(`\nPostern answers at ${base}.${text}\nCtrl-C stops it.\n\n`);
      return;
    }
    await delay(200);
  }
}

/** Runs until Ctrl-C; the exit code. */
export async function dev(options: DevOptions): Promise<number> {
  const port = await checkPort(options.port);
  const files = options.configs.map(settingsFile);
  const [own] = files;
  if (own === undefined) throw new Failed("-c needs a file");
  checkSettings(own);
  await migrateLocal(own);
  const configs = files.flatMap((file) => ["-c", file]);
  const child = wrangler(["dev", ...configs, "--ip", HOST, "--port", String(port), "--show-interactive-dev-session=false"], "inherit", {
    // Wrangler would fetch a sample of `request.cf` from its maker.
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
  });
  // Ctrl-C reaches wrangler too, which ends first.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  const stopped = new AbortController();
  const announced = announce(`http://${HOST}:${port}`, options, stopped.signal);
  const { code } = await ended(child);
  stopped.abort();
  await announced;
  return code === 130 ? 0 : code;
}
