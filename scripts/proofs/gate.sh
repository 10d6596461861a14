#!/usr/bin/env bash
# Try to get past the gate by paths, headers, bodies, WebSockets and load; no bypass, leak or failure
# 5 min; ONLY="paths load", SEED=1, SECONDS=60 (of load)
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
# bash counts SECONDS up by itself, so the Makefile hands the number over under another name.
# shellcheck disable=SC2086 # a list of words
node tests/proofs/gate/run.ts --seconds="${LOAD_SECONDS:-60}" ${ONLY:-}
