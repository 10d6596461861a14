#!/usr/bin/env bash
# Let nginx and AWS's library verify our access tokens and forged ones; needs nginx with its JavaScript module
# 1 min
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
npm ci --prefix tests/proofs/consumers --ignore-scripts --no-audit --no-fund --silent
node tests/proofs/consumers/run.ts
