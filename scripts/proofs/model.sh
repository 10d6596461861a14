#!/usr/bin/env bash
# Explore every order of events around refresh families, or break a rule and find that
# 5 min; MUTANT=name, MUTANT=all breaks each rule and drops each assumption
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
model() { cargo run --quiet --release --manifest-path model/Cargo.toml -- "$@"; }
case "${MUTANT:-}" in
  "") model ;;
  all)
    model --mutants
    model --gaps
    ;;
  *) model --mutant "$MUTANT" ;;
esac
