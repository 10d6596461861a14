import { startPostern } from "@postern/testing";

test("in ES modules, too", async () => {
  const postern = await startPostern();
  const alice = await postern.signIn();
  expect((await alice.fetch("/orders")).status).toBe(200);
  await postern.dispose();
});
