// Many refreshes of one token at once, in many families: all must get the same successor, and no family may end.
import type { Postern } from "../../worker/harness.ts";
import { families, refresh, type Answer, type Granted } from "./client.ts";

export interface StormFigures {
  families: number;
  racers: number;
  refused: number;
  /** Families by how many distinct successors were handed out in them: all under 1, if all is well. */
  distinctSuccessors: Record<number, number>;
  /** Families whose successor did not serve afterwards. */
  falselyRevoked: number;
  seconds: number;
}

const isGranted = (answer: Answer): answer is Granted => answer.granted;

/** `abreast` families at a time, each with `racers` refreshes of its one token in flight. */
export async function storm(postern: Postern, count: number, racers: number, abreast = 1): Promise<StormFigures> {
  const opened = await families(postern, count, 40, "storm");
  const figures: StormFigures = { families: count, racers, refused: 0, distinctSuccessors: {}, falselyRevoked: 0, seconds: 0 };
  const begun = performance.now();

  async function race(family: Granted): Promise<void> {
    const answers = await Promise.all(Array.from({ length: racers }, () => refresh(postern, family.refreshToken)));
    const successors = new Set(answers.filter(isGranted).map((answer) => answer.refreshToken));
    figures.refused += answers.filter((answer) => !answer.granted).length;
    figures.distinctSuccessors[successors.size] = (figures.distinctSuccessors[successors.size] ?? 0) + 1;
    const [successor = ""] = successors;
    const next = await refresh(postern, successor);
    // The racers were one rotation, and so this is the second.
    if (!next.granted || next.rotation !== family.rotation + 2) figures.falselyRevoked += 1;
  }

  for (let at = 0; at < opened.length; at += abreast) await Promise.all(opened.slice(at, at + abreast).map(race));
  figures.seconds = (performance.now() - begun) / 1000;
  return figures;
}
