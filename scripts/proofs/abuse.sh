#!/usr/bin/env bash
# Guess 10 000 passwords from 1 and from 1 000 addresses, race reset tokens, time refusals
# 10 min; PART="one many stolen racing timing"
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
# shellcheck disable=SC2086 # a list of words
node tests/proofs/abuse/run.ts ${PART:-}
