import { startPostern } from "@postern/testing";
import assert from "node:assert/strict";
import { test } from "node:test";

test("the API is a server of this machine", async () => {
  const { createServer } = await import("node:http");
  const server = createServer((request, response) => response.end(request.headers["x-auth-subject"]));
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const postern = await startPostern({ upstream: `http://127.0.0.1:${server.address().port}` });
  const alice = await postern.signIn();
  assert.equal(await (await alice.fetch("/")).text(), alice.user.sub);
  server.close();
  await postern.dispose();
});
