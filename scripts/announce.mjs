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
// No client trusts the certificate that wrangler makes. `127.0.0.1`, where it listens: `localhost` may be another first.
const { get } = base.startsWith("https:") ? await import("node:https") : await import("node:http");
const isUp = () =>
  new Promise((resolve) => {
    const asked = get({ host: "127.0.0.1", port: new URL(base).port || undefined, path: "/healthz", timeout: 5000, rejectUnauthorized: false });
    asked.on("response", (answer) => resolve(answer.resume().statusCode === 200));
    asked.on("timeout", () => asked.destroy()).on("error", () => resolve(false));
  });

while (runs()) {
  if (await isUp()) {
    spawnSync(tour, [base], { stdio: "inherit" });
    break;
  }
  await delay(300);
}
