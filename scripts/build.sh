#!/usr/bin/env bash
# Builds the Worker into build/: index.js and index_bg.wasm.
#
# This is the [build] command of wrangler.toml, so `wrangler dev`, `wrangler deploy`, `make build` and the tests all run
# the same thing. It does nothing when nothing it reads has changed.
#
#   scripts/build.sh          build when needed, print the size, fail when over the budget
#   scripts/build.sh --force  build in any case
#   scripts/build.sh --size   print the sizes of what is there; build only when there is nothing
#   scripts/build.sh FILE     build when needed; when wrangler runs it, look then at the settings that it is about to take
#
# POSTERN_FAST=1 builds without optimisation, in seconds instead of a minute, for work on the code: no budget applies to
# what comes out, and nothing measured on it means anything. Deployments and `make test` build what is deployed.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"
mode="${1:-}"
settings=""
case "$mode" in
  *.toml) settings="$mode" mode="" ;;
esac
fast="${POSTERN_FAST:-}"

# Budgets, in bytes. An isolate compiles the module when it starts and is given one second for that; compressed it is what
# an upload carries, and the smallest plan's limit is 3 MB. Within 1 MB compressed, speed and plainness come first.
MAX_WASM_BYTES=3000000
MAX_GZIP_BYTES=1000000

wasm=build/index_bg.wasm
stamp=build/.inputs

# Everything that decides what the Worker is. Text that the crate includes (migrations, pages) counts too.
inputs() {
  local folders=() folder
  for folder in src crates/*/src pages migrations web; do
    # The operator's program is no part of the Worker.
    [ ! -d "$folder" ] || [ "$folder" = crates/cli/src ] || folders+=("$folder")
  done
  {
    find "${folders[@]}" -type f -print0
    printf '%s\0' Cargo.toml crates/*/Cargo.toml Cargo.lock rust-toolchain.toml package-lock.json scripts/build.sh scripts/bundle.sh scripts/env.sh
  } | LC_ALL=C sort -z | xargs -0 cksum | { cat; printf '%s\n' "$fast"; } | sha256
}

sizes() {
  raw="$(wc -c <"$wasm" | tr -d ' ')"
  packed="$(gzip -9 -c "$wasm" | wc -c | tr -d ' ')"
}

# Wrangler takes settings with mistakes without a word, and the Worker then serves nothing. Before a deployment they end it
# here. In `wrangler dev` they are said: whoever edits the file sees it at once.
look() {
  [ -n "$settings" ] || return 0
  case "${WRANGLER_COMMAND:-}" in
    "") ;;
    dev) [ "${POSTERN_LOOKED_AT:-}" = "$(looked_at "$settings")" ] || node scripts/check-settings.mjs "$settings" --local || true ;;
    *) node scripts/check-settings.mjs "$settings" || exit 1 ;;
  esac
}

report() { # what happened
  sizes
  if [ -n "$fast" ]; then
    say "$1, not optimised (POSTERN_FAST)"
    return
  fi
  say "$1: WASM $((raw / 1000)) kB, gzip $((packed / 1000)) kB (budget $((MAX_WASM_BYTES / 1000)) kB and $((MAX_GZIP_BYTES / 1000)) kB)"
  if [ "$raw" -gt "$MAX_WASM_BYTES" ] || [ "$packed" -gt "$MAX_GZIP_BYTES" ]; then
    die "the Worker is over its size budget; see what grew (cargo tree --target wasm32-unknown-unknown) before raising it"
  fi
}

now="$(inputs)"
if [ -s "$wasm" ] && [ -s build/index.js ] && [ "$mode" != --force ]; then
  if [ "$mode" = --size ]; then
    report "the built Worker"
    exit 0
  fi
  if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$now" ]; then
    report "the Worker is up to date"
    look
    exit 0
  fi
fi

# worker-build only warns about a wrong path, and would then fetch a tool of its own: so look first.
export WASM_BINDGEN_BIN="$WASM_BINDGEN_ROOT/bin/wasm-bindgen"
export WASM_OPT_BIN="$POSTERN_ROOT/node_modules/.bin/wasm-opt"
export ESBUILD_BIN="$POSTERN_ROOT/scripts/bundle.sh"
for tool in "$WASM_BINDGEN_BIN" "$WASM_OPT_BIN" "$ESBUILD_BIN" "$WORKER_BUILD_ROOT/bin/worker-build"; do
  [ -x "$tool" ] || die "$tool is missing: run make setup"
done
# wasm-bindgen's own complaint about this does not say what to do.
locked="$(sed -n '/^name = "wasm-bindgen"$/{n;s/^version = "\(.*\)"$/\1/p;}' Cargo.lock)"
[ "$locked" = "$WASM_BINDGEN_VERSION" ] ||
  die "Cargo.lock has wasm-bindgen $locked and scripts/env.sh names $WASM_BINDGEN_VERSION: make them equal"

# A panic names its place in the source: without the folders of whoever builds, which say nothing and are a part in a
# hundred of the module. Cargo reads this variable before RUSTFLAGS, so what is there is taken along.
flags="${RUSTFLAGS:-}"
flags="${CARGO_ENCODED_RUSTFLAGS:-${flags// /$'\x1f'}}"
for sources in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do
  flags="${flags:+$flags$'\x1f'}--remap-path-prefix=$sources="
done
export CARGO_ENCODED_RUSTFLAGS="$flags"

rm -f "$stamp"
if [ -n "$fast" ]; then
  say "building the Worker, not optimised"
  "$WORKER_BUILD_ROOT/bin/worker-build" --dev --out-dir build .
  [ -s "$wasm" ] && [ -s build/index.js ] || die "worker-build left no build/index.js or $wasm"
  printf '%s' "$now" >"$stamp"
  report "built the Worker"
  look
  exit 0
fi
say "building the Worker"
"$WORKER_BUILD_ROOT/bin/worker-build" --release --out-dir build .
[ -s "$wasm" ] && [ -s build/index.js ] || die "worker-build left no build/index.js or $wasm"
# worker-build keeps the names of functions, a fifth of the file. They go into a file beside it, for reading a stack trace
# and for seeing what grew. Optimising once more finds what the first time uncovered, one part in a hundred.
cp "$wasm" build/index_bg.names.wasm
"$WASM_OPT_BIN" build/index_bg.names.wasm -o "$wasm" -O3 --strip-debug --enable-bulk-memory --enable-exception-handling \
  --enable-multivalue --enable-mutable-globals --enable-nontrapping-float-to-int --enable-reference-types --enable-sign-ext
printf '%s' "$now" >"$stamp"
report "built the Worker"
look
