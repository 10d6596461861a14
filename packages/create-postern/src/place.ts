// Where the folder is made, and making it whole or not at all.
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { basename, dirname, join, resolve } from "node:path";
import { Failed } from "./failed.ts";

/** What names a Worker: the narrower of npm's rule and Cloudflare's. */
const NAME = /^[a-z][a-z0-9-]{0,52}[a-z0-9]$/;
/** npm installs no package into one of its own name, and has two that no package may have. */
const TAKEN = new Set(["postern", "wrangler", "node-modules", ...builtinModules]);

/** A folder that can be made. */
export interface Place {
  path: string;
  /** Names the package and the Worker. */
  name: string;
}

/** The place, if nothing is there that could be lost. */
export function placeFor(text: string): Place {
  const path = resolve(text);
  const name = basename(path);
  if (!NAME.test(name) || TAKEN.has(name)) {
    const why = TAKEN.has(name) ? "is the name of another package" : "cannot name a package and a Worker";
    throw new Failed(`the folder's name ${JSON.stringify(name)} ${why}: use 2 to 54 of a-z, 0-9 and -, beginning with a letter, such as my-auth`);
  }
  const there = statSync(path, { throwIfNoEntry: false });
  if (there !== undefined && !there.isDirectory()) throw new Failed(`${text} is a file`);
  if (there !== undefined && readdirSync(path).length > 0) throw new Failed(`the folder ${text} is not empty: name another one`);
  if (!existsSync(dirname(path))) throw new Failed(`the folder ${dirname(path)} does not exist`);
  return { path, name };
}

/** Writes the files, and lets `finish` work in their folder, beside the place; then it becomes the place. */
export async function make(place: Place, files: ReadonlyMap<string, string>, finish: (folder: string) => Promise<void>): Promise<void> {
  const folder = join(dirname(place.path), `.${place.name}-${randomBytes(4).toString("hex")}`);
  const remove = () => rmSync(folder, { recursive: true, force: true });
  // Ctrl-C during the installation leaves nothing behind.
  const interrupted = () => {
    remove();
    process.exit(130);
  };
  process.once("SIGINT", interrupted).once("SIGTERM", interrupted);
  try {
    mkdirSync(folder);
    for (const [name, text] of files) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      // Secrets are for their owner's eyes from the first moment on.
      writeFileSync(join(folder, name), text, { mode: name === ".dev.vars" ? 0o600 : 0o666 });
    }
    await finish(folder);
    move(folder, place.path);
  } catch (error) {
    remove();
    if (error instanceof Failed) throw error;
    throw new Failed(`${place.path} could not be made: ${(error as Error).message}`);
  } finally {
    process.off("SIGINT", interrupted).off("SIGTERM", interrupted);
  }
}

function move(from: string, to: string): void {
  if (to === process.cwd()) {
    // The folder in which a shell stands cannot be replaced.
    for (const name of readdirSync(from)) renameSync(join(from, name), join(to, name));
    rmdirSync(from);
    return;
  }
  if (existsSync(to)) rmdirSync(to);
  renameSync(from, to);
  chmodSync(to, 0o755);
}
