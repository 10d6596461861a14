#!/usr/bin/env bash
# Fuzz the parsers; needs the nightly toolchain and cargo-fuzz
# 4 min; FUZZ_TIME=60 (seconds for each of four parsers)
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
for target in compact header claims jwk_set; do
  mkdir -p "fuzz/corpus/$target"
  cargo +nightly fuzz run "$target" "fuzz/corpus/$target" "fuzz/seeds/$target" -- -max_total_time="${FUZZ_TIME:-60}" -max_len=4096
done
