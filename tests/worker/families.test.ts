// Refresh families: rotation under concurrency, theft found out, honest retries answered.
import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bearer, expectProblem, json, post, refresh, refreshed, sessions, signIn, type Tokens, wordsOf } from "./support/client.ts";
import { settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { eventually, pastSecond } from "./support/poll.ts";
import { expectNoSecrets, shared, start, type Running } from "./support/postern.ts";

/** The whole family is over: no token of it serves, whoever presents it. */
async function expectDead(postern: Running, tokens: { refresh_token: string }[]): Promise<void> {
  for (const { refresh_token } of tokens) {
    await expectProblem(await refresh(postern, refresh_token), 401, "invalid_grant");
  }
}

describe("with the default windows", () => {
  const postern = shared(() => ({ vars: settings() }));

  test("20 refreshes of one token at once: one successor", async () => {
    const { refresh_token, session_id } = await signIn(postern());
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(postern(), refresh_token)));
    const tokens = await Promise.all(answers.map((answer) => json<Tokens>(answer)));
    expect(new Set(tokens.map((one) => one.refresh_token)).size).toBe(1);
    expect(new Set(tokens.map((one) => one.session_id))).toEqual(new Set([session_id]));
    expect(new Set(tokens.map((one) => claimsOf(one.access_token)["rot"])).size).toBe(1);
    await refreshed(postern(), tokens[0]?.refresh_token ?? "");
  });

  // The session goes on.
  test("a retry in the reuse interval: identical successor", async () => {
    const first = await signIn(postern());
    const second = await refreshed(postern(), first.refresh_token);
    const retry = await refreshed(postern(), first.refresh_token);
    expect(retry.refresh_token).toBe(second.refresh_token);
    const third = await refreshed(postern(), second.refresh_token);
    expect(third.refresh_token).not.toBe(second.refresh_token);
  });

  // From any connection.
  // Tests RFC 9700 section 4.14.2: reuse revokes the session for thief and owner
  test("a replayed ancestor ends the whole family", async () => {
    const first = await signIn(postern());
    const second = await refreshed(postern(), first.refresh_token);
    const third = await refreshed(postern(), second.refresh_token);
    await expectProblem(await refresh(postern(), first.refresh_token), 401, "invalid_grant");
    // Each on a connection of its own.
    await Promise.all(
      [third, second, first].map(async ({ refresh_token }) =>
        expectProblem(await refresh(postern(), refresh_token, { connection: "close" }), 401, "invalid_grant"),
      ),
    );
    const me = await postern().fetch("/auth/me", { headers: bearer(third.access_token) });
    await expectProblem(me, 401, "invalid_token");
  });

  // Of the same user.
  test("theft in one session does not touch another session", async () => {
    const [stolen, other] = [await signIn(postern()), await signIn(postern())];
    const second = await refreshed(postern(), stolen.refresh_token);
    await refreshed(postern(), second.refresh_token);
    await expectProblem(await refresh(postern(), stolen.refresh_token), 401, "invalid_grant");
    const next = await refreshed(postern(), other.refresh_token);
    const list = await sessions(postern(), next.access_token);
    expect(list.map((one) => one.session_id)).toContain(other.session_id);
    expect(list.map((one) => one.session_id)).not.toContain(stolen.session_id);
  });

  // Tests RFC 6749 section 5.2: every refused refresh is invalid_grant
  test("a refused refresh says nothing about why", async () => {
    const dead = await signIn(postern());
    await (await post(postern(), "/auth/logout", { refresh_token: dead.refresh_token })).text();
    const revoked = await wordsOf(await refresh(postern(), dead.refresh_token));
    const garbage = await wordsOf(await refresh(postern(), "prt_garbage"));
    const unknown = await wordsOf(await refresh(postern(), `prt_${randomBytes(90).toString("base64url")}`));
    expect(garbage).toBe(revoked);
    expect(unknown).toBe(revoked);
  });
});

describe("without a reuse interval", () => {
  // Retries are then answered by the lost-response window alone, which a receipt closes a reuse interval later: at once.
  const postern = shared(() => ({ vars: settings({ POSTERN_REFRESH: { reuse_interval: 0 } }) }));

  /** The session as the user's other session sees it, so that the look itself confirms nothing. */
  async function seenAt(observer: Tokens, sessionId: string): Promise<number> {
    const list = await sessions(postern(), observer.access_token);
    const found = list.find((one) => one.session_id === sessionId);
    if (!found) throw new Error("the session is not in the list of live ones");
    return found.seen_at;
  }

  // The confirmation of a new access token closes the window for a lost answer.
  test("after the gate's confirmation its predecessor is theft", async () => {
    const observer = await signIn(postern());
    const first = await signIn(postern());
    const second = await refreshed(postern(), first.refresh_token);
    const before = await seenAt(observer, first.session_id);
    await pastSecond(Math.floor(Date.now() / 1000));
    await json(await postern().fetch("/api/orders", { headers: bearer(second.access_token) }));
    await eventually("the gate's confirmation", async () => {
      const now = await seenAt(observer, first.session_id);
      return now !== before ? now : undefined;
    });
    await expectProblem(await refresh(postern(), first.refresh_token), 401, "invalid_grant");
    await expectDead(postern(), [second]);
  });

  // It loses nothing by it.
  test("a client that only ever retries is asked to wait", async () => {
    const first = await signIn(postern());
    const second = await refreshed(postern(), first.refresh_token);
    let limited: Response | undefined;
    for (let attempt = 0; attempt < 15 && !limited; attempt += 1) {
      const response = await refresh(postern(), first.refresh_token);
      if (response.status === 429) limited = response;
      else expect((await json<Tokens>(response)).refresh_token).toBe(second.refresh_token);
    }
    expect(limited, "15 retries and no 429").toBeDefined();
    if (!limited) return;
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(0);
    await expectProblem(limited, 429, "too_many_retries");
    await refreshed(postern(), second.refresh_token);
  });
});

describe("lifetimes", () => {
  const postern = shared(() => ({
    vars: settings({ POSTERN_REFRESH: { idle_lifetime: 2, absolute_lifetime: 3, reuse_interval: 0, lost_response_window: 0 } }),
  }));

  test("idle and absolute lifetimes end a session", async () => {
    const [idle, used] = [await signIn(postern()), await signIn(postern())];
    const begun = claimsOf(idle.access_token)["iat"] as number;
    await pastSecond(begun);
    const next = await refreshed(postern(), used.refresh_token);
    await pastSecond(begun + 2);
    await expectProblem(await refresh(postern(), idle.refresh_token), 401, "invalid_grant");
    await pastSecond(begun + 4);
    await expectProblem(await refresh(postern(), next.refresh_token), 401, "invalid_grant");
  });
});

describe("forged refresh tokens", () => {
  let persist: string;
  let postern: Running;
  beforeAll(async () => {
    persist = await mkdtemp(join(tmpdir(), "postern-families-"));
    postern = await start({ persist, vars: settings() });
  });
  afterAll(async () => {
    await postern.dispose();
    await rm(persist, { recursive: true, force: true });
    expectNoSecrets(postern);
  });

  /** Every object that was ever woken has made its table, and with it a file. */
  async function objects(): Promise<string[]> {
    const files = await readdir(join(persist, "do"), { recursive: true });
    return files.filter((file) => file.endsWith(".sqlite")).sort();
  }

  // Tests RFC 6749 section 10.10: a refresh token cannot be guessed
  test("garbage is refused and wakes no object", async () => {
    const { refresh_token } = await signIn(postern);
    const before = await objects();
    const body = Buffer.from(refresh_token.slice("prt_".length), "base64url");
    const garbage = [
      "x",
      "prt_",
      "prt_!!!!",
      refresh_token.slice(4),
      refresh_token.toUpperCase(),
      `${refresh_token}A`,
      refresh_token.slice(0, -1),
      `${refresh_token}=`,
      ` ${refresh_token}`,
      `PRT_${refresh_token.slice(4)}`,
      `prt_${randomBytes(body.length).toString("base64url")}`,
      `prt_${Buffer.alloc(body.length).toString("base64url")}`,
      "prt_".padEnd(20_000, "A"),
    ];
    for (const token of garbage) await expectProblem(await refresh(postern, token), 401, "invalid_grant");
    expect(await objects()).toEqual(before);
    await refreshed(postern, refresh_token);
  });

  // Of another deployment.
  // Tests RFC 6749 section 10.4: a refresh token of another deployment is refused
  test("a refresh token under another master key is refused", async () => {
    const other = await start({ vars: settings({ POSTERN_MASTER_KEY: randomBytes(32).toString("base64url") }) });
    try {
      const { refresh_token } = await signIn(other);
      await expectProblem(await refresh(postern, refresh_token), 401, "invalid_grant");
    } finally {
      await other.dispose();
    }
    expectNoSecrets(other);
  });
});
