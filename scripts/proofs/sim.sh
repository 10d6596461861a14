#!/usr/bin/env bash
# Run the whole deployment on a simulated platform, with new seeds
# 10 min, SECONDS=; SEED= is the first seed
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
seed="${SEED:-$(date +%s)000}"
say "seeds from $seed"
cargo run --quiet --profile sim --package postern-sim -- run --from "$seed" --seconds "${LOAD_SECONDS:-600}"
