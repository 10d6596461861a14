// What each rule promises while KV, D1 or an object fails: the table of docs/concepts/revocation.md, row by row. What stands between the
// Worker and a part throws, never answers, or answers garbage; the Worker is the built one.
import { describe, expect, test } from "vitest";
import { setTimeout as delay } from "node:timers/promises";
import type { Breakable, Breakage } from "./harness.ts";
import { bearer, expectProblem, json, post, refresh, signIn } from "./support/client.ts";
import { ADMIN, ALICE, PASSWORD, settings } from "./support/config.ts";
import { claimsOf } from "./support/jwt.ts";
import { growth, METRICS_TOKEN, scrape } from "./support/metrics.ts";
import { eventually } from "./support/poll.ts";
import { expectNoSecrets, start, type Running } from "./support/postern.ts";

const LEVELS = [
  { name: "none", revocation: "none" },
  { name: "feed", revocation: "feed" },
  { name: "feed-refuse", revocation: "feed", stale_feed: "refuse" },
  { name: "strong", revocation: "strong" },
  { name: "strong-refuse", revocation: "strong", stale_feed: "refuse" },
] as const;
const ROUTES = [
  ...LEVELS.map((level) => ({ ...level, path: `/${level.name}`, service: "ORIGIN", scopes_all: ["nobody:has"] })),
  { name: "socket", path: "/socket/ws", service: "ORIGIN", strip_prefix: "/socket", websocket: { close_on_revocation: true, check_interval: 1 } },
];

/** Nearly as short as the local profile takes: read every second, stale after six, a beat every three. */
const SHORT = { reread: 1, max_age: 6 };
/** KV's copy is gone by for a third of `max_age`, and read every `reread`; a busy machine is given as long again. */
const PROMISED_MS = 2 * (SHORT.max_age / 3 + SHORT.reread) * 1000;

let starting: Promise<unknown> = Promise.resolve();

/** One after the other: most of these tests wait, and starting is what takes the machine. */
function boot(revocation: Record<string, number> = SHORT): Promise<Running> {
  const vars = settings({ POSTERN_REVOCATION: revocation, POSTERN_METRICS_TOKEN: METRICS_TOKEN }, ROUTES);
  const options = { breakable: true, direct: true, vars };
  const started = starting.then(() => start(options));
  starting = started.catch(() => {});
  return started;
}

async function withPostern(work: (postern: Running) => Promise<void>, revocation?: Record<string, number>): Promise<void> {
  const postern = await boot(revocation);
  try {
    await work(postern);
  } finally {
    await postern.dispose();
  }
  expectNoSecrets(postern);
}

/** The answer of each level, as its status. 403 is a token that is good and lacks the scope: it passed the gate's questions. */
async function answers(postern: Running, token: string): Promise<Record<string, number>> {
  const entries = await Promise.all(
    LEVELS.map(async ({ name }) => {
      const response = await postern.fetch(`/${name}`, { headers: bearer(token) });
      const text = await response.text();
      if (response.status === 503) {
        expect(Number(response.headers.get("retry-after")), name).toBeGreaterThan(0);
        expect(JSON.parse(text), name).toMatchObject({ code: "unavailable" });
      }
      return [name, response.status] as const;
    }),
  );
  return Object.fromEntries(entries);
}

const PASS = 403;
const all = (status: number) => Object.fromEntries(LEVELS.map(({ name }) => [name, status]));
const except = (names: readonly string[], status: number) => ({ ...all(PASS), ...Object.fromEntries(names.map((name) => [name, status])) });
const STRONG = ["strong", "strong-refuse"];
const REFUSING = ["feed-refuse", "strong-refuse"];

/** Traffic for longer than the feed may be old, and what each answer was. */
async function afterStaleness(postern: Running, token: string): Promise<Record<string, number>> {
  const end = Date.now() + (SHORT.max_age + SHORT.reread + 1) * 1000;
  let last = {};
  while (Date.now() < end) {
    last = await answers(postern, token);
    await delay(300);
  }
  return last;
}

/** Who may read the metrics has every part asked at once. */
const ready = (postern: Running) => postern.fetch("/readyz", { headers: bearer(METRICS_TOKEN) });

async function feedOf(postern: Running): Promise<{ kv_age: number | null; failed_writes: number }> {
  const { revocation_feed } = (await (await ready(postern)).json()) as { revocation_feed: { kv_age: number | null; failed_writes: number } };
  return revocation_feed;
}

const HOW: Breakage[] = ["throws", "garbage"];

describe.concurrent("while parts fail", () => {
  // No sign-in works without D1.
  test("one of KV, D1, feed down: every level goes on", { timeout: 180_000 }, () =>
    withPostern(async (postern) => {
      const { access_token: token } = await signIn(postern);
      expect(await answers(postern, token)).toEqual(all(PASS));
      for (const [part, how] of [["POSTERN_KV", "throws"], ["POSTERN_KV", "garbage"], ["DB", "garbage"], ["REVOCATION_FEED", "throws"]] as [Breakable, Breakage][]) {
        await postern.break({ [part]: how });
        expect(await afterStaleness(postern, token), `${part} ${how}`).toEqual(all(PASS));
        expect((await postern.fetch("/public/ping")).status, part).toBe(200);
        if (part === "DB") await expectProblem(await post(postern, "/auth/login", { login: ALICE, password: PASSWORD }), 503, "unavailable");
      }
      await postern.break();
      expect(await answers(postern, (await signIn(postern)).access_token)).toEqual(all(PASS));
    }),
  );

  for (const how of ["takes-no-writes", "old"] as const) {
    // /readyz and the counters say so.
    test(`KV ${how}: the revoked is refused within the bound`, { timeout: 180_000 }, () =>
      withPostern(async (postern) => {
        const sessions = [];
        for (let count = 0; count < 8; count += 1) sessions.push(await signIn(postern));
        const good = await signIn(postern);
        await eventually("the feed is in KV", async () => ((await answers(postern, good.access_token))["feed"] === PASS && (await feedOf(postern)).kv_age !== null ? true : undefined));
        const before = await scrape(postern);
        await postern.break({ POSTERN_KV: how });
        let longest = 0;
        for (const session of sessions) {
          expect(await answers(postern, session.access_token)).toEqual(all(PASS));
          await (await post(postern, "/auth/logout", { refresh_token: session.refresh_token })).text();
          const revoked = performance.now();
          await eventually("it is refused", async () => ((await answers(postern, session.access_token))["feed"] === 401 ? true : undefined));
          longest = Math.max(longest, performance.now() - revoked);
          // Who was not revoked passes, at every level.
          expect(await answers(postern, good.access_token)).toEqual(all(PASS));
          await delay(1_500);
        }
        console.log(`KV ${how}: ${sessions.length} tokens, the longest passed ${(longest / 1000).toFixed(1)} s`);
        expect(longest).toBeLessThan(PROMISED_MS);
        const response = await ready(postern);
        const { parts } = (await response.json()) as { parts: { part: string; ok: boolean }[] };
        expect(response.status).toBe(503);
        expect(parts.filter(({ ok }) => !ok).map(({ part }) => part)).toEqual(["kv"]);
        if (how === "takes-no-writes") {
          const grown = growth(before, await scrape(postern));
          expect(grown['postern_revocation_feed_writes_total{result="failure"}']).toBeGreaterThan(1);
          expect(grown['postern_faults_total{part="kv"}']).toBeGreaterThan(1);
        }
        await postern.break();
        await eventually("it is ready again", async () => {
          await answers(postern, good.access_token);
          return (await ready(postern)).status === 200 ? true : undefined;
        }, 90_000);
      }),
    );
  }

  // A route with `refuse` answers 503, `strong` knows all about sessions, and all is well afterwards.
  test("KV and feed down: the last copy serves", { timeout: 180_000 }, () =>
    withPostern(async (postern) => {
      const [good, before, during, operator] = [await signIn(postern), await signIn(postern), await signIn(postern), await signIn(postern, { login: ADMIN })];
      for (const { access_token } of [good, before, during]) expect(await answers(postern, access_token)).toEqual(all(PASS));
      await (await post(postern, "/auth/logout", { refresh_token: before.refresh_token })).text();
      await eventually("the feed has it", async () => ((await answers(postern, before.access_token))["feed"] === 401 ? true : undefined));

      await postern.break({ POSTERN_KV: "throws", REVOCATION_FEED: "throws" });
      expect(await afterStaleness(postern, good.access_token)).toEqual(except(REFUSING, 503));
      expect(await answers(postern, before.access_token), "revoked before").toEqual({ none: PASS, feed: 401, "feed-refuse": 503, strong: 401, "strong-refuse": 503 });
      await (await post(postern, "/auth/logout", { refresh_token: during.refresh_token })).text();
      expect(await answers(postern, during.access_token), "revoked meanwhile").toEqual({ none: PASS, feed: PASS, "feed-refuse": 503, strong: 401, "strong-refuse": 503 });
      const order = { kind: "access_token", jti: claimsOf(good.access_token)["jti"] };
      await expectProblem(await post(postern, "/admin/revocations", order, bearer(operator.access_token)), 503, "unavailable");

      await postern.break();
      await eventually("what was revoked meanwhile is refused", async () => ((await answers(postern, during.access_token))["feed"] === 401 ? true : undefined));
      expect(await answers(postern, good.access_token)).toEqual(all(PASS));
      await json(await post(postern, "/admin/revocations", order, bearer(operator.access_token)));
      expect((await answers(postern, good.access_token))["feed"]).toBe(401);
    }),
  );

  // `feed` only where it has to confirm a hit; open sockets stay.
  test("Account objects down: `strong` answers 503", { timeout: 180_000 }, () =>
    withPostern(async (postern) => {
      const [good, ended] = [await signIn(postern), await signIn(postern)];
      for (const { access_token } of [good, ended]) expect(await answers(postern, access_token)).toEqual(all(PASS));
      const open = async () => {
        const opened = new WebSocket(new URL("/socket/ws", postern.url.replace("http:", "ws:")), { headers: bearer(good.access_token) } as unknown as string[]);
        await new Promise((resolve, reject) => {
          opened.addEventListener("message", resolve, { once: true });
          opened.addEventListener("error", reject);
        });
        return opened;
      };
      const early = await open();
      await (await post(postern, "/auth/logout", { refresh_token: ended.refresh_token })).text();
      for (const how of HOW) {
        await postern.break({ ACCOUNT: how });
        // After ten looks that failed it is closed: that takes longer than this.
        if (how === HOW[0]) expect(early.readyState).toBe(WebSocket.OPEN);
        expect(await afterStaleness(postern, good.access_token), how).toEqual(except(STRONG, 503));
        // Nobody asked about it while the object answered: the hit cannot be confirmed, and nobody is refused unheard.
        expect(await answers(postern, ended.access_token), how).toEqual({ ...all(503), none: PASS });
        expect((await refresh(postern, good.refresh_token)).status, how).toBe(503);
      }
      await postern.break();
      const socket = await open();
      expect(await answers(postern, good.access_token)).toEqual(all(PASS));
      expect((await answers(postern, ended.access_token))["feed"]).toBe(401);
      const closed = new Promise<number>((resolve) => socket.addEventListener("close", ({ code }) => resolve(code)));
      await (await post(postern, "/auth/logout", { refresh_token: good.refresh_token })).text();
      expect(await closed).toBe(1008);
    }),
  );

  // Without any feed `pass` passes; without keys all of it is 503.
  test("a cold isolate without KV asks the objects", { timeout: 180_000 }, async () => {
    for (const [broken, expected] of [
      [["POSTERN_KV"], all(PASS)],
      [["POSTERN_KV", "REVOCATION_FEED"], except(REFUSING, 503)],
      [["POSTERN_KV", "KEY_RING"], all(503)],
    ] as [Breakable[], Record<string, number>][]) {
      let token = "";
      const parts = Object.fromEntries(broken.map((part) => [part, "throws" as const]));
      await withPostern(async (postern) => {
        // A sign-in needs neither the key set nor the feed.
        token = (await signIn(postern)).access_token;
        await postern.break(parts);
        expect(await answers(postern, token), broken.join(" and ")).toEqual(expected);
        await postern.break();
        await eventually("it recovers", async () => (Object.values(await answers(postern, token)).every((status) => status === PASS) ? true : undefined));
      });
    }
  });

  // Only by calls that need it.
  test("a hanging part is given up after ten seconds", { timeout: 180_000 }, () =>
    withPostern(
      async (postern) => {
        const { access_token: token } = await signIn(postern);
        expect(await answers(postern, token)).toEqual(all(PASS));
        const timed = async (path: string) => {
          const begun = Date.now();
          const response = await postern.fetch(path, { headers: bearer(token) });
          await response.text();
          return [response.status, Date.now() - begun] as const;
        };
        await postern.break({ POSTERN_KV: "hangs", REVOCATION_FEED: "hangs", ACCOUNT: "hangs", DB: "hangs" });
        // The feed is due, and read in the background.
        await delay(5_500);
        for (const path of ["/none", "/feed", "/feed-refuse", "/public/ping"]) {
          const [status, took] = await timed(path);
          expect([200, PASS], path).toContain(status);
          expect(took, path).toBeLessThan(3_000);
        }
        const [[strong, took], login] = await Promise.all([timed("/strong"), post(postern, "/auth/login", { login: ALICE, password: PASSWORD })]);
        expect(strong).toBe(503);
        expect(took).toBeGreaterThan(9_000);
        expect(took).toBeLessThan(20_000);
        await expectProblem(login, 503, "unavailable");
        await postern.break();
        await eventually("it recovers", async () => ((await timed("/strong"))[0] === PASS ? true : undefined));
      },
      { reread: 5, max_age: 60 },
    ),
  );
});
