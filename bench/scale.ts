// `make scale`: the simulator's tables into docs/reference/scaling.md.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { made } from "./pages.ts";

const root = fileURLToPath(new URL("../", import.meta.url));
const text = execFileSync("cargo", ["run", "--quiet", "--example", "scale"], { cwd: root, encoding: "utf8" });
await made("scaling.md", "cargo run --example scale", text);
console.log(text);
