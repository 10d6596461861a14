#!/usr/bin/env bash
# Builds the package `postern` into dist/: the Worker as it is deployed, the migrations, the template of the settings, their
# schema and types, and the program (crates/cli) as WebAssembly.
set -euo pipefail
package="$(cd "$(dirname "$0")/.." && pwd)"
. "$package/../../scripts/env.sh"
cd "$POSTERN_ROOT"

[ -s build/index.js ] && [ -s build/index_bg.wasm ] || die "there is no built Worker: run make build"
# An unoptimised Worker is for work on the code (POSTERN_FAST), and leaves no names beside it.
[ -s build/index_bg.names.wasm ] || die "the built Worker is not optimised: run make build"

# In a folder of its own: the Worker and the program make files of the same name.
say "building the program as WebAssembly"
cargo build --quiet --release --package postern-cli --bin postern --target wasm32-unknown-unknown --target-dir target/program

dist="$package/dist"
rm -rf "$dist"
mkdir -p "$dist/worker" "$dist/program"
cp build/index.js build/index_bg.wasm "$dist/worker/"
cp -R migrations "$dist/migrations"
node scripts/licences.mjs wasm32-unknown-unknown postern postern-cli >"$dist/THIRD-PARTY-LICENCES.txt"
node "$package/scripts/template.mjs" wrangler.toml "$dist/wrangler.toml"

"$WASM_BINDGEN_ROOT/bin/wasm-bindgen" --target web --no-typescript --out-dir "$dist/program" --out-name cli \
  target/program/wasm32-unknown-unknown/release/postern.wasm
node_modules/.bin/wasm-opt "$dist/program/cli_bg.wasm" -o "$dist/program/cli_bg.wasm" -Oz --strip-debug --enable-bulk-memory \
  --enable-exception-handling --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int \
  --enable-reference-types --enable-sign-ext

cd "$package"
node scripts/schema.mjs
# What the program imports stays a module of its own; so does the process that exchange.ts is.
esbuild src/postern.ts src/host.ts src/exchange.ts --bundle --splitting --format=esm --platform=node --target=node22 \
  --external:./cli.js --outdir=dist/program --log-level=warning
esbuild src/index.ts --format=esm --platform=node --target=node22 --outdir=dist --log-level=warning
tsc -p tsconfig.build.json
sed -i.bak 's/\.ts";$/.js";/' dist/index.d.ts
rm dist/index.d.ts.bak
chmod +x dist/program/postern.js
