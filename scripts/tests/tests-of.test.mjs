// The tests that a file has, by name and line.
import assert from "node:assert/strict";
import { test } from "node:test";
import { testsOf } from "../tests-of.mjs";

test("tests of TypeScript are found with their lines", () => {
  const text = [
    'describe("a group", () => {',
    '  test("one", async () => {});',
    "  test.for([",
    '    ["a, (b", 1],',
    '  ])("each %s", () => {});',
    "  it.skip('it\\'s', () => {});",
    "});",
    "const test = 1;",
    "call(test);",
  ].join("\n");
  assert.deepEqual(testsOf("x.test.ts", text), [
    { name: "a group", line: 1, group: true, skipped: false },
    { name: "one", line: 2, group: false, skipped: false },
    { name: "each %s", line: 3, group: false, skipped: false },
    { name: "it's", line: 6, group: false, skipped: true },
  ]);
});

test("tests of Rust are found with their first attribute", () => {
  const text = ["#[test]", "fn plain() {}", "", "    #[cfg(unix)]", "    #[test]", "    #[ignore]", "    fn inner() {}", "fn none() {}"].join("\n");
  assert.deepEqual(testsOf("x.rs", text), [
    { name: "plain", line: 1, group: false, skipped: false },
    { name: "inner", line: 4, group: false, skipped: true },
  ]);
});
