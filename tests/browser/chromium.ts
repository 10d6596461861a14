// Where Chromium is. A browser is no npm package: whoever runs `make proof NAME=browser` has one, or is told how to get one.
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const PLACES = [
  "/usr/lib/chromium/chromium",
  "/snap/bin/chromium",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The program: what CHROMIUM names, or the first that is found. Fails with what to do about it. */
export function chromiumPath(): string {
  const named = process.env["CHROMIUM"];
  if (named) {
    if (isProgram(named)) return named;
    throw new Error(`CHROMIUM=${named} is no program that can be run`);
  }
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  const found = [...folders.flatMap((folder) => NAMES.map((name) => join(folder, name))), ...PLACES].find(isProgram);
  if (found) return found;
  throw new Error("no Chromium: install one (apt-get install chromium; brew install --cask chromium) or name yours, CHROMIUM=/path/to/chromium make proof NAME=browser");
}

// As a program: says it in one line before anything is built.
if (import.meta.main) {
  try {
    console.log(`postern: with ${chromiumPath()}`);
  } catch (error) {
    console.error(`postern: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
