// The operator's program, compiled to WebAssembly.
import { readFileSync } from "node:fs";

/** Runs a command of the program; the exit code. */
export async function run(words: string[]): Promise<number> {
  const { initSync, run_words } = await import("./cli.js");
  initSync({ module: readFileSync(new URL("./cli_bg.wasm", import.meta.url)) });
  return run_words(words);
}
