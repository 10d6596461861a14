// Writes the repository's wrangler.toml for users of the package, whose Worker is built: template.mjs FROM [TO]
import { readFileSync, writeFileSync } from "node:fs";

const [from, to] = process.argv.slice(2);
let text = readFileSync(from, "utf8");

/** Replaces what must be there. */
function replace(found, by) {
  if (!found.test(text)) throw new Error(`${from} has no ${found}: change packages/postern/scripts/template.mjs`);
  text = text.replace(found, by);
}

replace(/^(#.*\n)+/, "# What every Postern of this version has in common: bindings and objects. Copy from it what an upgrade brings.\n");
replace(/^main = .*$/m, 'main = "node_modules/postern/dist/worker/index.js"');
replace(/^migrations_dir = .*$/m, 'migrations_dir = "node_modules/postern/dist/migrations"');
replace(/^\[build\]\n(.*\n)*?\n/m, "");
if (to === undefined) process.stdout.write(text);
else writeFileSync(to, text);
