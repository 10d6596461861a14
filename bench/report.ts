// The results as Markdown tables.
import type { Behaviour, Replay, Result, Retry, Times } from "./refresh.ts";

function row(cells: (string | number)[]): string {
  return `| ${cells.join(" | ")} |`;
}

function table(results: Result[], rows: [string, (result: Result) => string | number][]): string {
  return [
    row(["", ...results.map(({ name, version }) => `${name} ${version}`.trim())]),
    `|---|${results.map(() => "---|").join("")}`,
    ...rows.map(([what, cell]) => row([what, ...results.map(cell)])),
  ].join("\n");
}

const took = ({ p50, p99, failed }: Times): string =>
  `${p50.toFixed(1)} / ${p99.toFixed(1)} ms${failed > 0 ? `, ${failed} failed` : ""}`;

function retried({ status, successor, firstSuccessorServes }: Retry): string {
  const answer = { same: "the same successor", another: "another successor", none: `refused (${status})` }[successor];
  return `${answer}; the first one ${firstSuccessorServes ? "serves" : "is dead"}`;
}

function replayed({ status, familyLives }: Replay): string {
  return `${status === 200 ? "granted" : `refused (${status})`}; the family ${familyLives ? "lives on" : "has ended"}`;
}

const behaviour = (pick: (behaviour: Behaviour) => string | number) => (result: Result) => pick(result.behaviour);

export function tables(results: Result[], machine: Record<string, string | number>): string {
  const first = results[0];
  if (!first) throw new Error("no results");
  return [
    table(results, [
      [`one chain, p50 / p99 of ${first.oneChain.refreshes}`, ({ oneChain }) => took(oneChain)],
      [`50 chains in turn, p50 / p99 of ${first.manyChains.refreshes}`, ({ manyChains }) => took(manyChains)],
      [`50 chains at once, p50 / p99 of ${first.atOnce.refreshes}`, ({ atOnce }) => took(atOnce)],
      ["50 chains at once, refreshes per second", ({ atOnce }) => atOnce.perSecond],
    ]),
    "",
    table(results, [
      ["20 refreshes of one token at once: granted", behaviour(({ race }) => race.granted)],
      ["distinct successors handed out", behaviour(({ race }) => race.distinctSuccessors)],
      ["of these usable afterwards", behaviour(({ race }) => race.usableAfter)],
      ["answer lost, asked again at once", behaviour(({ lostAnswer }) => retried(lostAnswer))],
      ["answer lost, asked again after 65 s", behaviour(({ lostAnswerLater }) => retried(lostAnswerLater))],
      ["a token two rotations old, replayed at once", behaviour(({ ancestor }) => replayed(ancestor))],
      ["the same after 65 s", behaviour(({ ancestorLater }) => replayed(ancestorLater))],
    ]),
    "",
    `${machine["processor"]}, ${machine["cores"]} cores; Node.js ${machine["node"]}, Miniflare ${machine["miniflare"]}, workerd ${machine["workerd"]}.`,
  ].join("\n");
}
