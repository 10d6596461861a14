import { startPostern } from "@postern/testing";
import { expect, test } from "vitest";
import api from "./api.ts";

test("orders are for those who may read them", async () => {
  await using postern = await startPostern({ routes: [{ path: "/orders", scopes_all: ["read:orders"] }], upstream: api });
  const alice = await postern.signIn({ scopes: ["read:orders"] });
  expect((await alice.fetch("/orders")).status).toBe(200);
  expect((await postern.fetch("/orders")).status).toBe(401);
});
