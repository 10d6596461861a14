#!/usr/bin/env bash
# Import 100 000 users, kill the program and workerd on the way, compare D1 with the source
# 15 min; USERS=100000
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
cargo build --quiet --package postern-cli
scripts/build.sh
node tests/proofs/import/run.ts
