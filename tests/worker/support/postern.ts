// One Postern for all tests of a file, stopped at its end; and at its end no log line may hold a secret.
import { afterAll, beforeAll, expect } from "vitest";
import { startPostern, type Postern, type PosternOptions } from "../harness.ts";
import { noting, Secrets } from "./secrets.ts";

/** Master keys, by the setting that carries them. */
function masterKeysOf(vars: Record<string, unknown>): string[] {
  return typeof vars["POSTERN_MASTER_KEY"] === "string" ? [vars["POSTERN_MASTER_KEY"]] : [];
}

export interface Running extends Postern {
  /** What its clients learned, for a test's own look at other places than the log. */
  readonly secrets: Secrets;
}

/** Starts one now. The caller stops it and looks at its log with `expectNoSecrets`. */
export async function start(options: PosternOptions = {}): Promise<Running> {
  const secrets = new Secrets();
  for (const key of masterKeysOf(options.vars ?? {})) secrets.add(key);
  const postern = noting(await startPostern(options), secrets);
  return { ...postern, secrets };
}

export function expectNoSecrets(postern: Running): void {
  expect(postern.secrets.foundIn(postern.logs.join("\n")), "secrets in the log").toEqual([]);
}

/** One for the whole file: started before its first test. */
export function shared(options: () => PosternOptions | Promise<PosternOptions>): () => Running {
  let running: Running | undefined;
  beforeAll(async () => {
    running = await start(await options());
  });
  afterAll(async () => {
    await running?.dispose();
    if (running) expectNoSecrets(running);
  });
  return () => {
    if (!running) throw new Error("Postern runs from beforeAll on, not while tests are collected");
    return running;
  };
}
