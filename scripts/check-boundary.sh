#!/usr/bin/env bash
# The platform's crates are for WASM alone, and src/ alone may name them, beside two files of the program of the npm package.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

PLATFORM='worker|worker_macros|worker_sys|wasm_bindgen|wasm_bindgen_futures|js_sys|web_sys|console_error_panic_hook'

# A path into one of them, or an import of it. Comments may speak of them.
if grep -rnE --include='*.rs' "(^|[^[:alnum:]_:])($PLATFORM)::|\\b(use|extern crate) +($PLATFORM)\\b" crates |
  grep -vE '^[^:]+:[0-9]+:[[:space:]]*//|^crates/cli/src/(wasm|host/node)\.rs:'; then
  die "only src/ may name the platform's crates"
fi

# cargo tree leaves out what is for other targets.
tree="$(cargo tree --quiet --locked --workspace --edges normal,build --prefix none --target "$(rustc -vV | sed -n 's/^host: //p')")"
if grep -E "^(${PLATFORM//_/[-_]}) v" <<<"$tree"; then
  die "the native build depends on the platform's crates"
fi
