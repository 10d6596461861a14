// What a whole run of the tests has seen: every secret that passed a client, and every line that a Worker or workerd wrote.
// Test files run in processes of their own, so both go to files of a folder that the run's setup has made.
import { createHash, hkdfSync } from "node:crypto";
import { mkdirSync, openSync, readdirSync, readFileSync, writeSync } from "node:fs";
import { join } from "node:path";

const FOLDER = "POSTERN_RUN_FOLDER";

/**
 * The purposes of the keys that are derived from a master secret, which are as secret as it is: read from the code that derives
 * them, so that none is forgotten here.
 */
export const PURPOSES = [...readFileSync(new URL("../../../crates/core/src/secrets.rs", import.meta.url), "utf8").matchAll(/: key\("([a-z-]+)"\)/g)].map(
  ([, purpose]) => purpose!,
);

const files = new Map<string, number>();

/** Outside of a run (make proof NAME=soak) nothing is collected. */
function write(kind: "secrets" | "output", text: string): void {
  const folder = process.env[FOLDER];
  if (folder === undefined) return;
  let file = files.get(kind);
  if (file === undefined) {
    file = openSync(join(folder, `${kind}-${process.pid}`), "a", 0o600);
    files.set(kind, file);
  }
  writeSync(file, text);
}

export function beginRun(folder: string): void {
  mkdirSync(folder, { recursive: true });
  process.env[FOLDER] = folder;
}

export const noteOutput = (text: string): void => write("output", text);

/** The commonest password of all is also a word in the names of settings, columns and events. */
const A_WORD = /^password$/i;

export function noteSecret(secret: string): void {
  if (!A_WORD.test(secret)) write("secrets", `${JSON.stringify(secret)}\n`);
}

export function noteMasterKey(setting: unknown): void {
  if (Array.isArray(setting)) return setting.forEach((item: { key?: unknown }) => noteMasterKey(item.key));
  if (typeof setting !== "string") return;
  if (setting.trimStart().startsWith("[")) return noteMasterKey(JSON.parse(setting));
  noteSecret(setting);
  const master = Buffer.from(setting, "base64url");
  if (master.length < 32) return;
  for (const purpose of PURPOSES) {
    noteSecret(Buffer.from(hkdfSync("sha256", master, Buffer.alloc(0), `postern/v1/${purpose}`, 32)).toString("base64url"));
  }
}

function read(folder: string, kind: "secrets" | "output"): string[] {
  const names = readdirSync(folder).filter((name) => name.startsWith(kind));
  return names.flatMap((name) => readFileSync(join(folder, name), "utf8").split("\n")).filter((line) => line !== "");
}

/** Shorter texts occur by chance. */
const SHORTEST = 8;

/** A made-up token of one letter repeated is no secret, and occurs: a made-up kid has as many. Random text has far more. */
const LEAST_CHARACTERS = 6;

const couldBeChance = (form: string) => form.length < SHORTEST || new Set(form).size < LEAST_CHARACTERS;

/** What of a secret would give it away, in every form that a careless line could have. */
function formsOf(secret: string): string[] {
  // A signature by itself makes a token of public parts; so does what follows a refresh token's prefix.
  const parts = [secret, secret.replace(/^prt_/, ""), ...(/^[\w-]+\.[\w-]+\.[\w-]+$/.test(secret) ? [secret.split(".")[2] ?? ""] : [])];
  const bytes = /^[\w-]{22,}$/.test(secret.replace(/^prt_/, "")) ? [Buffer.from(secret.replace(/^prt_/, ""), "base64url")] : [];
  bytes.push(Buffer.from(secret, "utf8"));
  const encoded = bytes.flatMap((each) => [each.toString("hex"), each.toString("base64").replace(/=+$/, ""), each.toString("base64url")]);
  // The end of a refresh token is its MAC, and what is before it its secret: half of it is too much as well.
  const tail = secret.startsWith("prt_") ? [secret.slice(-40)] : [];
  const all = [...parts, ...encoded, ...tail, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  return couldBeChance(secret) ? [] : all.filter((form) => !couldBeChance(form));
}

/** Texts that are secrets by their shape, whoever made them. */
const SHAPES = /p(?:rt|ac)_[\w-]{20,}|eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,}|"(?:d|p|q|dp|dq|qi)":"[\w-]{20,}"|-----BEGIN [A-Z ]*PRIVATE KEY/g;

/**
 * The one intended exception: the local profile has no mail, and prints what it would send. Of such a line the one-time
 * token alone is taken out, by itself and in `link`; everything else in it is searched.
 */
function withoutIntended(line: string): string {
  return line.startsWith("notification: {") ? line.replace(/"token":"[\w-]*"/, '"token":""').replace(/#token=[\w-]*"/, '#token="') : line;
}

export interface Leak {
  /** Shortened: a failing run is no place for a secret either. */
  secret: string;
  line: string;
}

export interface Searched {
  secrets: number;
  forms: number;
  lines: number;
  leaks: Leak[];
}

export function search(secrets: Iterable<string>, output: Iterable<string>): Searched {
  const all = new Set(secrets);
  // By their first characters: a look-up at each place of the text, whatever the number of secrets.
  const byStart = new Map<string, Set<string>>();
  let forms = 0;
  for (const secret of all) {
    for (const form of formsOf(secret)) {
      const start = form.slice(0, SHORTEST);
      const known = byStart.get(start) ?? new Set<string>();
      byStart.set(start, known);
      if (!known.has(form)) forms += 1;
      known.add(form);
    }
  }
  const leaks: Leak[] = [];
  let lines = 0;
  const found = (secret: string, line: string) => {
    const hash = createHash("sha256").update(secret).digest("hex").slice(0, 8);
    leaks.push({
      secret: `${secret.slice(0, 6)}... (${secret.length} characters, SHA-256 ${hash})`,
      line: line.replaceAll(secret, "[here]").slice(0, 300),
    });
  };
  for (const raw of output) {
    lines += 1;
    const line = withoutIntended(raw);
    for (const [shape] of line.matchAll(SHAPES)) found(shape, line);
    for (let at = 0; at + SHORTEST <= line.length; at += 1) {
      for (const form of byStart.get(line.slice(at, at + SHORTEST)) ?? []) {
        if (line.startsWith(form, at)) found(form, line);
      }
    }
  }
  return { secrets: all.size, forms, lines, leaks };
}

export function searchRun(): Searched {
  const folder = process.env[FOLDER] ?? "";
  return search(read(folder, "secrets").map((line) => JSON.parse(line) as string), read(folder, "output"));
}

/** The events of the run: lines of JSON that have a name. */
export function eventsOfRun(): Record<string, unknown>[] {
  const lines = read(process.env[FOLDER] ?? "", "output").filter((line) => line.startsWith('{"at":'));
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
