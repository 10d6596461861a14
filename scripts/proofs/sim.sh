#!/usr/bin/env bash
# Run the whole deployment on a simulated platform with new seeds, or put mended faults back
# 10 min, SECONDS=; SEED= is the first seed. MUTANTS=all puts back each mended fault, MUTANTS=NAME that one: half an hour
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
[ -z "${MUTANTS:-}" ] || exec sim/mutants/run.sh "$MUTANTS"
seed="${SEED:-$(date +%s)000}"
say "seeds from $seed"
cargo run --quiet --profile sim --package postern-sim -- run --from "$seed" --seconds "${LOAD_SECONDS:-600}"
