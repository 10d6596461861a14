// Where the parts of this package are, for tools that start the Worker themselves, and the types of its settings.
import { fileURLToPath } from "node:url";

export type * from "./settings.ts";

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** The Worker's entry module. It imports `index_bg.wasm` beside it. */
export const workerModule: string = path("./worker/index.js");
/** The Worker's WebAssembly module. */
export const workerWasm: string = path("./worker/index_bg.wasm");
/** The folder of the D1 migrations, which are applied in the order of their names. */
export const migrationsFolder: string = path("./migrations");
/** The wrangler configuration that every Postern needs: bindings, objects, migrations of objects. It has no settings. */
export const wranglerTemplate: string = path("./wrangler.toml");
