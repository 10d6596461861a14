// Waits until Postern answers, then prints the tour: node scripts/announce.mjs BASE_URL PROCESS
// Ends without a word when that process has ended.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";

const [base, pid] = process.argv.slice(2);
const tour = fileURLToPath(new URL("tour.sh", import.meta.url));

const runs = () => {
  try {
    return process.kill(Number(pid), 0);
  } catch {
    return false;
  }
};
const isUp = () =>
  fetch(new URL("/healthz", base), { signal: AbortSignal.timeout(5000) }).then(
    ({ status }) => status === 200,
    () => false,
  );

while (runs()) {
  if (await isUp()) {
    spawnSync(tour, [base], { stdio: "inherit" });
    break;
  }
  await delay(300);
}
