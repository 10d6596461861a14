// Writes dist/ of the package in the current folder: node ../build.mjs ENTRY... for the files src/ENTRY.ts.
// JavaScript by esbuild, not minified, as apps do that; declarations by tsc.
import { build } from "esbuild";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";

const entries = process.argv.slice(2);
rmSync("dist", { recursive: true, force: true });
await build({
  entryPoints: entries.map((entry) => `src/${entry}.ts`),
  outdir: "dist",
  bundle: true,
  splitting: true,
  packages: "external",
  format: "esm",
  target: "es2022",
  logLevel: "warning",
});
const settings = existsSync("tsconfig.build.json") ? "tsconfig.build.json" : "tsconfig.json";
execFileSync("tsc", ["-p", settings, "--noEmit", "false", "--emitDeclarationOnly", "--rootDir", "src", "--outDir", "dist"], { stdio: "inherit" });
// tsc leaves the names of our sources in declarations.
for (const name of readdirSync("dist").filter((one) => one.endsWith(".d.ts"))) {
  writeFileSync(`dist/${name}`, readFileSync(`dist/${name}`, "utf8").replace(/(from |import\()"(\.\/[^"]+)\.ts"/g, '$1"$2.js"'));
}
