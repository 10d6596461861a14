#!/usr/bin/env bash
# Time how soon the gate refuses what is revoked, also while KV takes no writes, and what that costs
# 10 min; ONLY="delays costs kv client readyz", REREAD=30, MINUTES=4
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
node tests/proofs/revocation/run.ts
