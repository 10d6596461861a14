// What a page pays: minified by esbuild, gzip -9. docs/reference/client.md has the figures beside those of others.
import { build } from "esbuild";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";

async function size(code: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: new URL("../..", import.meta.url).pathname, loader: "ts" },
    bundle: true, write: false, minify: true, format: "esm", target: "es2022", external: ["react"],
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
}

const ERRORS = "PosternError, Refused, SessionChanged, StepUpRequired, Unreachable";
test.for([
  ["a session by password", `export { Session, ${ERRORS} } from "./client/src/index.ts"`, 4096],
  ["a session by redirect", `export { OAuthSession, ${ERRORS} } from "./client/src/index.ts"`, 4096],
  ["both", `export * from "./client/src/index.ts"`, 5120],
  ["dpop", `export * from "./client/src/dpop.ts"`, 2048],
  ["react", `export * from "./react/src/index.ts"`, 1024],
] as const)("%s fits", async ([name, code, limit]) => {
  const bytes = await size(code);
  console.log(`${name}: ${bytes} bytes`);
  expect(bytes).toBeLessThanOrEqual(limit);
});
