// A relay that adds an access token: for programs that play MCP without knowing of authorization. Nothing else changes.
import { once } from "node:events";
import { createServer, request } from "node:http";
import type { AddressInfo } from "node:net";

export interface Relay {
  readonly url: string;
  stop(): Promise<void>;
}

/** Passes requests on to `target`, with their own `Host`. */
export async function startRelay(target: string, token?: () => Promise<string>): Promise<Relay> {
  const { hostname, port } = new URL(target);
  const server = createServer(async (incoming, answer) => {
    const headers = { ...incoming.headers, ...(token && { authorization: `Bearer ${await token()}` }) };
    const outgoing = request({ hostname, port, method: incoming.method, path: incoming.url, headers, agent: false });
    outgoing.on("response", (response) => {
      answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
      // At once, or a stream would begin with its first event.
      answer.flushHeaders();
      response.pipe(answer);
      response.on("error", () => answer.destroy());
    });
    outgoing.on("error", () => answer.destroy());
    answer.on("close", () => outgoing.destroy());
    incoming.pipe(outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}
