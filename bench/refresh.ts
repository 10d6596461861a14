// Refreshes beside two other libraries, in one run on one machine: how long they take, and what becomes of a family when
// requests race, answers are lost and old tokens come back. Run it with `make bench PART=refresh`; it writes
// bench/results-refresh.json and the tables of docs/reference/performance.md.
import { readFile, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { openauth, postern, workersOauthProvider, type Contender } from "./contenders.ts";
import { tables } from "./report.ts";

/** Before anything is timed, so that all code is compiled. */
const WARM_UP = 300;
/** Refreshes timed in a row before the next contender's turn: what disturbs the machine disturbs all of them. */
const BLOCK = 50;
const BLOCKS = 20;
const CHAINS = 50;
const RACERS = 20;
/** Longer than the reuse windows that are on by default: 10 s of Postern, 61 s of OpenAuth. */
const LATER_MS = 65_000;

export interface Times {
  refreshes: number;
  /** Milliseconds. */
  p50: number;
  p99: number;
  /** Refreshes in a second, of all chains together. */
  perSecond: number;
  failed: number;
}

export interface Behaviour {
  race: { granted: number; distinctSuccessors: number; usableAfter: number };
  /** The answer was lost and the same token is presented again: at once, and after 65 s. */
  lostAnswer: Retry;
  lostAnswerLater: Retry;
  /** A token two rotations behind: at once, and after 65 s. */
  ancestor: Replay;
  ancestorLater: Replay;
}

export interface Retry {
  status: number;
  successor: "same" | "another" | "none";
  /** Whether the successor that was lost, or went to another tab, still serves afterwards. */
  firstSuccessorServes: boolean;
}

export interface Replay {
  status: number;
  /** Whether the newest token of the family still serves afterwards. */
  familyLives: boolean;
}

export interface Result {
  name: string;
  version: string;
  oneChain: Times;
  manyChains: Times;
  atOnce: Times;
  behaviour: Behaviour;
}

async function next(contender: Contender, token: string): Promise<string> {
  const { status, token: successor } = await contender.refresh(token);
  if (successor === undefined) throw new Error(`${contender.name} refused a refresh: ${status}`);
  return successor;
}

class Stopwatch {
  readonly #times: number[] = [];
  #failed = 0;
  #elapsed = 0;

  async refresh(contender: Contender, token: string): Promise<string> {
    const begun = performance.now();
    const { token: successor } = await contender.refresh(token);
    this.#times.push(performance.now() - begun);
    if (successor === undefined) this.#failed += 1;
    // A chain that broke is begun anew, outside of what is timed.
    return successor ?? contender.open();
  }

  async during(work: () => Promise<unknown>): Promise<void> {
    const begun = performance.now();
    await work();
    this.#elapsed += performance.now() - begun;
  }

  get times(): Times {
    const sorted = this.#times.toSorted((a, b) => a - b);
    const at = (share: number) => Math.round((sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0) * 100) / 100;
    return {
      refreshes: sorted.length,
      p50: at(0.5),
      p99: at(0.99),
      perSecond: Math.round((sorted.length / this.#elapsed) * 1000),
      failed: this.#failed,
    };
  }
}

async function opened(contender: Contender, count: number): Promise<string[]> {
  const tokens: string[] = [];
  while (tokens.length < count) tokens.push(await contender.open());
  return tokens;
}

/** A lane for each contender: its chains of tokens, and its stopwatch. */
interface Lane {
  contender: Contender;
  chains: string[];
  watch: Stopwatch;
}

/** Every contender in its turn, one block at a time. */
async function measured(
  contenders: Contender[],
  chains: number,
  block: (lane: Lane, number: number) => Promise<void>,
): Promise<Map<Contender, Times>> {
  const lanes: Lane[] = [];
  for (const contender of contenders) lanes.push({ contender, chains: await opened(contender, chains), watch: new Stopwatch() });
  for (let number = 0; number < BLOCKS; number += 1) {
    for (const lane of lanes) await lane.watch.during(() => block(lane, number));
  }
  return new Map(lanes.map(({ contender, watch }) => [contender, watch.times]));
}

/** One refresh after the other, going round the chains. */
async function inTurn({ contender, chains, watch }: Lane): Promise<void> {
  for (let count = 0; count < BLOCK; count += 1) {
    const at = count % chains.length;
    chains[at] = await watch.refresh(contender, chains[at] ?? "");
  }
}

/** All chains at once, each refreshed one after the other. */
async function abreast({ contender, chains, watch }: Lane): Promise<void> {
  await Promise.all(
    chains.map(async (token, at) => {
      let current = token;
      for (let count = 0; count < 2; count += 1) current = await watch.refresh(contender, current);
      chains[at] = current;
    }),
  );
}

async function race(contender: Contender): Promise<Behaviour["race"]> {
  const token = await contender.open();
  const answers = await Promise.all(Array.from({ length: RACERS }, () => contender.refresh(token)));
  const granted = answers.filter((answer) => answer.token !== undefined);
  const successors = new Set(granted.map((answer) => answer.token ?? ""));
  let usableAfter = 0;
  for (const successor of successors) usableAfter += (await contender.refresh(successor)).token === undefined ? 0 : 1;
  return { granted: granted.length, distinctSuccessors: successors.size, usableAfter };
}

/** A family in which the last answer did not arrive. Its client asks again when the function is called. */
async function loses(contender: Contender): Promise<() => Promise<Retry>> {
  const parent = await next(contender, await contender.open());
  const lost = await next(contender, parent);
  return async () => {
    const { status, token } = await contender.refresh(parent);
    const successor = token === undefined ? "none" : token === lost ? "same" : "another";
    return { status, successor, firstSuccessorServes: (await contender.refresh(lost)).token !== undefined };
  };
}

/** A family whose token of two rotations ago is presented when the function is called. */
async function stolen(contender: Contender): Promise<() => Promise<Replay>> {
  const old = await next(contender, await contender.open());
  const newest = await next(contender, await next(contender, old));
  return async () => {
    const { status } = await contender.refresh(old);
    return { status, familyLives: (await contender.refresh(newest)).token !== undefined };
  };
}

async function versionOf(name: string, folder = "node_modules"): Promise<string> {
  const text = await readFile(new URL(`${folder}/${name}/package.json`, import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

const contenders = [
  await postern(),
  await workersOauthProvider(await versionOf("@cloudflare/workers-oauth-provider")),
  await openauth(await versionOf("@openauthjs/openauth")),
];
try {
  for (const contender of contenders) {
    let token = await contender.open();
    for (let count = 0; count < WARM_UP; count += 1) token = await next(contender, token);
  }

  const later = new Map<Contender, { lost: () => Promise<Retry>; old: () => Promise<Replay> }>();
  for (const contender of contenders) later.set(contender, { lost: await loses(contender), old: await stolen(contender) });
  const prepared = performance.now();

  const oneChain = await measured(contenders, 1, inTurn);
  const manyChains = await measured(contenders, CHAINS, inTurn);
  const atOnce = await measured(contenders, CHAINS, abreast);

  const behaviours = new Map<Contender, Behaviour>();
  for (const contender of contenders) {
    const { lost, old } = later.get(contender) ?? { lost: await loses(contender), old: await stolen(contender) };
    const now = {
      race: await race(contender),
      lostAnswer: await (await loses(contender))(),
      ancestor: await (await stolen(contender))(),
    };
    await delay(Math.max(0, prepared + LATER_MS - performance.now()));
    behaviours.set(contender, { ...now, lostAnswerLater: await lost(), ancestorLater: await old() });
  }

  const of = <T>(map: Map<Contender, T>, contender: Contender): T => {
    const found = map.get(contender);
    if (found === undefined) throw new Error(`nothing of ${contender.name}`);
    return found;
  };
  const results: Result[] = contenders.map((contender) => ({
    name: contender.name,
    version: contender.version,
    oneChain: of(oneChain, contender),
    manyChains: of(manyChains, contender),
    atOnce: of(atOnce, contender),
    behaviour: of(behaviours, contender),
  }));
  const machine = {
    processor: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    node: process.version,
    miniflare: await versionOf("miniflare", "../node_modules"),
    workerd: await versionOf("workerd", "../node_modules"),
  };
  await writeFile(new URL("results-refresh.json", import.meta.url), `${JSON.stringify({ machine, results }, null, 2)}\n`);

  const page = new URL("../docs/reference/performance.md", import.meta.url);
  const made = tables(results, machine);
  const [begin, end] = ["<!-- made by make bench PART=refresh: begin -->", "<!-- made by make bench PART=refresh: end -->"];
  const text = await readFile(page, "utf8");
  const [head, rest] = text.split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error("docs/reference/performance.md has no place for the tables");
  await writeFile(page, `${head}${begin}\n\n${made}\n\n${end}${tail}`);
  console.log(made);
} finally {
  await Promise.all(contenders.map((contender) => contender.dispose()));
}
