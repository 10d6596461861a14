// A person with a browser, whom programs in other processes and languages send to an authorization request.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import type { Postern } from "../../worker/harness.ts";
import { FormBrowser, type Person } from "../../worker/support/form-browser.ts";

export interface RunningPerson {
  /** Takes `{ url, browser?, consent?, untick? }` and answers `{ url }`, the address at the client that the browser comes to. */
  readonly url: string;
  stop(): void;
}

/** Starts it. The same name of a browser is the same browser, with its cookies; without a name it is a new one. */
export async function startPerson(postern: Postern): Promise<RunningPerson> {
  const browsers = new Map<string, FormBrowser>();
  const server = createServer(async (incoming, outgoing) => {
    const answer = (status: number, body: object) => outgoing.writeHead(status, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(body));
    try {
      const { url, browser: name, ...person } = JSON.parse(await text(incoming)) as Person & { url: string; browser?: string };
      const browser = browsers.get(name ?? "") ?? new FormBrowser(postern);
      if (name !== undefined) browsers.set(name, browser);
      answer(200, { url: (await browser.authorize(url, person)).href });
    } catch (error) {
      answer(500, { error: String(error) });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
