// A server for each adapter: `/orders` answers with the caller's key, `/healthz` needs none.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import * as forExpress from "../src/express.ts";
import * as forFastify from "../src/fastify.ts";
import * as forHono from "../src/hono.ts";
import { callerOf, type Kind, type RequireOptions } from "../src/index.ts";
import * as forWeb from "../src/web.ts";

/** What is running: the address, and how to end it. */
export interface Running {
  url: string;
  close(): unknown;
}

async function listening(server: Server): Promise<Running> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close: () => server.close() };
}

/** A server for the web's interfaces: headers are joined as those interfaces do it. */
const overWeb = (handle: (request: Request) => Promise<Response> | Response): Server =>
  createServer((incoming, outgoing) => {
    const headers = new Headers();
    for (let index = 0; index < incoming.rawHeaders.length; index += 2) headers.append(incoming.rawHeaders[index] ?? "", incoming.rawHeaders[index + 1] ?? "");
    const url = `http://origin.example${incoming.url ?? "/"}`;
    void Promise.resolve(handle(new Request(url, { method: incoming.method ?? "GET", headers }))).then(async (answer) => outgoing.writeHead(answer.status, [...answer.headers].flat()).end(await answer.text()));
  });

export const SERVERS: Record<string, (kind: Kind, options: RequireOptions) => Promise<Running>> = {
  async hono(kind, options) {
    const app = new Hono<forHono.CallerEnv>();
    app.use(kind === "assertion" ? forHono.requireAssertion(options) : forHono.requireAccessToken(options));
    app.get("/healthz", (context) => context.text("ok"));
    app.all("/orders", (context) => context.text(context.get("caller").key));
    return listening(overWeb((request) => app.fetch(request)));
  },
  async express(kind, options) {
    const app = express();
    app.use(kind === "assertion" ? forExpress.requireAssertion(options) : forExpress.requireAccessToken(options));
    app.get("/healthz", (_, response) => void response.send("ok"));
    app.all("/orders", (request, response) => void response.send(callerOf(request).key));
    return listening(createServer(app));
  },
  async fastify(kind, options) {
    const app = fastify();
    app.addHook("onRequest", kind === "assertion" ? forFastify.requireAssertion(options) : forFastify.requireAccessToken(options));
    app.get("/healthz", async () => "ok");
    app.all("/orders", async (request) => callerOf(request).key);
    return { url: await app.listen({ port: 0, host: "127.0.0.1" }), close: () => app.close() };
  },
  // As Next's middleware: an answer, or nothing.
  async guard(kind, options) {
    const guard = kind === "assertion" ? forWeb.assertionGuard(options) : forWeb.accessTokenGuard(options);
    return listening(overWeb(async (request) => (await guard(request)) ?? new Response(new URL(request.url).pathname === "/healthz" ? "ok" : callerOf(request).key)));
  },
  // As in a Worker.
  async handler(kind, options) {
    const handler: forWeb.Handler<[{ env: number }]> = (_, caller, { env }) => new Response(env === 1 ? caller.key : "no environment");
    const handle = kind === "assertion" ? forWeb.withAssertion(options, handler) : forWeb.withAccessToken(options, handler);
    return listening(overWeb((request) => handle(request, { env: 1 })));
  },
};
