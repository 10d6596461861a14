// The whole list of crates/app/tests/attacks/ through the running Worker, in short: `make proof NAME=attacks` also sends the good token after
// each bad one, and plays our own issuer.
import { afterAll, beforeAll, expect, test } from "vitest";
import { statusFor } from "../proofs/attacks/list.ts";
import { external, type Scene } from "../proofs/attacks/scene.ts";

/** The list is written by the native tests, which may have to be compiled first. */
const COMPILING_MS = 15 * 60_000;

let scene: Scene;
beforeAll(async () => {
  scene = await external();
}, COMPILING_MS);
afterAll(() => scene.stop());

// None makes the Worker fail.
test("no bad token is accepted, and the good one stays good", async () => {
  const { postern, list } = scene;
  expect(await statusFor(postern, list.good, "/echo")).toBe(200);
  const wrong: string[] = [];
  for (const { name, token } of list.attacks) {
    const status = await statusFor(postern, token, "/echo");
    if (status < 400 || status > 499) wrong.push(`${name}: ${status}`);
  }
  expect(wrong).toEqual([]);
  // What nobody reads of another issuer's token refuses none.
  const refused: string[] = [];
  for (const { name, token } of list.harmless) {
    const status = await statusFor(postern, token, "/echo");
    if (status !== 200) refused.push(`${name}: ${status}`);
  }
  expect(refused).toEqual([]);
  expect(list.harmless.length).toBeGreaterThanOrEqual(40);
  expect(list.attacks.length).toBeGreaterThanOrEqual(150);
  expect(await statusFor(postern, list.good, "/echo")).toBe(200);
  // One for the good token, and one for unknown kids within the cooldown.
  expect(scene.fetches()).toBeLessThanOrEqual(2);
});
