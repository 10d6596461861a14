const { BROKEN, connectPostern } = require("@postern/testing/connect");

const postern = connectPostern(JSON.parse(process.env.POSTERN));

test.each(BROKEN)("a token that is %s is refused", async (kind) => {
  const headers = { authorization: `Bearer ${await postern.broken(kind)}` };
  expect((await postern.fetch("/orders", { headers })).status).toBe(401);
});
