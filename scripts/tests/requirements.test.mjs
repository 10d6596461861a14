// Comments that name a clause of a standard count only directly above a test that runs.
import assert from "node:assert/strict";
import { test } from "node:test";
import { clausesOf } from "../requirements.mjs";

const MARK = "// Tests RFC 6750 section 3.1: a reason";
const found = (file, lines) => {
  const problems = [];
  const clauses = clausesOf([file], () => lines.join("\n"), problems);
  return { tests: clauses.map(({ test }) => test), problems };
};

test("a comment directly above a test counts", () => {
  const rust = ["// A story.", MARK, "#[cfg(unix)]", "#[test]", "fn one() {}"];
  assert.deepEqual(found("a.rs", rust), { tests: ["one"], problems: [] });
  assert.deepEqual(found("a.test.ts", [MARK, 'test.for([1])("two %s", () => {});']), { tests: ["two %s"], problems: [] });
});

test("a comment above anything else is a problem", () => {
  for (const [file, lines] of [
    ["a.rs", [MARK, "", "#[test]", "fn one() {}"]],
    ["a.rs", [MARK, "fn no_test() {}"]],
    ["a.rs", [MARK, "#[test]", "#[ignore]", "fn one() {}"]],
    ["a.test.ts", [MARK, 'describe("a group", () => {});']],
    ["a.test.ts", [MARK, 'test.skip("one", () => {});']],
    ["a.test.ts", ["// Tests RFC 1 section 1: no known standard", 'test("one", () => {});']],
    ["a.test.ts", ["// Tests RFC 6750, section 3.1: misspelt", 'test("one", () => {});']],
  ]) {
    const { tests, problems } = found(file, lines);
    assert.deepEqual([tests, problems.length], [[], 1], lines.join("\n"));
  }
});

test("a case of the list of attacks counts", () => {
  assert.deepEqual(found("crates/app/tests/attacks/a.rs", [MARK, "attack(", '    "zip bomb",']), { tests: ["attack: zip bomb"], problems: [] });
});
