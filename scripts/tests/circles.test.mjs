// The look for circles, on three small crates.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const look = (crate) => {
  const script = fileURLToPath(new URL("../check-circles.mjs", import.meta.url));
  const folder = fileURLToPath(new URL(`circles/${crate}`, import.meta.url));
  const { status, stdout } = spawnSync(process.execPath, [script, folder], { encoding: "utf8" });
  return { status, stdout };
};

test("a circle of three files by imports is found", () => {
  const { status, stdout } = look("imports");
  assert.match(stdout, /4 files, 3 arrows, circles of 3\n/);
  assert.match(stdout, /wheat\.rs -> bread\.rs \(crate::Bread\)/);
  assert.equal(status, 1);
});

test("a circle of three files by method calls is found", () => {
  const { status, stdout } = look("methods");
  assert.match(stdout, /circles of 3\n/);
  assert.match(stdout, /oven\.rs -> wheat\.rs \(\.grind\(\)\)/);
  assert.equal(status, 1);
});

test("names in text, comments, tests and Option are no circle", () => {
  const { status, stdout } = look("none");
  assert.match(stdout, /4 files, 2 arrows, circles of none\n/);
  assert.equal(status, 0);
});
