// The MCP SDK's client, registered before: from a bare 401 to a tool call, refresh, and a scope that is missing.
import { given, send, type Wishes } from "./client.ts";
import { check, equal, finished, refused } from "./checks.ts";
import { client, Provider, StreamableHTTPClientTransport, UnauthorizedError } from "../../mcp/sdk-client.ts";

const { mcp = "", native, nativeConfidential, issuer } = given;
const scope = "read:orders write:orders";
const isUnauthorized = (error: unknown): boolean => error instanceof UnauthorizedError;

/** The requests of a client, with the answers. */
const requests: { method: string; url: string; status: number }[] = [];
const noting = async (url: string | URL, init: RequestInit = {}): Promise<Response> => {
  const answer = await fetch(url, init);
  requests.push({ method: init.method ?? "GET", url: String(url), status: answer.status });
  return answer;
};

for (const [kind, registered] of [
  ["public", { client_id: native.client_id }],
  ["client_secret_basic", { client_id: nativeConfidential.client_id, client_secret: nativeConfidential.client_secret, token_endpoint_auth_method: "client_secret_basic" }],
  ["client_secret_post", { client_id: nativeConfidential.client_id, client_secret: nativeConfidential.client_secret, token_endpoint_auth_method: "client_secret_post" }],
] as const) {
  const its = (name: string) => `${kind}: ${name}`;
  const provider = new Provider(registered);
  // The port is free: the client listens where the system lets it.
  provider.redirectUrl = kind === "public" ? "http://localhost:49152/callback" : "http://127.0.0.1:49152/callback";
  const connect = () => new StreamableHTTPClientTransport(new URL(mcp), { authProvider: provider, fetch: noting as typeof fetch });
  const code = async (wishes: Wishes = {}) => (await send(provider.sent.at(-1) as URL, wishes)).searchParams.get("code") ?? "";
  const spoil = () => provider.saveTokens({ ...provider.tokens()!, access_token: `${provider.tokens()!.access_token.slice(0, -4)}AAAA` });
  /** Connects, calls a tool, and leaves. */
  const call = async () => {
    const [caller, transport] = [client(), connect()];
    await caller.connect(transport as never);
    try {
      const { content } = await caller.callTool({ name: "test_simple_text" });
      equal((content as { type: string }[])[0]?.type, "text");
    } finally {
      await transport.terminateSession();
      await caller.close();
    }
  };

  const began = performance.now();
  const first = connect();
  await check(its("a bare 401 leads to our authorization endpoint"), async () => {
    requests.length = 0;
    await refused(() => client().connect(first as never), isUnauthorized);
    const sent = provider.sent.at(-1);
    equal([`${sent?.origin}${sent?.pathname}`, sent?.searchParams.get("resource"), sent?.searchParams.get("scope"), sent?.searchParams.get("code_challenge_method")], [`${issuer}/oauth/authorize`, mcp, scope, "S256"]);
  });
  await check(its("sign-in, consent, code, tokens"), async () => {
    await first.finishAuth(await code());
    equal([provider.tokens()?.token_type, provider.tokens()?.scope, typeof provider.tokens()?.refresh_token], ["Bearer", scope, "string"]);
  });
  await check(its("a tool is called"), call);
  console.log(`  from the 401 to the first tool call: ${requests.length} requests, ${Math.round(performance.now() - began)} ms with the person's`);
  await check(its("an access token that is over is refreshed, without the person"), async () => {
    const [before, asked] = [provider.tokens()?.refresh_token, provider.sent.length];
    spoil();
    await call();
    equal(provider.tokens()?.refresh_token !== before, true, "another refresh token");
    equal(provider.sent.length, asked, "authorization requests");
  });
  await check(its("a reload goes on with the stored tokens"), async () => {
    const asked = provider.sent.length;
    await call();
    equal(provider.sent.length, asked, "authorization requests");
  });

  // A person who grants less at first.
  const second = connect();
  await check(its("step-up: a scope that is missing sends the person again"), async () => {
    provider.invalidateCredentials("tokens");
    await refused(() => client().connect(second as never), isUnauthorized);
    await second.finishAuth(await code({ untick: ["write:orders"] }));
    equal(provider.tokens()?.scope, "read:orders");
    const asked = provider.sent.length;
    // With a refresh token in hand this client refreshes at a 403, which adds no scope. So the application drops it.
    await refused(() => client().connect(connect() as never), (error) => /403 after trying upscoping/.test(error.message));
    const { refresh_token: _, ...rest } = provider.tokens()!;
    provider.saveTokens(rest);
    const third = connect();
    await refused(() => client().connect(third as never), isUnauthorized);
    equal([provider.sent.length, provider.sent.at(-1)?.searchParams.get("scope")], [asked + 1, scope]);
    await third.finishAuth(await code());
    await call();
  });
  await check(its("a grant that the client revoked sends the person again"), async () => {
    const { refresh_token = "" } = provider.tokens() ?? {};
    const secret = "client_secret" in registered ? { client_secret: registered.client_secret } : {};
    equal((await fetch(`${issuer}/oauth/revoke`, { method: "POST", body: new URLSearchParams({ client_id: registered.client_id, ...secret, token: refresh_token }) })).status, 200);
    spoil();
    const asked = provider.sent.length;
    await refused(() => client().connect(connect() as never), isUnauthorized);
    equal(provider.sent.length, asked + 1, "authorization requests");
  });
}
finished();
