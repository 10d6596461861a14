// What the program exports: `run_words` of crates/cli/src/main.rs, and the start of the module.
declare module "*/cli.js" {
  /** Runs a command; the exit code. */
  export function run_words(words: string[]): number;
  export function initSync(options: { module: BufferSource }): unknown;
}
