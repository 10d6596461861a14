// Takes wrangler's output through, readable: with two Workers it begins each line of theirs with the name of the Worker,
// which it does not know, "[undefined]". Run by scripts/dev.sh.
import { createInterface } from "node:readline";

// Ctrl-C is for wrangler: what it says at its end is taken through too.
process.on("SIGINT", () => {});
const colour = "(?:\\x1b\\[\\d+m)*";
const name = new RegExp(`^${colour}\\[undefined\\]${colour} `);
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  process.stdout.write(`${line.replace(name, "")}\n`);
}
