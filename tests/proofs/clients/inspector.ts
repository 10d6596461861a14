// The MCP Inspector in Chromium: it is switched on, sends the browser to sign in, comes back, and executes a tool.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { closedPort } from "../../worker/support/origin.ts";
import { given } from "./client.ts";
import { launch, signInAndAllow } from "./chromium/person.ts";
import { check, equal, finished } from "./checks.ts";

const program = fileURLToPath(new URL("chromium/node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "postern-inspector-"));
const catalog = join(folder, "catalog.json");
writeFileSync(catalog, JSON.stringify({ mcpServers: { postern: { type: "http", url: given.mcp, oauth: { clientId: given.native.client_id } } } }));
const port = await closedPort();
const env = { ...process.env, HOME: folder, CLIENT_PORT: String(port), MCP_SANDBOX_PORT: String(await closedPort()), DANGEROUSLY_OMIT_AUTH: "true", MCP_AUTO_OPEN_ENABLED: "false" };
const inspector = spawn(process.execPath, [program, "--web", "--catalog", catalog], { env, stdio: ["ignore", "pipe", "ignore"], detached: true });
const { promise: ready, resolve } = Promise.withResolvers<void>();
createInterface({ input: inspector.stdout }).on("line", (line) => line.includes(`:${port}`) && resolve());
await Promise.race([ready, once(inspector, "exit").then(() => Promise.reject(new Error("the inspector ended")))]);

const browser = await launch();
const page = await browser.newPage();
const tool = page.getByText("test_simple_text", { exact: true }).first();
const home = new URL(given.issuer).origin;
await check("the inspector finds the authorization server and sends the browser there", async () => {
  await page.goto(`http://127.0.0.1:${port}/`);
  const request = page.waitForRequest((one) => one.url().startsWith(`${home}/oauth/authorize?`));
  // The switch itself is covered by what draws it.
  await page.getByRole("switch").click({ force: true });
  const sent = new URL((await request).url()).searchParams;
  await page.waitForURL((url) => url.origin === home);
  equal([sent.get("client_id"), sent.get("resource"), sent.get("code_challenge_method")], [given.native.client_id, given.mcp, "S256"]);
});
await check("after sign-in and consent it is connected", async () => {
  await signInAndAllow(page, home);
  await page.getByLabel("Disconnect from server").waitFor();
});
await check("a tool is executed", async () => {
  await page.getByText("Tools", { exact: true }).first().click();
  await tool.click();
  await page.getByRole("button", { name: "Execute Tool" }).click();
  await page.getByText("This is a simple text response for testing.").first().waitFor();
});
await browser.close();
// The launcher has a child, which it leaves behind.
process.kill(-(inspector.pid ?? 0));
rmSync(folder, { recursive: true, force: true });
finished();
