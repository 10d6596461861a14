// How long one refresh takes beside two other libraries, in rounds: one chain each, a block in turn, ratios of the p50.
import { openauth, postern, workersOauthProvider, type Contender } from "./contenders.ts";
import { spread, type Spread } from "./measure.ts";

const ROUNDS = Number(process.env["BENCH_ROUNDS"] ?? 9);
const BLOCK = 60;
/** Before anything is timed, so that all code is compiled. */
const WARM_UP = 200;

interface Chain {
  contender: Contender;
  token: string;
  /** The p50 of each round, in milliseconds. */
  medians: number[];
}

async function refreshed(chain: Chain, count: number): Promise<number> {
  const times: number[] = [];
  for (let done = 0; done < count; done += 1) {
    const begun = performance.now();
    const { token, status } = await chain.contender.refresh(chain.token);
    times.push(performance.now() - begun);
    if (token === undefined) throw new Error(`${chain.contender.name} refused a refresh: ${status}`);
    chain.token = token;
  }
  return times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN;
}

/** `refresh_vs_...`, each round by round. */
export async function refreshRatios(): Promise<Record<string, Spread>> {
  const contenders = [await postern(), await workersOauthProvider(""), await openauth("")];
  try {
    const chains: Chain[] = [];
    for (const contender of contenders) chains.push({ contender, token: await contender.open(), medians: [] });
    for (const chain of chains) await refreshed(chain, WARM_UP);
    for (let round = 0; round < ROUNDS; round += 1) {
      for (const chain of chains) chain.medians.push(await refreshed(chain, BLOCK));
    }
    const [own, provider, server] = chains.map(({ medians }) => medians);
    const ratio = (theirs: number[] = []) => spread(theirs.map((value, round) => (own?.[round] ?? Number.NaN) / value));
    return { refresh_vs_workers_oauth_provider: ratio(provider), refresh_vs_openauth: ratio(server) };
  } finally {
    await Promise.all(contenders.map((contender) => contender.dispose()));
  }
}
