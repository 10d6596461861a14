// Each adapter over a real connection: with an assertion, without one, with two, and on a health path.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { afterAll, describe, expect, test } from "vitest";
import * as forExpress from "../src/express.ts";
import * as forFastify from "../src/fastify.ts";
import * as forHono from "../src/hono.ts";
import { callerOf, KeySet, OriginError, type Kind, type RequireOptions } from "../src/index.ts";
import * as forWeb from "../src/web.ts";
import { SERVERS, type Running } from "./servers.ts";

interface Vectors {
  now: number;
  issuer: string;
  audiences: Record<Kind, string>;
  key_sets: { usual: string };
  cases: { name: string; kind: Kind; values: string[]; caller?: { subject: string } }[];
}
const vectors = JSON.parse(readFileSync(new URL("../../../tests/vectors/origin.json", import.meta.url), "utf8")) as Vectors;
const valueOf = (name: string) => vectors.cases.find((one) => one.name === name)?.values[0] ?? "";
const GOOD = { assertion: valueOf("assertion: as Postern writes it"), access_token: valueOf("access token: as Postern writes it") };
const HEADER = { assertion: "X-Postern-Assertion", access_token: "Authorization" };

const now = () => vectors.now * 1_000;
const keys = new KeySet(`${vectors.issuer}/keys`, { now, fetch: async () => new Response(vectors.key_sets.usual) });
const refusals: OriginError[] = [];
const options = (kind: Kind): RequireOptions => ({ issuer: vectors.issuer, audience: vectors.audiences[kind], keys, now, health: ["/healthz"], onRefused: (error) => refusals.push(error) });

const running: Running[] = [];
afterAll(async () => {
  for (const { close } of running) await close();
});

/** A request whose headers go out line by line. */
async function ask(url: string, headers: string[], method = "GET"): Promise<{ status: number; body: string; challenge: string | undefined }> {
  const sent = httpRequest(url, { method, headers: ["Host", "origin.example", "Connection", "close", ...headers] as never }).end();
  const [answer] = (await once(sent, "response")) as [import("node:http").IncomingMessage];
  let body = "";
  for await (const chunk of answer) body += String(chunk);
  return { status: answer.statusCode ?? 0, body, challenge: answer.headers["www-authenticate"] };
}

describe.each(Object.entries(SERVERS))("%s", (_, start) => {
  test.each(["assertion", "access_token"] as const)("%s", async (kind) => {
    const server = await start(kind, options(kind));
    running.push(server);
    const { url } = server;
    const [name, good] = [HEADER[kind], GOOD[kind]];
    const passed = await ask(`${url}/orders`, [name, good]);
    expect([passed.status, passed.body]).toEqual([200, `${vectors.issuer} 5f0c`]);

    const direct = await ask(`${url}/orders`, []);
    expect(direct.status).toBe(401);
    expect(JSON.parse(direct.body)).toMatchObject({ status: 401, code: kind === "assertion" ? "assertion_required" : "credentials_required" });
    expect(direct.challenge).toBe(kind === "assertion" ? "Postern-Assertion" : "Bearer");

    const before = refusals.length;
    expect((await ask(`${url}/orders`, [name, good, name.toLowerCase(), good])).status).toBe(kind === "assertion" ? 401 : 400);
    expect(refusals.slice(before).map((error) => error.reason)).toEqual([kind === "assertion" ? "several_assertions" : "invalid_request"]);
    const other = kind === "assertion" ? GOOD.access_token.slice("Bearer ".length) : `Bearer ${GOOD.assertion}`;
    expect((await ask(`${url}/orders`, [name, other])).status).toBe(401);

    expect(await ask(`${url}/healthz?deep=1`, [])).toMatchObject({ status: 200, body: "ok" });
    for (const [path, method] of [["/healthz", "POST"], ["/healthz/", "GET"], ["/HEALTHZ", "GET"], ["//healthz", "GET"], ["/healthz;x", "GET"]] as const) {
      expect((await ask(url + path, [], method)).status, `${method} ${path}`).toBe(401);
    }
  });
});

test("settings are checked before the first request", () => {
  const all = [forHono, forExpress, forFastify].flatMap((adapter) => [adapter.requireAssertion, adapter.requireAccessToken]);
  for (const make of [...all, forWeb.assertionGuard, forWeb.accessTokenGuard]) {
    expect(() => make({ issuer: vectors.issuer } as RequireOptions)).toThrow("audience is required");
    expect(() => make({ ...options("assertion"), health: ["/health/*"] })).toThrow("not a plain path");
  }
  expect(() => forWeb.withAssertion({ issuer: vectors.issuer } as RequireOptions, () => new Response())).toThrow(TypeError);
});

test("a handler that no adapter guards has no caller", () => {
  expect(() => callerOf(new Request("http://origin.example/"))).toThrow("this request has no caller");
});
