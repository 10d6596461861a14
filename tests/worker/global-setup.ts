// Before the first test: the Worker, built by the same script as for a deployment.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export default function buildTheWorker(): void {
  execFileSync(fileURLToPath(new URL("../../scripts/build.sh", import.meta.url)), { stdio: "inherit" });
}
