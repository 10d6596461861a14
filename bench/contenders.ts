// The three that are compared: each started in a workerd of its own through Miniflare, each spoken to by the same client.
import { createHash, randomBytes } from "node:crypto";
import { Agent, request } from "node:http";
import { Log, LogLevel } from "miniflare";
import { startPostern } from "../tests/worker/harness.ts";
import { PASSWORD, settings } from "../tests/worker/support/config.ts";
import { startWorkerd } from "../tests/worker/support/workerd.ts";
import { peerScript } from "./bundle.ts";

export interface Refreshed {
  status: number;
  /** The successor, if there is one. */
  token: string | undefined;
}

export interface Contender {
  name: string;
  version: string;
  /** Signs somebody new in and gives his refresh token. */
  open(): Promise<string>;
  refresh(token: string): Promise<Refreshed>;
  dispose(): Promise<void>;
}

interface Reply {
  status: number;
  text: string;
}

/** Keeps its connections, as a busy proxy in front of a Worker would. */
const agent = new Agent({ keepAlive: true, maxSockets: 64 });

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";

function send(url: string, type: string, body: string): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const call = request(url, { method: "POST", agent, headers: { "content-type": type, "content-length": Buffer.byteLength(body) } });
    call.on("error", reject);
    call.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("error", reject);
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    call.end(body);
  });
}

const form = (members: Record<string, string>): string => new URLSearchParams(members).toString();

function refreshed({ status, text }: Reply): Refreshed {
  if (status !== 200) return { status, token: undefined };
  return { status, token: (JSON.parse(text) as { refresh_token?: string }).refresh_token };
}

function tokenIn(reply: Reply): string {
  const { token } = refreshed(reply);
  if (token === undefined) throw new Error(`no refresh token: ${reply.status} ${reply.text}`);
  return token;
}

let opened = 0;

export async function postern(): Promise<Contender> {
  const running = await startPostern({
    origin: false,
    // Sign-ins are not measured: the cheapest password hash that the local profile permits.
    vars: settings({ POSTERN_REGISTRATION: "open", POSTERN_PASSWORD: { memory_kib: 32, iterations: 1 } }),
  });
  return {
    name: "Postern",
    version: "",
    async open() {
      opened += 1;
      const login = `user-${opened}@example.com`;
      const registered = await send(`${running.url}/auth/register`, JSON_TYPE, JSON.stringify({ login, password: PASSWORD }));
      if (registered.status !== 201) throw new Error(`registering: ${registered.status} ${registered.text}`);
      const body = JSON.stringify({ login, password: PASSWORD, delivery: "body" });
      return tokenIn(await send(`${running.url}/auth/login`, JSON_TYPE, body));
    },
    refresh: async (token) =>
      refreshed(await send(`${running.url}/auth/refresh`, JSON_TYPE, JSON.stringify({ refresh_token: token }))),
    dispose: () => running.dispose(),
  };
}

/** A peer's Worker, bundled as wrangler would, under the compatibility date of Postern's. */
async function peer(file: string, namespace: string): Promise<{ url: string; dispose(): Promise<void> }> {
  // What it prints is read and dropped, as Postern's is read.
  const miniflare = startWorkerd({
    log: new Log(LogLevel.ERROR),
    workers: [
      {
        modules: [{ type: "ESModule", path: file, contents: await peerScript(file) }],
        compatibilityDate: "2026-07-01",
        compatibilityFlags: ["nodejs_compat"],
        kvNamespaces: [namespace],
      },
    ],
  });
  return { url: (await miniflare.ready).origin, dispose: () => miniflare.dispose() };
}

export async function workersOauthProvider(version: string): Promise<Contender> {
  const { url, dispose } = await peer("workers-oauth-provider.js", "OAUTH_KV");
  const { clientId } = JSON.parse((await send(`${url}/client`, JSON_TYPE, "")).text) as { clientId: string };
  return {
    name: "@cloudflare/workers-oauth-provider",
    version,
    async open() {
      opened += 1;
      const verifier = randomBytes(32).toString("base64url");
      const query = form({
        response_type: "code",
        client_id: clientId,
        redirect_uri: "https://client.example.test/callback",
        scope: "read",
        code_challenge: createHash("sha256").update(verifier).digest("base64url"),
        code_challenge_method: "S256",
        user: `user-${opened}`,
      });
      const authorized = await fetch(`${url}/authorize?${query}`, { headers: { connection: "close" } });
      const { code, redirectUri } = (await authorized.json()) as { code: string; redirectUri: string };
      const body = { grant_type: "authorization_code", code, redirect_uri: redirectUri, client_id: clientId, code_verifier: verifier };
      return tokenIn(await send(`${url}/token`, FORM_TYPE, form(body)));
    },
    refresh: async (token) =>
      refreshed(
        await send(`${url}/token`, FORM_TYPE, form({ grant_type: "refresh_token", refresh_token: token, client_id: clientId })),
      ),
    dispose,
  };
}

export async function openauth(version: string): Promise<Contender> {
  const { url, dispose } = await peer("openauth.js", "KV");
  return {
    name: "@openauthjs/openauth",
    version,
    async open() {
      opened += 1;
      const body = { grant_type: "client_credentials", provider: "bench", client_id: `user-${opened}`, client_secret: "any" };
      return tokenIn(await send(`${url}/token`, FORM_TYPE, form(body)));
    },
    refresh: async (token) =>
      refreshed(await send(`${url}/token`, FORM_TYPE, form({ grant_type: "refresh_token", refresh_token: token }))),
    dispose,
  };
}
