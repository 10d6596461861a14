import { startPostern } from "@postern/testing";
import assert from "node:assert/strict";
import { after, test } from "node:test";

const postern = await startPostern();
after(() => postern.dispose());

test("strangers stay outside", async () => {
  assert.equal((await postern.fetch("/orders")).status, 401);
});

test("Alice's session ends after a week", async () => {
  const alice = await postern.signIn();
  await postern.advance({ days: 8 });
  await assert.rejects(alice.refresh(), /invalid_grant/);
});
