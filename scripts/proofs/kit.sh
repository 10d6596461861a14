#!/usr/bin/env bash
# Use @postern/testing from its tarball in small projects: Vitest, Jest, node:test, tests inside workerd, Playwright; break it
# 3 min; ONLY=jest; Playwright needs Chromium, CHROMIUM=/path/to/chromium
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
scripts/packages.sh dist
exec node tests/proofs/kit/run.ts ${ONLY:-}
