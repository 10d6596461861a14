// The MCP SDK on both sides of the gate: its server is the upstream, its client calls, with a token in hand and from a bare 401.
import { CallToolResultSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, expect, test } from "vitest";
import { scene, type Scene } from "./scene.ts";
import { client, Provider, StreamableHTTPClientTransport, StreamableHTTPError, UnauthorizedError } from "./sdk-client.ts";

let at: Scene;
beforeAll(async () => {
  at = await scene();
});
afterAll(() => at.stop());

/** A transport whose client has this token. */
const holding = (token: string) => new StreamableHTTPClientTransport(new URL(at.mcp), { requestInit: { headers: { authorization: `Bearer ${token}` } } });

const token = (claims: Record<string, string> = {}) => at.theirs.issuer.token("k", { aud: at.mcp, scope: "mcp:use", ...claims });

/** What the browser brings back: their server signs in without a person. */
async function codeOf(provider: Provider): Promise<string> {
  const answer = await fetch(provider.sent.at(-1) as URL, { redirect: "manual" });
  return new URL(answer.headers.get("location") ?? "").searchParams.get("code") ?? "";
}

// Tests MCP Authorization section "Token Handling": the client's token does not reach the server behind the gate (R5)
test("the SDK's client and server meet through the gate", async () => {
  const from = at.server.seen.length;
  const [caller, transport] = [client(), holding(await token())];
  await caller.connect(transport as never);
  expect((await caller.listTools()).tools.length).toBeGreaterThan(5);
  expect(await caller.callTool({ name: "test_simple_text" })).toMatchObject({ content: [{ text: expect.stringContaining("simple text") as string }] });
  // In the answer's stream: notifications, and a question of the server's.
  const progress: number[] = [];
  await caller.request({ method: "tools/call", params: { name: "test_tool_with_progress", arguments: {} } }, CallToolResultSchema, { onprogress: ({ progress: now }) => void progress.push(now) });
  expect(progress).toEqual([0, 50, 100]);
  expect(await caller.callTool({ name: "test_sampling", arguments: { prompt: "hello" } })).toMatchObject({ content: [{ text: expect.stringContaining("hello") as string }] });
  expect(transport.sessionId).toMatch(/^[\x21-\x7e]+$/);
  expect(at.server.sessions()).toBe(1);
  await transport.terminateSession();
  expect(at.server.sessions()).toBe(0);
  await caller.close();
  const seen = at.server.seen.slice(from);
  expect(new Set(seen.map(({ method }) => method))).toEqual(new Set(["POST", "GET", "DELETE"]));
  expect(seen.every(({ headers }) => headers.authorization === undefined && headers["x-auth-subject"] === "user-of-theirs")).toBe(true);
  expect(seen.slice(1).every(({ headers }) => headers["mcp-session-id"] && headers["mcp-protocol-version"])).toBe(true);
});

test("a stream that breaks off goes on by Last-Event-ID", async () => {
  const from = at.server.seen.length;
  const [caller, transport] = [client(), holding(await token())];
  await caller.connect(transport as never);
  let broken = false;
  const onprogress = () => {
    if (!broken) at.server.breakStreams();
    broken = true;
  };
  const result = await caller.request({ method: "tools/call", params: { name: "test_tool_with_progress", arguments: {} } }, CallToolResultSchema, { onprogress });
  expect(result).toMatchObject({ content: [{ text: "done" }] });
  const resumed = at.server.seen.slice(from).filter(({ headers }) => headers["last-event-id"]);
  expect(resumed.length).toBeGreaterThan(0);
  await transport.terminateSession();
  await caller.close();
});

// Tests MCP Authorization section "Authorization Flow Steps": from a 401 to the metadata, the authorization server, a call
// Tests RFC 9728 section 5: a client that knows the URL alone finds the authorization server
test("a client signs in from a bare 401", async () => {
  const provider = new Provider();
  const connect = () => new StreamableHTTPClientTransport(new URL(at.mcp), { authProvider: provider });
  const first = connect();
  await expect(client().connect(first as never)).rejects.toThrow(UnauthorizedError);
  const sent = provider.sent[0]?.searchParams;
  expect([sent?.get("resource"), sent?.get("scope")]).toEqual([at.mcp, "mcp:use"]);
  await first.finishAuth(await codeOf(provider));
  const [caller, second] = [client(), connect()];
  await caller.connect(second as never);
  expect(await caller.callTool({ name: "test_simple_text" })).toMatchObject({ content: [{ type: "text" }] });
  await second.terminateSession();
  await caller.close();
});

// Tests MCP Authorization section "Step-Up Authorization Flow": the SDK's client asks for what a 403 names (R9)
test("a client asks for the scopes that a 403 names", async () => {
  const provider = new Provider();
  const connect = () => new StreamableHTTPClientTransport(new URL(at.mcp), { authProvider: provider });
  const first = connect();
  at.theirs.grants = () => "profile";
  await expect(client().connect(first as never)).rejects.toThrow(UnauthorizedError);
  await first.finishAuth(await codeOf(provider));
  at.theirs.grants = (asked) => asked.replace("mcp:use", "mcp:all");
  // Sound, and without the scope.
  const second = connect();
  await expect(client().connect(second as never)).rejects.toThrow(UnauthorizedError);
  expect(provider.sent[1]?.searchParams.get("scope")).toBe("mcp:use");
  await second.finishAuth(await codeOf(provider));
  // It got another scope, which contains the one that it asked for.
  const [caller, third] = [client(), connect()];
  await caller.connect(third as never);
  expect((await caller.listPrompts()).prompts).toHaveLength(4);
  await third.terminateSession();
  await caller.close();
  at.theirs.grants = (asked) => asked;
});

// Attack: a server that the user trusts less takes the token that its clients bring, and calls this one with it.
test("a token for another resource opens no session", async () => {
  for (const aud of [at.mcp.replace("/mcp", "/other"), `${at.mcp}/`, "https://api.example.test"]) {
    const before = at.server.seen.length;
    const failed = await client().connect(holding(await token({ aud })) as never).catch((error: unknown) => error);
    expect((failed as StreamableHTTPError).code, aud).toBe(401);
    expect(at.server.seen.length).toBe(before);
  }
});
