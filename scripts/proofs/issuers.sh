#!/usr/bin/env bash
# Make issuers fail in every way, send 10 000 unknown kids, measure the cache of verified tokens
# 5 min; ONLY="failing random-kids cache"
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
for part in ${ONLY:-failing random-kids cache}; do
  node "tests/proofs/issuers/$part.ts"
done
