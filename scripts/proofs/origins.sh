#!/usr/bin/env bash
# Let every verifier of assertions judge the vectors and stand behind a running Postern, and nginx, Envoy, Caddy with the examples
# 3 min; needs Python 3.10, and nginx with its JavaScript module for some; ONLY="vectors behindPostern privateHop proxies"
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
scripts/packages.sh setup
npm run build --silent --prefix packages --workspace origin
CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$POSTERN_ROOT/target}/examples" cargo build --quiet --locked --manifest-path packages/rust/examples/axum/Cargo.toml
node tests/proofs/origins/run.ts
