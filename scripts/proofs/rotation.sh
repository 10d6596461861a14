#!/usr/bin/env bash
# Play three key rotations under traffic, one a change of algorithm, verified by the gate, jose and PyJWT
# 2 min
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
node tests/proofs/rotation/run.ts
