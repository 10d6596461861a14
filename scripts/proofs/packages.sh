#!/usr/bin/env bash
# Install the npm packages as users do, with Node and npm alone on PATH: create, run, call, check, upgrade
# 4 min, with a registry; SKIP_DIST=1 takes the tarballs that are in build/packages
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
if [ -z "${SKIP_DIST:-}" ]; then
  scripts/build.sh
  scripts/packages.sh dist
  # What the program of the package is held against.
  cargo build --quiet --package postern-cli
fi
npm ci --prefix tests/proofs/packages --ignore-scripts --no-audit --no-fund --silent
node tests/proofs/packages/run.ts
