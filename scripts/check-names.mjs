// Names of tests say subject and behaviour in at most 60 characters; the story stands in a comment above the test.
// Usage: node scripts/check-names.mjs [--figures]
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { testsOf } from "./tests-of.mjs";

const LONGEST = 60;
const LANGUAGES = { TypeScript: /\.test\.(ts|mjs)$/, Rust: /\.rs$/ };

const files = execFileSync("git", ["ls-files", "tests", "scripts", "packages", "crates", "pages", "src", "bench", "model"], { encoding: "utf8" }).split("\n");
let failed = false;
for (const [language, pattern] of Object.entries(LANGUAGES)) {
  const tests = files
    .filter((file) => pattern.test(file))
    .flatMap((file) => testsOf(file, readFileSync(file, "utf8")).map((test) => ({ ...test, file })));
  const long = tests.filter(({ name }) => name.length > LONGEST);
  if (process.argv.includes("--figures")) {
    const lengths = tests.map(({ name }) => name.length).sort((one, other) => one - other);
    const at = (share) => lengths[Math.min(lengths.length - 1, Math.floor(lengths.length * share))];
    console.log(`${language}: ${tests.length} names, median ${at(0.5)}, p90 ${at(0.9)}, longest ${at(1)}, over ${LONGEST}: ${long.length}`);
    continue;
  }
  for (const { file, line, name } of long) console.error(`${file}:${line}: ${name.length} characters: ${name}`);
  failed ||= long.length > 0;
}
if (failed) {
  console.error(`the name of a test has at most ${LONGEST} characters; the story belongs in a comment above it`);
  process.exitCode = 1;
}
