// The scenarios of @modelcontextprotocol/conformance for authorization servers. The program prints an address for a browser,
// and waits at its callback. It proves no client with a secret: where the metadata has `none`, it uses that.
import { spawn } from "node:child_process";
import { globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { closedPort } from "../../worker/support/origin.ts";
import { given, send } from "./client.ts";
import { check, equal, finished } from "./checks.ts";

interface Check {
  id: string;
  status: "SUCCESS" | "FAILURE" | "WARNING" | "INFO" | "SKIPPED";
  errorMessage?: string;
}

const program = fileURLToPath(new URL("../../mcp/node_modules/@modelcontextprotocol/conformance/dist/index.js", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "postern-conformance-"));
const port = await closedPort();
const args = ["authorization", "--url", given.issuer, "--client-id", given.native.client_id, "--resource", given.resource, "--port", String(port), "--output-dir", folder];
const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
const said: string[] = [];
createInterface({ input: child.stdout }).on("line", (line) => {
  said.push(line);
  if (line.includes("/oauth/authorize?")) void send(new URL(line.trim())).then((back) => fetch(back), (error: unknown) => said.push(String(error)));
});
await new Promise((resolve) => child.on("close", resolve));

for (const scenario of ["authorization-server-metadata-endpoint", "authorization-code-grant"]) {
  const found = globSync(`**/*${scenario}*/checks.json`, { cwd: folder }).map((file) => JSON.parse(readFileSync(join(folder, file), "utf8")) as Check[]);
  await check(`scenario ${scenario}`, () => {
    const checks = found.flat();
    const bad = checks.filter(({ status }) => status === "FAILURE" || status === "SKIPPED").map(({ id, errorMessage }) => `${id}: ${errorMessage}`);
    equal([checks.length > 0, bad], [true, []], said.slice(-20).join(" / "));
  });
  for (const { id, status, errorMessage } of found.flat()) console.log(`  ${id} ${status} ${errorMessage ?? ""}`);
}
rmSync(folder, { recursive: true });
finished();
