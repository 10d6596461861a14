// Compiles src/ into dist/, and into dist/cjs/ for programs that load CommonJS, as Jest does unless it is set up otherwise.
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

process.chdir(join(import.meta.dirname, ".."));
rmSync("dist", { recursive: true, force: true });
mkdirSync("dist/cjs", { recursive: true });

const common = { entryPoints: ["src/index.ts", "src/connect.ts"], absWorkingDir: process.cwd(), bundle: true, packages: "external", target: "es2023", logLevel: "warning" };
await build({ ...common, outdir: "dist", format: "esm", platform: "node", splitting: true, chunkNames: "[name]-[hash]" });
await build({
  ...common,
  outdir: "dist/cjs",
  format: "cjs",
  platform: "node",
  // `import()` needs a flag inside Jest; `require` does the same here.
  supported: { "dynamic-import": false },
  define: { "import.meta.url": "__filename", "import.meta.dirname": "__dirname" },
});
execFileSync("tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
for (const name of readdirSync("dist").filter((each) => each.endsWith(".d.ts"))) {
  // tsc leaves the sources' endings in declarations.
  writeFileSync(join("dist", name), readFileSync(join("dist", name), "utf8").replaceAll(/"(\.\/[^"]+)\.ts"/g, '"$1.js"'));
  cpSync(join("dist", name), join("dist/cjs", name));
}
writeFileSync("dist/cjs/package.json", '{ "type": "commonjs" }\n');
