// The bad tokens of crates/app/tests/attacks/, made for a Worker that runs now: written by crates/app/tests/verify_attacks.rs.
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Postern } from "../../worker/harness.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface Attack {
  name: string;
  token: string;
  /** The cause it is refused for, as the log has it. */
  code: string;
  /** Nobody reads what is wrong with it in another issuer's token: there it passes, and means no more. */
  only_ours: boolean;
}

export interface AttackList {
  /** What is in the list and cannot be played here, by name. */
  leftOut: string[];
  jwks: { keys: Record<string, unknown>[] };
  good: string;
  attacks: Attack[];
  /** What another issuer's token may have, since nobody reads it; empty for our own. */
  harmless: Attack[];
}

/** No setting limits an issuer's lifetimes (docs/concepts/verification.md section 3), so the Worker has no such rule to break. */
const WITHOUT_A_RULE = ["lifetime_too_long"];

/** White space around a header's value is no part of it (RFC 9110 section 5.5): the Worker sees the good token. */
const TAKEN_OFF_BY_HTTP = ["leading space", "trailing space", "trailing newline"];

/** Their time comes: they are sent first. */
const NOT_YET = ["not_yet_valid", "issued_in_future"];

/** Of the Worker under attack. Shorter than what the list is made for, so that its tokens of the future stay there. */
export const LEEWAY = 5;

/** Makes the list for this issuer and audience. Compiles the native tests if need be. */
export async function attackList(issuer: string, audience: string, whose: "own" | "external"): Promise<AttackList> {
  const folder = await mkdtemp(join(tmpdir(), "postern-attacks-"));
  const out = join(folder, "attacks.json");
  const env = {
    ...process.env,
    POSTERN_ATTACKS_OUT: out,
    POSTERN_ATTACKS_ISSUER: issuer,
    POSTERN_ATTACKS_AUDIENCE: audience,
  };
  try {
    const cargo = async (arguments_: string[], more = {}) =>
      promisify(execFile)("cargo", ["test", "--quiet", "--package", "postern-app", "--features", "all-algorithms", "--lib", ...arguments_], { cwd: root, env: { ...env, ...more } });
    // Compiled before the time is taken: what is "in the future" by a few seconds would not be any more.
    await cargo(["--no-run"]);
    const now = String(Math.floor(Date.now() / 1000));
    await cargo(["--", "--ignored", "--exact", "tests::verify_attacks::write_the_list"], { POSTERN_ATTACKS_NOW: now });
    const list = JSON.parse(await readFile(out, "utf8")) as Omit<AttackList, "leftOut" | "harmless">;
    const isHarmless = ({ only_ours }: Attack) => whose === "external" && only_ours;
    const isLeftOut = ({ name, code }: Attack) => WITHOUT_A_RULE.includes(code) || TAKEN_OFF_BY_HTTP.includes(name);
    const attacks = list.attacks
      .filter((attack) => !isLeftOut(attack) && !isHarmless(attack))
      .sort((a, b) => Number(NOT_YET.includes(b.code)) - Number(NOT_YET.includes(a.code)));
    return { ...list, attacks, harmless: list.attacks.filter(isHarmless), leftOut: list.attacks.filter(isLeftOut).map(({ name }) => name) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The longest that an answer may take before it is none. */
const PATIENCE_MS = 10_000;

/** Sends the token byte for byte, also where an HTTP client would refuse to: the status. */
export function statusFor(postern: Postern, token: string, path: string): Promise<number> {
  const { hostname, port, host } = new URL(postern.url);
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let answer = "";
  const socket = connect(Number(port), hostname, () => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\nauthorization: Bearer ${token}\r\n\r\n`);
  });
  socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error("timeout")));
  const status = () => /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  // The status is all that is wanted: the server would keep the connection for seconds.
  socket.setEncoding("latin1").on("data", (chunk) => {
    answer += chunk;
    if (status() !== undefined) socket.destroy();
  });
  let broken: unknown;
  // A server that answers before it has read all of a bad request resets the connection afterwards.
  socket.on("error", (error) => (broken = error));
  socket.on("close", () => {
    const found = status();
    if (found !== undefined) resolve(Number(found));
    else reject(new Error(`no HTTP answer to ${JSON.stringify(token.slice(0, 100))}`, { cause: broken }));
  });
  return promise;
}
