# Sourced by the other scripts: where the tools are, and which versions.
# shellcheck shell=bash
POSTERN_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"

# Must equal the version of wasm-bindgen in Cargo.lock: the CLI reads a format that changes with every release.
WASM_BINDGEN_VERSION=0.2.130
# Goes with the `worker` crate of the same version.
WORKER_BUILD_VERSION=0.8.7
# Only `make check` needs it.
CARGO_DENY_VERSION=0.20.2

# Outside the clone, so that a second clone or `make clean` does not compile the tools again.
POSTERN_CACHE="${POSTERN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/postern}"
WASM_BINDGEN_ROOT="$POSTERN_CACHE/tools/wasm-bindgen-$WASM_BINDGEN_VERSION"
WORKER_BUILD_ROOT="$POSTERN_CACHE/tools/worker-build-$WORKER_BUILD_VERSION"
CARGO_DENY_ROOT="$POSTERN_CACHE/tools/cargo-deny-$CARGO_DENY_VERSION"

# Our Node (24, from npm) comes before the machine's, which may be too old for wrangler.
export PATH="$POSTERN_ROOT/node_modules/.bin:$PATH"

# Wrangler calls no server of its maker's: no telemetry, no update banner, no sample of `request.cf`.
export WRANGLER_SEND_METRICS=false WRANGLER_HIDE_BANNER=true CLOUDFLARE_CF_FETCH_ENABLED=false
# Nor does the linter of the API's description.
export REDOCLY_TELEMETRY=off REDOCLY_SUPPRESS_UPDATE_NOTICE=true
# Wrangler's debug logs belong to the clone, not to the home folder.
export WRANGLER_LOG_PATH="$POSTERN_ROOT/.wrangler/logs"

# Prints the SHA-256 of standard input: GNU and BSD systems name the program differently.
sha256() {
  if command -v sha256sum >/dev/null; then sha256sum | cut -d ' ' -f 1; else shasum -a 256 | cut -d ' ' -f 1; fi
}

# What a look at settings was about, so that the same is not looked at twice in a row.
looked_at() { # file
  cat "$1" "$(dirname "$1")/.dev.vars" 2>/dev/null | sha256
}

say() { printf 'postern: %s\n' "$*"; }
die() { printf 'postern: %s\n' "$*" >&2; exit 1; }
