#!/usr/bin/env bash
# Roll out a new master secret in two versions under the traffic of 50 browsers
# 15 min; PLAN=two-steps, MINUTES=5, BROWSERS=50
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
# shellcheck disable=SC2086 # a list of words
node tests/proofs/rollout/run.ts ${PLAN:-}
