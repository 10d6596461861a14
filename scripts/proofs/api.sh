#!/usr/bin/env bash
# Let schemathesis try every call of the API description on the running Worker; needs Python 3.10
# 5 min; EXAMPLES=100, SEED=1, ONLY=/oauth/
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
node tests/proofs/api/run.ts
