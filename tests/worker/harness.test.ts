// The harness itself: what the other tests build on must be true first.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { startPostern, type Postern, type PosternOptions } from "./harness.ts";

const undo: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step();
});

async function start(options?: PosternOptions): Promise<Postern> {
  const postern = await startPostern(options);
  undo.push(() => postern.dispose());
  return postern;
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "postern-test-"));
  undo.push(() => rm(path, { recursive: true }));
  return path;
}

test("the built Worker answers on workerd", async () => {
  const postern = await start();
  expect((await postern.fetch("/healthz")).status).toBe(200);
});

test("what is in KV and D1 outlives a SIGKILL of workerd", async () => {
  const persist = await folder();
  const before = await start({ persist });
  await before.kv.write("key", "value");
  await before.sql("CREATE TABLE kept (word TEXT)");
  await before.sql("INSERT INTO kept VALUES (?)", "portcullis");
  await before.killHard();
  await expect(before.fetch("/healthz")).rejects.toThrow();

  const after = await start({ persist });
  expect(await after.kv.read("key")).toBe("value");
  expect(await after.sql("SELECT word FROM kept")).toEqual([{ word: "portcullis" }]);
  expect((await after.fetch("/healthz")).status).toBe(200);
});

// Killing one leaves the others alone.
test("instances share nothing", async () => {
  const [one, two, three] = await Promise.all([start(), start(), start()]);
  expect(new Set([one.url, two.url, three.url]).size).toBe(3);
  await one.kv.write("key", "one");
  expect(await two.kv.read("key")).toBeNull();

  await two.killHard();
  expect((await one.fetch("/healthz")).status).toBe(200);
  expect((await three.fetch("/healthz")).status).toBe(200);
});

test("without a persist folder nothing stays", async () => {
  const before = await start();
  await before.kv.write("key", "value");
  await before.dispose();
  const after = await start();
  expect(await after.kv.read("key")).toBeNull();
});
