#!/usr/bin/env bash
# Installs what is missing, and says so. Does nothing, silently, when nothing is missing.
#
#   scripts/setup.sh          what building, running and testing need
#   scripts/setup.sh --check  also cargo-deny, which only `make check` uses
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

NODE_MAJOR=20 # the oldest whose npm reads our lock file and installs our own, newer Node

need() {
  command -v "$1" >/dev/null || die "$1 is missing: $2"
}
need cargo "install Rust from https://rustup.rs"
need npm "install Node.js $NODE_MAJOR or newer from https://nodejs.org"
command -v cc >/dev/null || command -v clang >/dev/null || command -v gcc >/dev/null ||
  die "a C compiler is missing: install build-essential (Debian), gcc (Fedora) or the Xcode command line tools"

# --- Rust: the toolchain of rust-toolchain.toml, and its WASM target -------------------------------------------------
channel="$(sed -n 's/^channel *= *"\(.*\)"/\1/p' rust-toolchain.toml)"
if ! rustc --version >/dev/null 2>&1; then
  command -v rustup >/dev/null || die "rustc does not run, and rustup, which would install Rust $channel, is missing"
  say "installing Rust $channel"
  rustup toolchain install "$channel" --profile minimal --component clippy,rustfmt --target wasm32-unknown-unknown
fi
if [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown/lib" ]; then
  command -v rustup >/dev/null || die "Rust has no wasm32-unknown-unknown target, and rustup, which would add it, is missing"
  say "adding the wasm32-unknown-unknown target to Rust $channel"
  rustup target add wasm32-unknown-unknown
fi

# --- Tools that are compiled once per version ------------------------------------------------------------------------
# The target folder is the tools' own: a CARGO_TARGET_DIR shared with the crate would mix two lock files' artefacts.
# Quiet, as hundreds of "Compiling" lines bury what matters; the log is shown when the installation fails.
# Not optimised: they run for seconds at a time, and a newcomer waits minutes for their compilation.
export CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=false CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16
install_tool() { # name, root, cargo install's arguments...
  local name="$1" root="$2" log
  shift 2
  mkdir -p "$root"
  log="$root/install.log"
  say "compiling $name into $root (once; takes a few minutes)"
  if ! CARGO_TARGET_DIR="$root/target" cargo install --root "$root" "$@" >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    die "$name did not compile; the whole log is $log"
  fi
  rm -rf "$root/target"
}

if [ ! -x "$WASM_BINDGEN_ROOT/bin/wasm-bindgen" ]; then
  # Not --locked: the lock file in that release does not resolve without its default features.
  install_tool wasm-bindgen "$WASM_BINDGEN_ROOT" wasm-bindgen-cli --version "$WASM_BINDGEN_VERSION" --no-default-features --bin wasm-bindgen
fi
if [ ! -x "$WORKER_BUILD_ROOT/bin/worker-build" ]; then
  # worker-build links TLS only to download tools that we give it. scripts/no-tls takes TLS's place: no OpenSSL headers
  # are needed, and the tool cannot download anything.
  install_tool worker-build "$WORKER_BUILD_ROOT" worker-build --version "$WORKER_BUILD_VERSION" --locked --bin worker-build \
    --config "patch.crates-io.native-tls.path=\"$POSTERN_ROOT/scripts/no-tls\""
fi
if [ "${1:-}" = --check ] && [ ! -x "$CARGO_DENY_ROOT/bin/cargo-deny" ]; then
  install_tool cargo-deny "$CARGO_DENY_ROOT" cargo-deny --version "$CARGO_DENY_VERSION" --locked
fi

# --- npm packages, and with them a Node that is new enough -----------------------------------------------------------
lock="$(sha256 <package-lock.json)"
stamp=node_modules/.postern-lock
if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$lock" ]; then
  say "installing the npm packages of package-lock.json"
  # loglevel=error hides one warning only: that the machine's own Node, which merely runs npm here, is older than wrangler wants.
  npm ci --no-audit --no-fund --loglevel=error --progress=false
  version="$(node_modules/.bin/node --version)" || die "the npm package 'node' did not install its program (are npm's install scripts switched off?)"
  case "$version" in
    v24.*) ;;
    *) die "node_modules/.bin/node is $version, not 24" ;;
  esac
  printf '%s' "$lock" >"$stamp"
fi
