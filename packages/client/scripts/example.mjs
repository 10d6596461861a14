// Writes examples/spa/client.js, this package as one module, so that the example runs without a build step. A test fails
// when they part.
//
//   node scripts/example.mjs
import { build } from "esbuild";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The text of the module. */
export async function exampleModule() {
  const { outputFiles } = await build({
    absWorkingDir: fileURLToPath(new URL("..", import.meta.url)),
    entryPoints: ["src/index.ts"],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "warning",
    banner: { js: "// @postern/client, written by packages/client/scripts/example.mjs: do not edit. An app of yours installs it by npm." },
  });
  // Without the names of our files.
  return outputFiles[0].text.replaceAll(/^\/\/ src\/.*\n/gm, "");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(new URL("../../../examples/spa/client.js", import.meta.url), await exampleModule());
