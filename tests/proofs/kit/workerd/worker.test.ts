import { BROKEN, connectPostern } from "@postern/testing/connect";
import { exports } from "cloudflare:workers";
import { expect, inject, test } from "vitest";

const postern = connectPostern(inject("postern"));
const AUDIENCE = "https://orders.example.com";
const ask = (assertion: string) => exports.default.fetch(`${AUDIENCE}/`, { headers: { "x-postern-assertion": assertion, "x-test-issuer": postern.issuer } });

test("the Worker takes the gate's assertion", async () => {
  const answer = await ask(await postern.assertion(AUDIENCE, { sub: "alice" }));
  expect(await answer.json()).toEqual({ hello: "alice" });
});

// jose alone does not look at a subject or a time in the future that this Worker does not require.
const OURS_ALONE = ["without subject", "issued in the future", "without expiry", "a claim twice"];
test.each(BROKEN.filter((kind) => !OURS_ALONE.includes(kind)))("an assertion that is %s is refused", async (kind) => {
  expect((await ask(await postern.assertion(AUDIENCE, {}, kind))).status).toBe(401);
});

test("a session is made from inside workerd", async () => {
  const alice = await postern.signIn();
  expect((await alice.fetch("/")).status).toBe(200);
});
