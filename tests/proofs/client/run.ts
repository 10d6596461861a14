// `make proof NAME=client`: apps that install the tarballs of @postern/client and @postern/react.
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { memory, Session } from "@postern/client";
import { startPostern } from "../../worker/harness.ts";
import { ALICE, PASSWORD, settings } from "../../worker/support/config.ts";
import { equal } from "../clients/checks.ts";
import { effectScope } from "vue";
import { store, useSession, withAxios, withKy } from "./apps/adapters.ts";
import { dpopWithOidcProvider } from "./dpop.ts";
import { sizes } from "./sizes.ts";

const here = import.meta.dirname;
const modules = join(here, "node_modules");
let failures = 0;
async function check(name: string, probe: () => unknown): Promise<void> {
  try {
    const found = await probe();
    console.log(`ok ${name}${typeof found === "string" ? `: ${found}` : ""}`);
  } catch (error) {
    failures += 1;
    const { message, stdout } = error as Error & { stdout?: Buffer };
    console.log(`FAIL ${name}: ${message}\n${stdout ?? ""}`);
  }
}
const run = (program: string, args: string[], cwd = here): string => execFileSync(program, args, { cwd, encoding: "utf8", timeout: 60_000 }).trim();

for (const name of ["client", "react"]) {
  const folder = join(modules, "@postern", name);
  await check(`publint ${name}`, () => run(join(modules, ".bin/publint"), ["--strict", folder]).split("\n").at(-1));
  // ES modules alone: require() of them works from Node 22 on.
  await check(`arethetypeswrong ${name}`, () => void run(join(modules, ".bin/attw"), [join(modules, `postern-${name}-0.1.0.tgz`), "--profile", "esm-only"]));
}

/** Compiles apps/ as a project with these settings does. */
function compiled(module: string, moduleResolution: string): void {
  const folder = mkdtempSync(join(here, "project-"));
  try {
    const compilerOptions = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, noEmit: true, target: "es2022", lib: ["es2023", "dom"], jsx: "react-jsx", types: [], skipLibCheck: false, module, moduleResolution };
    writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["../apps/app.ts", "../apps/react.tsx"] }));
    const { status, stdout } = spawnSync("tsc", ["-p", folder], { encoding: "utf8" });
    if (status !== 0) throw new Error(stdout);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
for (const [module, resolution] of [["nodenext", "nodenext"], ["node16", "node16"], ["esnext", "bundler"]] as const) await check(`tsc strict, ${resolution}`, () => compiled(module, resolution));

await check("DPoP with oidc-provider", dpopWithOidcProvider);

const postern = await startPostern({ vars: settings({ POSTERN_LIMITS: "off" }) });
const programs: [string, string, string[]][] = [
  ["Node 24", "node", []],
  ["the machine's Node", "/usr/bin/node", []],
  ["Deno", join(modules, "@deno/linux-x64-glibc/deno"), ["run", "--allow-all", "--node-modules-dir=manual"]],
  ["Bun", join(modules, "@oven/bun-linux-x64/bin/bun"), ["run"]],
];
for (const [name, program, args] of programs) {
  if (program.startsWith("/") && !existsSync(program)) {
    console.log(`skipped ${name}: not on this machine`);
    continue;
  }
  await check(name, () => {
    const said = run(program, [...args, "runtime.mjs", postern.url.replace(/\/$/, ""), ALICE, PASSWORD]);
    equal(said.split("\n").at(-1), "passed", "the last line");
    return run(program, ["--version"]).split("\n")[0];
  });
}

const url = postern.url.replace(/\/$/, "");
const session = new Session({ url, storage: memory() });
await session.signIn({ login: ALICE, password: PASSWORD });
await check("axios", async () => {
  const api = withAxios(session, url);
  equal((await api.get("/api/orders")).status, 200, "GET");
  equal((await api.post("/api/orders", { item: "a book" })).status < 300, true, "POST");
  equal((await api.get("/nothing", { validateStatus: null })).status, 404, "no route");
});
await check("ky", async () => {
  const api = withKy(session, url);
  equal((await api.get("api/orders")).status, 200, "GET");
  equal((await api.post("api/orders", { json: { item: "a book" } })).ok, true, "POST");
});
await check("Vue and Svelte", async () => {
  const scope = effectScope();
  const vue = scope.run(() => useSession(session))!;
  const svelte: string[] = [];
  const stop = store(session).subscribe(({ status }) => svelte.push(status));
  await session.signOut();
  equal([vue.value.status, ...svelte], ["signed-out", "signed-in", "signed-out"], "the states");
  scope.stop();
  stop();
  await session.signIn({ login: ALICE, password: PASSWORD });
  equal([vue.value.status, svelte.length], ["signed-out", 2], "what is shown after the end");
});
await postern.dispose();

console.log(`\n${await sizes()}`);
if (failures > 0) process.exitCode = 1;
