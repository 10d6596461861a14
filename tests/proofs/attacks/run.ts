// `make proof NAME=attacks`: every bad token through the running Worker, and the good one after each of them.
import { statusFor } from "./list.ts";
import { external, own, type Scene } from "./scene.ts";

/** Asks for whoever is signed in, and nothing more: what is refused here is refused for the token's own sake. */
const PATH = "/echo";

async function attack(whose: string, scene: Scene): Promise<boolean> {
  const { postern, list } = scene;
  const accepted: string[] = [];
  const over499: string[] = [];
  const statuses = new Map<number, number>();
  let goodRefused = 0;
  const first = await statusFor(postern, list.good, PATH);
  if (first !== 200) throw new Error(`the good token is answered ${first}: the refusals would show nothing`);
  for (const { name, token } of list.attacks) {
    const status = await statusFor(postern, token, PATH);
    statuses.set(status, (statuses.get(status) ?? 0) + 1);
    if (status < 400) accepted.push(name);
    if (status > 499) over499.push(name);
    if ((await statusFor(postern, list.good, PATH)) !== 200) goodRefused += 1;
  }
  const counts = [...statuses].sort().map(([status, count]) => `${count} x ${status}`);
  console.log(
    `${whose}: ${accepted.length} accepted of ${list.attacks.length}, ${over499.length} answers over 499, ` +
      `good token refused ${goodRefused} times of ${list.attacks.length}; answers: ${counts.join(", ")}; ` +
      `key set fetched ${scene.fetches()} times`,
  );
  console.log(`  not played: ${list.leftOut.join(", ")}`);
  for (const name of accepted) console.log(`  ACCEPTED: ${name}`);
  for (const name of over499) console.log(`  OVER 499: ${name}`);
  return accepted.length + over499.length + goodRefused === 0;
}

let good = true;
for (const [whose, start] of [
  ["as another issuer's", external],
  ["as our own", own],
] as const) {
  const scene = await start();
  try {
    good = (await attack(whose, scene)) && good;
  } finally {
    await scene.stop();
  }
}
if (!good) process.exitCode = 1;
