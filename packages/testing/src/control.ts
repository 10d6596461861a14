// What the process that started Postern does for tests, here and in other processes.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { timingSafeEqual } from "node:crypto";
import type { FakeIssuer } from "./issuer.ts";
import { KitError, type Mail, type PosternEvent } from "./handle.ts";
import type { Broken, Claims } from "./tokens.ts";

/** How long what was logged is on its way, at most: it is there already, unless something is broken. */
const MARK_S = 5;

/** Begins the lines that the kit logs itself. */
const MARK = "postern-testing mark";

/** Things that come one after another, and those who wait for one. */
export class Stream<Item> {
  readonly items: Item[] = [];
  #waiting: (() => void)[] = [];

  push(item: Item): void {
    this.items.push(item);
    for (const go of this.#waiting.splice(0)) go();
  }

  /** The first that fits, now or later. */
  async first(what: string, seconds: number, fits: (item: Item) => boolean, named: (item: Item) => string): Promise<Item> {
    const deadline = Date.now() + seconds * 1000;
    for (;;) {
      const found = this.items.find(fits);
      if (found !== undefined) return found;
      const left = deadline - Date.now();
      if (left <= 0) throw new KitError(`${what} did not come within ${seconds} s; there were: ${this.items.map(named).join(", ") || "none"}`);
      await new Promise<void>((go) => {
        const late = setTimeout(go, left);
        this.#waiting.push(() => {
          clearTimeout(late);
          go();
        });
      });
    }
  }
}

export interface Parts {
  /** A command of the module in front of the Worker. */
  front(command: string, given?: object): Promise<object>;
  issuers: FakeIssuer[];
  mails: Stream<Mail>;
  events: Stream<PosternEvent>;
  lines: Stream<string>;
  dispose(): Promise<void>;
}

const matches = (event: PosternEvent, members: Record<string, unknown>): boolean => Object.entries(members).every(([name, value]) => JSON.stringify(event[name]) === JSON.stringify(value));

interface IssuerCall {
  name: string;
  call?: "token" | "broken" | "rotateKeys" | "setDown";
  claims?: Claims;
  header?: Claims;
  kind?: Broken;
  keep?: boolean;
  down?: boolean;
  now?: number;
}

async function issuerCall(issuers: FakeIssuer[], { name, call, claims = {}, header = {}, kind = "expired", keep = true, down = false, now = Date.now() }: IssuerCall): Promise<object> {
  const issuer = issuers.find((each) => each.name === name);
  if (!issuer) throw new KitError(`there is no issuer ${name}; there are: ${issuers.map((each) => each.name).join(", ") || "none"}`);
  const seconds = Math.floor(now / 1000);
  switch (call) {
    case "token":
      return { token: await issuer.token(claims, header, seconds) };
    case "broken":
      return { token: await issuer.broken(kind, claims, seconds) };
    case "rotateKeys":
      await issuer.rotateKeys({ keep });
      return {};
    case "setDown":
      issuer.down = down;
      return {};
    default:
      return { name, issuer: issuer.issuer, audience: issuer.audience };
  }
}

/** The commands by name. */
export function controlOf(parts: Parts): (command: string, given?: object) => Promise<object> {
  let offset = 0;
  const taken = new Set<Mail>();
  let marks = 0;
  /** Waits until all is here that was logged before. */
  async function caughtUp(): Promise<void> {
    const mark = `${MARK} ${(marks += 1)}`;
    await parts.front("mark", { mark });
    await parts.lines.first("the log", MARK_S, (line) => line === mark, () => "");
  }
  const commands: Record<string, (given: never) => object | Promise<object>> = {
    async clock({ by = 0 }: { by?: number }) {
      if (by !== 0) await parts.front("clock", { offset: offset + by });
      offset += by;
      return { offset };
    },
    signer: () => parts.front("signer"),
    sign: (given: object) => parts.front("sign", given),
    issuer: (given: IssuerCall) => issuerCall(parts.issuers, given),
    mails: () => ({ mails: parts.mails.items }),
    async mail({ login, seconds }: { login: string; seconds: number }) {
      const mail = await parts.mails.first(`a message to ${login}`, seconds, (each) => each.login === login && !taken.has(each), (each) => `${each.kind} to ${each.login}`);
      taken.add(mail);
      return { mail };
    },
    async events() {
      await caughtUp();
      return { events: parts.events.items };
    },
    async event({ event, members, seconds }: { event: string; members: Record<string, unknown>; seconds: number }) {
      const what = `the event ${event}${Object.keys(members).length === 0 ? "" : ` with ${JSON.stringify(members)}`}`;
      return { event: await parts.events.first(what, seconds, (each) => each.event === event && matches(each, members), (each) => each.event) };
    },
    async logs() {
      await caughtUp();
      return { lines: parts.lines.items.filter((line) => !line.startsWith(MARK)) };
    },
    async dispose() {
      await parts.dispose();
      return {};
    },
  };
  return async (command, given = {}) => {
    const run = commands[command];
    if (!run) throw new KitError(`there is no command ${command}: are both sides of one version of @postern/testing?`);
    return run(given as never);
  };
}

function isSecret(given: string | undefined, secret: string): boolean {
  const [a, b] = [Buffer.from(given ?? ""), Buffer.from(`Bearer ${secret}`)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** Serves the commands to other processes of this machine that have the secret. */
export async function serveControl(control: (command: string, given?: object) => Promise<object>, secret: string): Promise<{ url: string; server: Server }> {
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      const answer = (status: number, body: object) => response.writeHead(status, { "content-type": "application/json", connection: "close" }).end(JSON.stringify(body));
      if (!isSecret(request.headers.authorization, secret)) return answer(401, { error: "the secret of the connection is another one" });
      const { command, ...given } = JSON.parse(Buffer.concat(parts).toString("utf8")) as { command: string };
      // Another process that is done with it does not stop it for the others.
      if (command === "dispose") return answer(200, {});
      return control(command, given).then(
        (done) => answer(200, done),
        (error: Error) => answer(400, { error: error.message }),
      );
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // A test's process ends although this still listens.
  server.unref();
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}
