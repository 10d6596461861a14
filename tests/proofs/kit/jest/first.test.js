const { startPostern } = require("@postern/testing");

let postern;
beforeAll(async () => {
  postern = await startPostern({ routes: [{ path: "/orders", scopes_all: ["read:orders"] }], upstream: () => Response.json(["portcullis"]) });
});
afterAll(() => postern.dispose());

test("orders are for those who may read them", async () => {
  const alice = await postern.signIn({ scopes: ["read:orders"] });
  expect(await (await alice.fetch("/orders")).json()).toEqual(["portcullis"]);
  expect((await postern.fetch("/orders")).status).toBe(401);
});
