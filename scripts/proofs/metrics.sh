#!/usr/bin/env bash
# Send 1 000 mixed requests and compare the counters with what the clients saw; needs Python 3
# 2 min; SEED=1
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
node tests/proofs/metrics/run.ts
