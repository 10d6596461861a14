// The header suite: what only the gate may say is never a client's word, however it is spelled; everything else arrives.
import { report, type Part, type Report } from "./part.ts";
import { FREE, RESERVED, spellings } from "./names.ts";
import { RawClient, received, type Received } from "./raw.ts";
import { scene, type Scene } from "./scene.ts";

export const ROUTES = [
  { name: "public", path: "/public", access: "public" },
  { name: "optional", path: "/optional", access: "optional" },
  { name: "required", path: "/required" },
  { name: "mapped", path: "/mapped", headers: { jti: "x-user-mail" } },
] as const;

/** Who asks: without a token and with one, wherever that is let through. */
const ASKERS = [
  { path: "/public", signed: false },
  { path: "/public", signed: true },
  { path: "/optional", signed: false },
  { path: "/optional", signed: true },
  { path: "/required", signed: true },
  { path: "/mapped", signed: true },
] as const;

type Headers = (readonly [string, string])[];

const CONNECTIONS = 8;

/** Nothing a client sends in a name of ours may show this anywhere at the origin. */
const MARK = "forged-by-the-client";

const wire = (text: string) => Buffer.from(text, "utf8").toString("latin1");

/** A name as the most careless server reads it. */
function folded(name: string): string {
  const text = Buffer.from(name, "latin1").toString("utf8").normalize("NFKD").toLowerCase();
  return text.replace(/\p{M}|[\u200b-\u200d\ufeff\u2060]/gu, "").replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "");
}

/** What the gate itself says of identity, each once. */
const OURS = ["x-auth-subject", "x-auth-issuer", "x-auth-scope", "x-auth-roles", "x-auth-tenant", "x-auth-session", "x-auth-client", "x-postern-hops", "x-postern-assertion", "x-postern-request-id"];

class Suite {
  readonly seen: Report = report();
  readonly #scene: Scene;
  readonly #clients: RawClient[];
  refused = 0;
  survived = 0;
  values = 0;

  constructor(playing: Scene) {
    this.#scene = playing;
    this.#clients = Array.from({ length: CONNECTIONS }, () => new RawClient(playing.postern.url));
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }

  async each<T>(cases: Iterable<T>, play: (client: RawClient, one: T) => Promise<void>): Promise<void> {
    const next = cases[Symbol.iterator]();
    await Promise.all(
      this.#clients.map(async (client) => {
        for (let step = next.next(); !step.done; step = next.next()) await play(client, step.value);
      }),
    );
  }

  async ask(client: RawClient, asker: (typeof ASKERS)[number], headers: Headers): Promise<Received | undefined> {
    this.seen.cases += 1;
    const own: Headers = [["Host", "gate.test"], ...(asker.signed ? ([["Authorization", `Bearer ${this.#scene.accessToken}`]] as const) : [])];
    const answer = await client.send(`GET ${asker.path} HTTP/1.1`, [...own, ...headers]);
    const got = received(answer);
    if (got !== undefined) return got;
    this.refused += 1;
    if (answer !== undefined && answer.status >= 500 && answer.status !== 508) this.seen.failures.push(`${answer.status} for ${JSON.stringify(headers)}`);
    return undefined;
  }

  /** A forged header is gone; what the gate says stands there once. */
  look(asker: (typeof ASKERS)[number], headers: Headers, got: Received): void {
    const shown = `${JSON.stringify(headers)} at ${asker.path}${asker.signed ? " with a token" : ""}`;
    for (const [name, value] of got.headers) {
      if (value.includes(MARK)) this.seen.leaks.push(`${shown}: the origin got ${JSON.stringify(name)}: ${value}`);
    }
    const names = got.headers.map(([name]) => folded(name));
    for (const name of names.filter((own) => own === "x-auth" || own === "x-postern" || /^x-(auth|postern)-/.test(own))) {
      const tells = asker.signed && asker.path !== "/public";
      const expected = name.startsWith("x-postern-") || tells;
      if (!OURS.includes(name) || !expected) this.seen.leaks.push(`${shown}: the origin got ${name}`);
      if (names.filter((other) => other === name).length > 1) this.seen.leaks.push(`${shown}: the origin got ${name} twice`);
    }
    if (asker.signed && got.headers.some(([name]) => folded(name) === "authorization")) this.seen.leaks.push(`${shown}: the origin got the access token`);
  }
}

/** Values that are sound in a header and must arrive byte for byte. */
function values(): string[] {
  const every = Array.from({ length: 0x80 }, (_, index) => String.fromCharCode(0x80 + index)).join("");
  return [
    "plain", "a, b", 'quoted "text", with comma', "semi;colon=1", "tab\tinside", "  inner   spaces", "", "=?utf-8?q?x?=", "%41%zz", "\\\\", "{\"a\":[1,2]}", "x".repeat(8000),
    wire("grüße"), wire("日本語"), wire("🏰 postern"), wire("\u00a0nbsp"), "caf\xe9", "\xff\xfe", every, wire("e\u0301"), "\x80",
  ];
}

/** Plays every `step`th of the forged headers, and all of the rest. */
export async function playHeaders(playing: Scene, step = 1): Promise<Report> {
  const suite = new Suite(playing);

  // Every reserved name in every spelling, alone, twice, and beside its plain spelling.
  const forged: Headers[] = RESERVED.flatMap((name) =>
    spellings(name).flatMap((spelled): Headers[] => [
      [[wire(spelled), MARK]],
      [[wire(spelled), MARK], [wire(spelled), `${MARK} again`]],
      [[name.toLowerCase(), `${MARK} plain`], [wire(spelled), MARK]],
    ]),
  ).filter((_, index) => index % step === 0);
  // The kinds of route take turns by name and spelling, so that each meets each spelling of some name.
  let turn = 0;
  await suite.each(forged, async (client, headers) => {
    const asker = ASKERS[turn++ % ASKERS.length] ?? ASKERS[0];
    const got = await suite.ask(client, asker, headers);
    if (got) suite.look(asker, headers, got);
  });

  // Each reserved name in its four plain spellings, on every kind of route.
  const plain = RESERVED.flatMap((name) => spellings(name).slice(0, step === 1 ? 4 : 1).flatMap((spelled) => ASKERS.map((asker) => ({ asker, headers: [[spelled, MARK]] as Headers }))));
  await suite.each(plain, async (client, { asker, headers }) => {
    const got = await suite.ask(client, asker, headers);
    if (got) suite.look(asker, headers, got);
    else suite.seen.failures.push(`${JSON.stringify(headers)} at ${asker.path} was not forwarded, so shows nothing`);
  });

  // Headers that Connection names are hop-by-hop; ours can't be taken away so, and odd values change nothing.
  const connection: Headers[] = [
    [["Connection", "keep-alive, x-auth-subject, x-auth-tenant"]],
    [["Connection", "X_Auth_Subject"], ["X_Auth_Subject", MARK]],
    [["Connection", "authorization, cookie, host"]],
    ...["", " ", "\t", ",", `${MARK}, ${MARK}`, wire(`${MARK}é`), `${MARK}\xff`, `=?utf-8?q?${MARK}?=`].map((value): Headers => [["X-Auth-Subject", value]]),
  ];
  await suite.each(connection, async (client, headers) => {
    const asker = { path: "/required", signed: true } as const;
    const got = await suite.ask(client, asker, headers);
    if (!got) return;
    suite.look(asker, headers, got);
    if (got.headers.filter(([name]) => name.toLowerCase() === "x-auth-subject").length !== 1) suite.seen.leaks.push(`${JSON.stringify(headers)}: who it is was not said`);
  });

  // What is not ours arrives as it was sent.
  const free = FREE.flatMap((name) => values().map((value) => ({ name, value })));
  await suite.each(free, async (client, { name, value }) => {
    const asker = ASKERS[turn++ % ASKERS.length] ?? ASKERS[0];
    const got = await suite.ask(client, asker, [[name, value]]);
    suite.values += 1;
    const arrived = got?.headers.filter(([own]) => own.toLowerCase() === name.toLowerCase()).map(([, own]) => own.trim());
    if (arrived?.length === 1 && arrived[0] === value.trim()) suite.survived += 1;
    else suite.seen.failures.push(`${name}: ${JSON.stringify(value.slice(0, 60))} arrived as ${JSON.stringify(arrived)?.slice(0, 200)}`);
  });
  suite.close();
  suite.seen.figures.push(
    `${RESERVED.length} reserved names in ${new Set(forged.flat().map(([name]) => name)).size} spellings on ${ASKERS.length} kinds of callers; ${suite.refused} refused before any origin`,
    `values of other headers that arrived byte for byte: ${suite.survived} of ${suite.values}`,
  );
  return suite.seen;
}

export const headers: Part = {
  name: "headers",
  async run() {
    const playing = await scene(ROUTES);
    try {
      return await playHeaders(playing);
    } finally {
      await playing.stop();
    }
  },
};
