// mcp-remote, the bridge for programs that speak MCP over standard input alone: it opens the machine's browser, here Chromium.
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { client, StdioClientTransport } from "../../mcp/sdk-client.ts";
import { closedPort } from "../../worker/support/origin.ts";
import { given } from "./client.ts";
import { check, equal, finished } from "./checks.ts";

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "postern-mcp-remote-"));
const [browser, note] = [join(folder, "browser"), join(folder, "note")];
writeFileSync(browser, `#!/bin/sh\nexec '${process.execPath}' '${at("chromium/person.ts")}' "$1"\n`);
chmodSync(browser, 0o755);
const port = String(await closedPort());
const env = { ...(process.env as Record<string, string>), BROWSER: browser, BROWSER_NOTE: note, MCP_REMOTE_CONFIG_DIR: join(folder, "config") };
const program = at("chromium/node_modules/mcp-remote/dist/proxy.js");

/** Where browsers came to. */
const opened = () => (existsSync(note) ? readFileSync(note, "utf8").trim().split("\n") : []);

async function call(): Promise<void> {
  const args = [program, given.mcp ?? "", port, "--transport", "http-only", "--static-oauth-client-info", JSON.stringify({ client_id: given.native.client_id }), "--auth-timeout", "60"];
  const transport = new StdioClientTransport({ command: process.execPath, args, env, stderr: "pipe" });
  let said = "";
  transport.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const caller = client();
  try {
    await caller.connect(transport as never, { timeout: 90_000 });
    const { content } = await caller.callTool({ name: "test_simple_text" });
    equal((content as { type: string }[])[0]?.type, "text");
  } catch (error) {
    throw new Error(`${String(error)}; browsers: ${opened().join(", ")}; ${said.slice(-1500)}`);
  } finally {
    await caller.close();
  }
}

await check("sign-in in Chromium, and a tool is called over standard input", async () => {
  await call();
  equal(opened(), [`http://localhost:${port}`]);
});
await check("a restart goes on with the stored tokens", async () => {
  await call();
  equal(opened().length, 1);
});
rmSync(folder, { recursive: true });
finished();
