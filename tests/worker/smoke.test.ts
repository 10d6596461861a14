import { afterEach, expect, test } from "vitest";
import { startPostern, type Postern } from "./harness.ts";

const running: Postern[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((postern) => postern.dispose()));
});

async function start(...options: Parameters<typeof startPostern>): Promise<Postern> {
  const postern = await startPostern(...options);
  running.push(postern);
  return postern;
}

test("the built Worker answers on workerd", async () => {
  const postern = await start();
  const response = await postern.fetch("/healthz");
  expect(response.status).toBe(200);
  await response.text();
});
