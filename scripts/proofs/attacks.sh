#!/usr/bin/env bash
# Send every bad token of crates/app/tests/attacks to the running Worker; all must be refused
# 2 min
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
node tests/proofs/attacks/run.ts
