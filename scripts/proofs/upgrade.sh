#!/usr/bin/env bash
# Let this version and the one before answer in turn over the same storage, under mixed traffic
# 10 min and two builds, MINUTES=; FROM=commit is the version before: the last release, or 12970c7 as long as there is none
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh

from="${FROM:-$(git describe --tags --abbrev=0 --match 'v[0-9]*' HEAD^ 2>/dev/null || echo 12970c7)}"
commit="$(git rev-parse --verify --quiet "$from^{commit}")" || die "FROM=$from is no commit of this clone; fetch its history"
before="$POSTERN_ROOT/target/versions/$commit"
if [ ! -s "$before/build/.inputs" ]; then
  say "building $from, the version before"
  rm -rf "$before"
  mkdir -p "$before"
  git archive "$commit" | tar -x -C "$before"
  # With its own lock files: wasm-opt and esbuild are part of a version.
  (
    unset POSTERN_ROOT
    export CARGO_TARGET_DIR="$PWD/target/versions/target"
    cd "$before" && scripts/setup.sh && scripts/build.sh
  )
fi
node tests/proofs/upgrade/run.ts "$before/build" build
