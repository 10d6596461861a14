// Starts the Worker of platform.mjs: workerd and what it does, without anything of Postern but its compatibility date.
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Response as Answer } from "miniflare";
import { bindingsOf } from "../harness-config.ts";
import { startKillable } from "./killable.ts";
import { eventually } from "./poll.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface Note {
  word: string;
  at: number;
}

export interface Probe {
  readonly url: string;
  /** Asks an object, or the Worker itself as "-", and returns its JSON. */
  ask<T = unknown>(name: string, thing: string, query?: Record<string, string>): Promise<T>;
  /** The words that an object noted, in their order. */
  words(name: string): Promise<string[]>;
  notes(name: string): Promise<Note[]>;
  /** Waits until the Worker printed this. */
  printed(text: string): Promise<void>;
  killHard(): Promise<void>;
  dispose(): Promise<void>;
}

/** A folder for what workerd stores; the returned function removes it. */
export async function disk(): Promise<[string, () => Promise<void>]> {
  const path = await mkdtemp(join(tmpdir(), "postern-platform-"));
  return [path, () => rm(path, { recursive: true, force: true })];
}

export async function startProbe(persist: string): Promise<Probe> {
  const { compatibilityDate } = await bindingsOf(join(root, "wrangler.toml"));
  const lines: string[] = [];
  const { miniflare, killHard, dispose } = startKillable({
    resourcePersistencePath: persist,
    printed: (line) => void lines.push(line),
    workers: [
      {
        name: "probe",
        modules: true,
        script: await readFile(join(root, "tests/worker/support/platform.mjs"), "utf8"),
        compatibilityDate,
        kvNamespaces: ["KV"],
        d1Databases: ["DB"],
        durableObjects: { PROBE: { className: "Probe", useSQLite: true } },
        serviceBindings: {
          SELF: { name: "probe" },
          SLOW: async () => {
            await delay(500);
            return new Answer("late");
          },
        },
      },
    ],
  });
  const url = (await miniflare.ready).origin;

  async function ask<T>(name: string, thing: string, query: Record<string, string> = {}): Promise<T> {
    const answer = await fetch(`${url}/${name}/${thing}?${new URLSearchParams(query)}`, { headers: { connection: "close" } });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${name}/${thing}: ${answer.status} ${text.slice(0, 300)}`);
    return JSON.parse(text) as T;
  }

  const notes = (name: string) => ask<Note[]>(name, "notes");
  return {
    url,
    ask,
    notes,
    words: async (name) => (await notes(name)).map(({ word }) => word),
    printed: (text) => eventually(`the line ${text}`, () => (lines.some((line) => line.includes(text)) ? true : undefined)).then(() => {}),
    killHard,
    dispose,
  };
}
