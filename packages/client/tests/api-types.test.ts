import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
// @ts-expect-error: a script without declarations
import { apiTypes } from "../scripts/api-types.mjs";

test("the types are those of docs/reference/openapi.yaml", () => {
  const file = new URL("../src/api.ts", import.meta.url);
  expect(readFileSync(file, "utf8"), "run npm run types in packages/client").toBe(apiTypes());
});
