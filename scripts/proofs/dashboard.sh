#!/usr/bin/env bash
# Search among 100 000 users in the dashboard, and count the rows that D1 reads for it
# 3 min; USERS=100000, ROUNDS=100
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
node tests/proofs/dashboard/run.ts
