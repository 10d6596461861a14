// Against the Postern of the whole run; and how many tests that makes in a second.
import { BROKEN, connectPostern, startPostern } from "@postern/testing";
import { afterAll, expect, inject, test } from "vitest";

const shared = connectPostern(inject("postern"));
const TIMES = 200;
const began = performance.now();

test.each(BROKEN)("a token that is %s is refused", async (kind) => {
  const headers = { authorization: `Bearer ${await shared.broken(kind)}` };
  expect((await shared.fetch("/orders", { headers })).status).toBe(401);
});

test.each(Array.from({ length: TIMES }, (_, number) => number))("user %i is let in", async () => {
  const user = await shared.signIn();
  expect((await user.fetch("/orders")).status).toBe(200);
});

test("two at once are two", async () => {
  await using first = await startPostern();
  await using second = await startPostern({ issuers: ["entra-v2"] });
  const alice = await first.signIn();
  expect((await second.fetch("/", { headers: alice.headers })).status).toBe(401);
});

afterAll(() => {
  const seconds = (performance.now() - began) / 1000;
  console.log(`tests per second: ${Math.round((TIMES + BROKEN.length + 1) / seconds)}`);
});
