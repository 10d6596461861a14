import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
// @ts-expect-error: a script without declarations
import { apiTypes } from "../scripts/api-types.mjs";
// @ts-expect-error: a script without declarations
import { exampleModule } from "../scripts/example.mjs";

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

test("the types are those of docs/reference/openapi.yaml", () => {
  expect(read("../src/api.ts"), "run npm run types in packages/client").toBe(apiTypes());
});

test("examples/spa has this client", async () => {
  expect(read("../../../examples/spa/client.js"), "run npm run example in packages/client").toBe(await exampleModule());
});
