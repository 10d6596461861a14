#!/usr/bin/env bash
# Run the published vectors through both verifiers, natively and on workerd
# 2 min
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
node tests/proofs/vectors/run.ts
