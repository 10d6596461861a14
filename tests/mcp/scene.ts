// One MCP server behind the gate, as a protected resource, with somebody else's authorization server.
import { startPostern, type Postern } from "../worker/harness.ts";
import { settings } from "../worker/support/config.ts";
import { closedPort } from "../worker/support/origin.ts";
import { AuthorizationServer } from "./authorization-server.ts";
import { startMcpServer, type McpServer } from "./server.ts";

export interface Scene {
  readonly postern: Postern;
  readonly server: McpServer;
  readonly theirs: AuthorizationServer;
  /** The resource, and where clients find it. */
  readonly mcp: string;
  stop(): Promise<void>;
}

export async function scene(): Promise<Scene> {
  const [port, server, theirs] = [await closedPort(), await startMcpServer(), await AuthorizationServer.start()];
  const mcp = `http://127.0.0.1:${port}/mcp`;
  const route = { name: "mcp", path: "/mcp", upstream: server.url, issuers: [theirs.issuer.iss], scopes_all: ["mcp:use"] };
  const postern = await startPostern({
    direct: true,
    port,
    vars: settings({ POSTERN_ISSUERS: [theirs.issuer.setting({ algorithms: ["ES256"] })], POSTERN_SCOPE_IMPLIES: { "mcp:all": ["mcp:use"] } }, [
      // On this machine's name alone: MCP servers on localhost look at Host, and behind the gate that is the gate's work.
      { ...route, host: "127.0.0.1", resource: mcp, resource_scopes: ["mcp:use"], resource_name: "The tests' MCP server" },
      { ...route, name: "other", path: "/other", resource: `http://127.0.0.1:${port}/other` },
    ]),
  });
  return {
    postern,
    server,
    theirs,
    mcp,
    stop: async () => {
      await postern.dispose();
      await Promise.all([server.stop(), theirs.stop()]);
    },
  };
}
