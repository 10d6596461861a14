// A sample of `make proof NAME=gate`: the same cases, fewer of them.
import { afterAll, beforeAll, expect, test } from "vitest";
import * as headers from "../proofs/gate/headers.ts";
import * as paths from "../proofs/gate/paths.ts";
import { scene, type Scene } from "../proofs/gate/scene.ts";
import { playSlow } from "../proofs/gate/slow.ts";

let scenes: { paths: Scene; headers: Scene };
beforeAll(async () => {
  scenes = { paths: await scene(paths.ROUTES), headers: await scene(headers.ROUTES) };
});
afterAll(async () => {
  await scenes.paths.stop();
  await scenes.headers.stop();
});

// By every reading of the path that an origin may have.
test("path confusion: the origin gets what was decided on", async () => {
  // A seed whose targets reach every route of the scene.
  const seen = await paths.playPaths(scenes.paths, 2, 400);
  expect({ bypasses: seen.bypasses, failures: seen.failures }).toEqual({ bypasses: [], failures: [] });
  expect(seen.cases).toBe(800);
});

// In any spelling; every other header arrives as it was.
test("forged headers: none of the gate's names arrives", async () => {
  const seen = await headers.playHeaders(scenes.headers, 23);
  expect({ leaks: seen.leaks, failures: seen.failures }).toEqual({ leaks: [], failures: [] });
  expect(seen.cases).toBeGreaterThan(900);
});

// No other request waits for it.
test("a slow origin with 200 connections loses nothing", async () => {
  const seen = await playSlow(200);
  expect(seen.failures).toEqual([]);
  expect(seen.cases).toBeGreaterThan(300);
});
