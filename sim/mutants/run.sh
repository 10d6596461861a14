#!/usr/bin/env bash
# Puts mended faults back into a copy of the code, one at a time, and runs seeds until a promise breaks:
#   sim/mutants/run.sh all | NAME
set -euo pipefail
. "$(dirname "$0")/../../scripts/env.sh"
cd "$POSTERN_ROOT"
copy="$POSTERN_ROOT/build/sim-mutants"

# Name, most seconds, and the faults that bring it out where few seeds have them.
table="old-copy-trusted 60
client-by-iat 60
newer-master-401 120 HastyRollout
old-key-set 120 Quiet
late-write-stays 300 KvLateWrite
logout-all-unjudged 60
refuted-for-good 60
feed-of-the-future 60
one-state-of-keys 120 IssuerMoved
removed-master-503 120
clock-put-back 60
limits-by-master 120 Rollout
issuer-clock-ahead 120 IssuerClockAhead
version-not-stored 120
no-second-try 60
seldom-requests 300
half-an-entry 120 ObjectStorage"

rm -rf "$copy/code" && mkdir -p "$copy/code"
git ls-files -z -- Cargo.toml Cargo.lock clippy.toml src crates pages sim bench/native packages/rust tests/proofs/vectors migrations docs |
  xargs -0 cp --parents -t "$copy/code"
patch --quiet --directory="$copy/code" --strip=1 < sim/mutants/put-back.patch
CARGO_TARGET_DIR="$copy/target" cargo build --quiet --profile sim --manifest-path "$copy/code/Cargo.toml" --package postern-sim

found=0 all=0
while read -r name seconds faults; do
  [ "$1" = all ] || [ "$1" = "$name" ] || continue
  all=$((all + 1))
  with=()
  for fault in $faults; do with+=(--with "$fault"); done
  told=$(POSTERN_PUT_BACK="$name" "$copy/target/sim/postern-sim" run --seconds "$seconds" --until-broken "${with[@]}" | grep "^found by" || true)
  [ -z "$told" ] || found=$((found + 1))
  printf '%-20s %s\n' "$name" "${told:-not found in $seconds s}"
done <<< "$table"
echo "$found of $all"
