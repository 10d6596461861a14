// Workers as Miniflare takes them.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** A peer's script from bench/peers/, bundled as wrangler would. */
export async function peerScript(file: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL(`peers/${file}`, import.meta.url))],
    bundle: true,
    format: "esm",
    target: "esnext",
    conditions: ["workerd", "worker", "import"],
    external: ["cloudflare:*", "node:*"],
    write: false,
    logLevel: "error",
  });
  return outputFiles[0]?.text ?? "";
}

/** What a build of WASM left in a folder. */
export function modules(folder: string) {
  return {
    modulesRoot: folder,
    modules: [
      { type: "ESModule" as const, path: join(folder, "index.js") },
      { type: "CompiledWasm" as const, path: join(folder, "index_bg.wasm") },
    ],
  };
}
