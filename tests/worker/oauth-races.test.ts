// Grants on workerd when things happen at the same time: whichever order the Account object sees, one code opens one grant,
// and what was ended stays ended. The orders themselves, one by one, are tested in crates/core.
import { describe, expect, test } from "vitest";
import { bearer, post, signIn } from "./support/client.ts";
import { ADMIN, PASSWORD } from "./support/config.ts";
import { FormBrowser } from "./support/form-browser.ts";
import { claimsOf } from "./support/jwt.ts";
import type { TokenAnswer } from "./support/oauth-client.ts";
import { grantOf, NOTES, oauthScene } from "./support/oauth-scene.ts";

const scene = await oauthScene();
const { postern, server, opened, redemption, renewal, expectOver } = scene;

const AT_ONCE = 50;
/** Rounds of a race against one other call, which starts earlier or later among the rest in each. */
const ROUNDS = 6;

/** How many answers were tokens; all others must be `invalid_grant`, and none is a 5xx. */
function tokensOf(answers: readonly TokenAnswer[]): TokenAnswer["tokens"][] {
  const refused = answers.filter(({ status }) => status !== 200);
  expect(refused.map(({ status, error }) => `${status} ${error}`).filter((answer) => answer !== "400 invalid_grant")).toEqual([]);
  return answers.filter(({ status }) => status === 200).map(({ tokens }) => tokens);
}

/** Starts `many`, with `one` as the number `position` of them, and waits for all. */
async function among<T>(many: readonly (() => Promise<T>)[], position: number, one: () => Promise<unknown>): Promise<T[]> {
  const before = many.slice(0, position).map((start) => start());
  const other = one();
  const after = many.slice(position).map((start) => start());
  await other;
  return Promise.all([...before, ...after]);
}

// Attack: a thief redeems a stolen code, with its verifier, at the same time as the client, again and again.
// Tests RFC 9700 section 4.5: of two redemptions of a code at most one gets tokens
test("50 redemptions of a code get one set of tokens", async () => {
  for (let round = 0; round < 3; round += 1) {
    const { code, verifier } = await server().code(NOTES);
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => server().token(redemption(code, verifier))));
    const [first, ...more] = tokensOf(answers);
    expect(more).toEqual([]);
    if (!first) throw new Error("no redemption got tokens");
    await expectOver(grantOf(first.access_token), first);
  }
});

// Attack: a code without its verifier is tried while the client redeems it.
test("guesses of a verifier neither win nor disturb", async () => {
  const { code, verifier } = await server().code(NOTES);
  const guess = () => server().token(redemption(code, "A".repeat(43)));
  let client: TokenAnswer | undefined;
  const guesses = await among(Array.from({ length: AT_ONCE }, () => guess), AT_ONCE / 2, async () => {
    client = await server().token(redemption(code, verifier));
  });
  expect(tokensOf(guesses)).toEqual([]);
  expect(client?.status).toBe(200);
  expect((await server().token(renewal(client?.tokens.refresh_token ?? ""))).status).toBe(200);
});

// Several tabs or threads of one client refresh at the same time.
test("50 refreshes with one token get one successor", async () => {
  const { refresh_token } = await opened(NOTES);
  const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => server().token(renewal(refresh_token))));
  const tokens = tokensOf(answers);
  expect(tokens).toHaveLength(AT_ONCE);
  const [successor, ...others] = new Set(tokens.map((one) => one.refresh_token));
  expect(others).toEqual([]);
  expect((await server().token(renewal(successor ?? ""))).status).toBe(200);
});

describe("what was ended stays ended", () => {
  // The code comes again while the client refreshes and revokes.
  test("a replayed code against refresh and revocation", async () => {
    for (let round = 0; round < ROUNDS; round += 1) {
      const { code, verifier, ...tokens } = await opened(NOTES);
      const [replays, refreshes] = [() => server().token(redemption(code, verifier)), () => server().token(renewal(tokens.refresh_token))];
      const answers = await among([replays, refreshes, refreshes, replays, refreshes], round, () => server().revoke(NOTES, tokens.access_token));
      await expectOver(tokens.grant, tokens, ...tokensOf(answers));
    }
  });

  test("a refresh against the deletion of the grant", async () => {
    const { access_token: own } = await signIn(postern());
    for (let round = 0; round < ROUNDS; round += 1) {
      const tokens = await opened(NOTES);
      const refresh = () => server().token(renewal(tokens.refresh_token));
      const answers = await among(Array.from({ length: ROUNDS }, () => refresh), round, async () => {
        const { status } = await postern().fetch(`/auth/grants/${tokens.grant}`, { method: "DELETE", headers: bearer(own) });
        expect(status).toBe(204);
      });
      await expectOver(tokens.grant, tokens, ...tokensOf(answers));
    }
  });

  // Attack: a thief knows the password and has authorized a program. The user changes the password, or an operator ends
  // everything, before, after, or while the thief's program redeems its code.
  test.for(["the user's new password", "an operator"])("a redemption against %s", async (by) => {
    const { access_token: own } = await signIn(postern());
    const admin = await signIn(postern(), { login: ADMIN });
    // Both orders, and then as it comes.
    for (let round = 0; round < ROUNDS; round += 1) {
      const mine = await signIn(postern());
      const { code, verifier } = await server().code(NOTES, {}, { browser: new FormBrowser(postern()) });
      const redeem = () => server().token(redemption(code, verifier));
      const end = async () => {
        const ended = await (by === "an operator"
          ? postern().fetch(`/admin/users/${String(claimsOf(own)["sub"])}/sessions`, { method: "DELETE", headers: bearer(admin.access_token) })
          : post(postern(), "/auth/password", { current_password: PASSWORD, new_password: PASSWORD }, bearer(mine.access_token)));
        expect(ended.status).toBeLessThan(300);
      };
      let answer: TokenAnswer;
      if (round === 0) {
        answer = await redeem();
        await end();
      } else if (round === 1) {
        await end();
        answer = await redeem();
      } else {
        [answer] = (await among([redeem], round % 2, end)) as [TokenAnswer];
      }
      const got = tokensOf([answer]);
      if (round < 2) expect(got).toHaveLength(round === 0 ? 1 : 0);
      for (const tokens of got) await expectOver(grantOf(tokens.access_token), tokens);
      // A code that was not redeemed before the end opens nothing after it.
      expect(await server().token(redemption(code, verifier))).toMatchObject({ status: 400, error: "invalid_grant" });
    }
  });
});
