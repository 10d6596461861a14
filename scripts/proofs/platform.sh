#!/usr/bin/env bash
# Check on workerd what the simulation assumes of the platform: kills, and alarms whose handlers fail
# 4 min
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
vitest run --config tests/proofs/platform/vitest.config.ts
