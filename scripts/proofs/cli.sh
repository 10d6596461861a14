#!/usr/bin/env bash
# Test the operator's program `postern`, natively and against a real Worker
# 3 min; ONLY=audit
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
cargo test --quiet --package postern-cli
cargo build --quiet --package postern-cli
# shellcheck disable=SC2086 # a list of words
vitest run --config tests/cli/vitest.config.ts ${ONLY:-}
