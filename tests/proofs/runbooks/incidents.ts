// The incidents of docs/guides/runbook.md about attackers and secrets: each is caused, seen, and ended by the commands of the guide.
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ADMIN } from "../../worker/support/config.ts";
import type { Sight } from "./dashboard.ts";
import { commands } from "./guide.ts";
import { forgedRefreshToken, leakedSigningKey } from "./secrets.ts";
import { Stage, type Staged } from "./stage.ts";
import { Tally } from "./user.ts";

export interface Played {
  /** Seconds from the cause to the alert; a text where none fires. */
  alert: number | string;
  alertName: string;
  /** Seconds from the alert (or the cause) to the end that the guide names. */
  done: number;
  /** Seconds from the cause until the dashboard shows it; a text where it does not. */
  seen: number | string;
  honest: Tally;
  attacker: Tally | undefined;
  told: string;
}

export type Incident = () => Promise<Played>;

/** Plays on a stage of its own, which ends in every case. */
export function on(name: string, staged: Staged, play: (stage: Stage) => Promise<Omit<Played, "honest" | "seen">>): Incident {
  return async () => {
    const stage = await Stage.start(name, staged);
    try {
      const played = await play(stage);
      return { ...played, seen: stage.seen, honest: stage.honest };
    } finally {
      await stage.end();
    }
  };
}

export function expect(what: string, holds: boolean): void {
  if (!holds) throw new Error(`not so: ${what}`);
}

export async function until(what: string, seconds: number, look: () => Promise<boolean>): Promise<void> {
  const begun = performance.now();
  while (!(await look())) {
    if (performance.now() - begun > seconds * 1000) throw new Error(`${what}: not in ${seconds} s`);
    await delay(250);
  }
}

const api = (stage: Stage, token: string | undefined, path = "/api/orders") => stage.fetch(path, { headers: { authorization: `Bearer ${token}` } });
const status = async (answer: Promise<Response>): Promise<number> => {
  const response = await answer;
  await response.text();
  return response.status;
};
const post = (stage: Stage, path: string, body: unknown, ip = "198.51.100.9") =>
  stage.fetch(path, { method: "POST", headers: { "content-type": "application/json", "cf-connecting-ip": ip }, body: JSON.stringify(body) });

const subOf = (user: Stage["users"][0]): string => {
  const [, payload = ""] = (user.tokens?.access_token ?? "").split(".");
  return (JSON.parse(Buffer.from(payload, "base64url").toString()) as { sub: string }).sub;
};

/** A table of the overview: what was counted in the last hour. */
export const counted = (table: string, row: string): Sight => ({ page: "Overview", path: "/overview", table: `${table} by result or cause`, row });
const ofUser = (user: Stage["users"][0], table: string, row: string, says = ""): Sight => ({ page: "user's page", path: `/users/${subOf(user)}`, table, row, says });

/** A thief copies a refresh token, uses it, and calls the API until they are refused. */
export const stolenRefreshToken = on("stolen refresh token", {}, async (stage) => {
  const [owner] = stage.users as [Stage["users"][0]];
  const copied = owner.tokens?.refresh_token;
  await stage.watch("A token was stolen", [
    { page: "Overview", path: "/overview", row: "Reuse of refresh tokens detected" },
    counted("Refreshes", "reuse"),
    ofUser(owner, "Activity", "reuse_detected"),
  ]);
  stage.cause();
  const answer = await post(stage, "/auth/refresh", { refresh_token: copied });
  let stolen = (await answer.json()) as { access_token: string; refresh_token: string };
  expect("the thief gets tokens", answer.status === 200);
  stage.meanwhile(1000, async () => {
    const found = await status(api(stage, stolen.access_token));
    stage.attacker.note(found);
    if (found !== 401) return;
    const next = await post(stage, "/auth/refresh", { refresh_token: stolen.refresh_token });
    stage.attacker.note(next.status);
    if (next.status === 200) stolen = (await next.json()) as typeof stolen;
    else await next.text();
  });
  const alert = await stage.alert("PosternReuse");
  await stage.must(commands("runbook", "A token was stolen", 0, { "alice@example.com": owner.login }));
  await until("the thief is refused", 100, async () => (await status(api(stage, stolen.access_token))) === 401);
  await stage.must(commands("runbook", "A token was stolen", 1, { "alice@example.com": owner.login }));
  expect("the owner signs in again", (await owner.signIn()) === 200);
  return { alert, alertName: "PosternReuse", done: stage.seconds() - alert, attacker: stage.attacker, told: "the session had ended by itself; the thief's access token passed until the gate read the feed" };
});

/** An attacker has the active private key, and forges access tokens. */
export const leakedKey = on("leaked signing key", {}, async (stage) => {
  const key = leakedSigningKey(join(stage.folder, "state"), stage.vars["POSTERN_MASTER_KEY"] as string);
  const [user] = stage.users as [Stage["users"][0]];
  const [, payload = ""] = (user.tokens?.access_token ?? "").split(".");
  const claims = JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
  const forge = () => {
    const now = Math.floor(Date.now() / 1000);
    return key.sign({ ...claims, scope: "read:orders write:orders postern:admin", sid: randomBytes(16).toString("base64url"), iat: now, exp: now + 600, jti: randomBytes(16).toString("base64url") });
  };
  await stage.watch("A signing key leaked", [
    counted("Refused access tokens", "unknown_key"),
    { page: "Signing keys", path: "/keys", row: "", instead: key.kid, says: "retired" },
  ]);
  stage.cause();
  const admin = await status(api(stage, await forge(), "/admin/users"));
  expect("a forged token of an administrator is refused: there is no such session", admin === 401);
  stage.meanwhile(500, async () => stage.attacker.note(await status(api(stage, await forge()))));
  await delay(30_000);
  expect("forged tokens pass before", stage.attacker.passed > 0 && stage.attacker.refused === 0);
  const told = stage.seconds();
  await stage.must(commands("rotate-signing-keys", "Emergency: a signing key leaked", 0, { KID: key.kid }));
  await until("forged tokens are refused", 100, async () => (await status(api(stage, await forge()))) === 401);
  const done = stage.seconds() - told;
  const { passed } = stage.attacker;
  const after = await stage.alert("PosternTokensRefused", { code: "unknown_key" });
  expect("no forged token passes after it", stage.attacker.passed === passed);
  expect("users go on", stage.users.every(({ signIns }) => signIns === 1));
  return {
    alert: "none can fire",
    alertName: "",
    done,
    attacker: stage.attacker,
    told: `the operator learned of it after ${told.toFixed(0)} s; no user signed in again; PosternTokensRefused fires ${(after - told).toFixed(0)} s after the revocation`,
  };
});

/** An attacker has the master secret and a user's ids: forges refresh tokens, which end sessions. */
export const leakedMaster = on("leaked master secret", {}, async (stage) => {
  const master = stage.vars["POSTERN_MASTER_KEY"] as string;
  const [, victim] = stage.users as [Stage["users"][0], Stage["users"][0]];
  const known = victim.tokens?.refresh_token ?? "";
  stage.wrangler = async (words, input) => {
    expect(`it is a secret: ${words.join(" ")}`, words.join(" ").startsWith("secret put POSTERN_MASTER_KEY "));
    await stage.deploy({ POSTERN_MASTER_KEY: JSON.parse(input) as unknown });
    return "uploaded";
  };
  await stage.watch("The master secret leaked", [counted("Refreshes", "refresh_token_forged")]);
  stage.cause();
  stage.meanwhile(5000, async () => stage.attacker.note(await status(post(stage, "/auth/refresh", { refresh_token: forgedRefreshToken(known, master) }))));
  const alert = await stage.alert("PosternRefreshTokenForged");
  await stage.must(commands("runbook", "The master secret leaked", 0), { OLD: master });
  const keys = async () => JSON.parse((await stage.must("postern key list --json")).out) as { keys: { kid: string; state: string; master_id?: number }[] };
  const before = (await keys()).keys;
  const of = (state: string) => before.find((key) => key.state === state)?.kid ?? "";
  await stage.must(commands("runbook", "The master secret leaked", 1, { ACTIVE: of("active"), WAITING: of("published") }));
  await stage.must(commands("runbook", "The master secret leaked", 2, { "you@example.com": ADMIN }));
  const after = (await keys()).keys.filter(({ state }) => state === "active" || state === "published");
  expect("both keys are under the new master", after.length > 0 && after.every((key) => key.master_id === 2));
  const done = stage.seconds() - alert;
  const old = await status(post(stage, "/auth/refresh", { refresh_token: known }));
  expect("an old token is of no use", old === 401 || old === 400);
  return { alert, alertName: "PosternRefreshTokenForged", done, attacker: stage.attacker, told: "every user signs in once; no forged token was answered with tokens" };
});

/** A list of passwords from one network, and guesses at one account from forty networks. */
export const guessing = on("password-guessing wave", { vars: { POSTERN_LIMITS: undefined } }, async (stage) => {
  let guess = 0;
  const victim = stage.users[0] as Stage["users"][0];
  await stage.watch("An attack is under way", [
    counted("Sign-ins", "unknown_login"),
    counted("Sign-ins", "wrong_password"),
    counted("Calls refused by limits", "login-ip"),
    { page: "Limits and locks", path: `/limits?login=${victim.login}`, row: "account", says: "" },
  ]);
  stage.cause();
  stage.meanwhile(200, async () => {
    guess += 1;
    stage.attacker.note(await status(post(stage, "/auth/login", { login: `leaked-${guess}@example.com`, password: "a guess of many", delivery: "body" }, "192.0.2.7")));
  });
  stage.meanwhile(1500, async () => {
    stage.attacker.note(await status(post(stage, "/auth/login", { login: victim.login, password: `guess ${guess}`, delivery: "body" }, `198.18.${guess % 40}.1`)));
  });
  const alert = await stage.alert("PosternStuffing");
  const later = await stage.alert("PosternGuessing");
  await stage.must(commands("runbook", "An attack is under way", 0, { "alice@example.com": victim.login }));
  expect("the owner on a known device signs in meanwhile", (await victim.signIn()) === 200);
  expect("no guess got in", stage.attacker.passed === 0);
  await stage.must(commands("runbook", "An attack is under way", 1, { "alice@example.com": victim.login }));
  return { alert, alertName: "PosternStuffing", done: stage.seconds() - later, attacker: stage.attacker, told: `PosternGuessing after ${later.toFixed(0)} s; the owner signed in from a known device meanwhile` };
});

/** The database is put back to before a password was changed because of a theft. */
export const restored = on("D1 restored (older state)", {}, async (stage) => {
  const victim = stage.users[0] as Stage["users"][0];
  const stolen = victim.password;
  const columns = "SELECT * FROM users";
  const then = await stage.postern.sql(columns);
  await stage.watch("D1", [ofUser(victim, "Activity", "password_changed")], "restore");
  await delay(1100);
  expect("the password is changed", (await victim.changePassword("another password, which the thief lacks")) < 300);
  stage.wrangler = async (words) => {
    expect(`it is a restore: ${words.join(" ")}`, words.join(" ").startsWith("d1 time-travel restore DB --timestamp "));
    await stage.postern.sql("DELETE FROM users");
    for (const row of then) {
      const names = Object.keys(row);
      await stage.postern.sql(`INSERT INTO users (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`, ...Object.values(row));
    }
    return "restored";
  };
  stage.cause();
  await stage.must(commands("restore", "D1", 0));
  stage.meanwhile(1000, async () => stage.attacker.note(await status(post(stage, "/auth/login", { login: victim.login, password: stolen, delivery: "body" }))));
  await delay(10_000);
  await stage.sees();
  const told = stage.seconds();
  const found = (await stage.postern.sql<{ account_id: string }>("SELECT account_id FROM users WHERE login = ?", victim.login))[0]?.account_id ?? "";
  await stage.must(commands("restore", "D1", 1, { ID: found }));
  const done = stage.seconds() - told;
  expect("the thief is refused", (await status(post(stage, "/auth/login", { login: victim.login, password: stolen, delivery: "body" }))) === 401);
  return { alert: "none fires", alertName: "", done, attacker: stage.attacker, told: "the operator restores it, so knows it; the thief has the earlier password" };
});
