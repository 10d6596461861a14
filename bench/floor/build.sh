#!/usr/bin/env bash
# Builds the two no-op Workers in Rust into bench/floor/bare and bench/floor/usual, when they are not there or older than
# their source: `bare` with Postern's entry (src/entry.js), `usual` as the `worker` crate is commonly used.
set -euo pipefail
. "$(dirname "$0")/../../scripts/env.sh"
cd "$POSTERN_ROOT/bench/floor"
export WASM_BINDGEN_BIN="$WASM_BINDGEN_ROOT/bin/wasm-bindgen" WASM_OPT_BIN="$POSTERN_ROOT/node_modules/.bin/wasm-opt"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$POSTERN_ROOT/target}/floor"

build() { # name, esbuild, arguments
  local name="$1" bundler="$2" source
  shift 2
  if [ -s "$name/index_bg.wasm" ]; then
    source="$(find Cargo.toml Cargo.lock src build.sh ../../src/entry.js -newer "$name/index_bg.wasm")"
    [ -n "$source" ] || return 0
  fi
  say "building the no-op Worker in Rust: $name"
  rm -rf build "$name"
  ESBUILD_BIN="$bundler" "$WORKER_BUILD_ROOT/bin/worker-build" --release . "$@"
  [ -s build/index.js ] && [ -s build/index_bg.wasm ] || die "worker-build left no Worker"
  mv build "$name"
}

build bare "$POSTERN_ROOT/scripts/bundle.sh"
build usual "$POSTERN_ROOT/node_modules/.bin/esbuild" --features usual
