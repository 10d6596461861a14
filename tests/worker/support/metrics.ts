// What /metrics says, as numbers by series: `name{label="value"}` in the labels' own order.
import type { Postern } from "../harness.ts";
import { bearer } from "./client.ts";

/** Its setting is POSTERN_METRICS_TOKEN. */
export const METRICS_TOKEN = "metrics-token-of-the-tests-known-to-everyone";

export type Scrape = ReadonlyMap<string, number>;

export async function metricsText(postern: Postern): Promise<string> {
  const response = await postern.fetch("/metrics", { headers: bearer(METRICS_TOKEN) });
  const text = await response.text();
  if (response.status !== 200) throw new Error(`/metrics: ${response.status} ${text}`);
  return text;
}

/** Every sample. This reader believes what it sees; whether the text is OpenMetrics, `make proof NAME=metrics` asks a parser. */
export async function scrape(postern: Postern): Promise<Scrape> {
  const lines = (await metricsText(postern)).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.slice(line.lastIndexOf(" ") + 1))]));
}

/** What grew between two scrapes, by how much. */
export function growth(before: Scrape, after: Scrape): Record<string, number> {
  const grown = [...after].map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const);
  return Object.fromEntries(grown.filter(([, by]) => by !== 0));
}
