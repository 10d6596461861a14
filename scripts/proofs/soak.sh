#!/usr/bin/env bash
# Storms, thieves, races and 200 kills of workerd, with figures
# 15 min; ONLY="kills theft", SEED=1
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
# shellcheck disable=SC2086 # a list of words
node tests/proofs/soak/main.ts ${ONLY:-}
