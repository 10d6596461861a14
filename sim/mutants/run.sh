#!/usr/bin/env bash
# Changes a copy of the code, each change behind a name in one build, and runs seeds until a promise breaks:
#   sim/mutants/run.sh all | NAME ...
# The changes are mended faults (put-back.patch, with the table below) and mutants (mutants.txt).
set -euo pipefail
. "$(dirname "$0")/../../scripts/env.sh"
cd "$POSTERN_ROOT"
copy="$POSTERN_ROOT/build/sim-mutants"

# Of put-back.patch: name, most seconds, and the faults that bring it out where few seeds have them.
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
version-not-stored 120 FeedMoves
no-second-try 60
seldom-requests 300
half-an-entry 120 ObjectStorage"

rm -rf "$copy/code" && mkdir -p "$copy/code"
git ls-files -z -- Cargo.toml Cargo.lock clippy.toml src crates pages sim bench/native packages/rust tests/proofs/vectors migrations docs |
  xargs -0 cp --parents -t "$copy/code"
patch --quiet --directory="$copy/code" --strip=1 < sim/mutants/put-back.patch
more=$(node sim/mutants/apply.mjs "$copy/code" | cut -f1-3 | tr '\t' ' ' | sed 's/ -$//')
CARGO_INCREMENTAL=1 CARGO_TARGET_DIR="$copy/target" cargo build --quiet --profile sim --manifest-path "$copy/code/Cargo.toml" --package postern-sim

found=0 all=0
while read -r name seconds faults; do
  [ "$1" = all ] || [[ " $* " = *" $name "* ]] || continue
  all=$((all + 1))
  with=()
  for fault in $faults; do with+=(--with "$fault"); done
  begun=$(date +%s%N)
  told=$(POSTERN_PUT_BACK="$name" "$copy/target/sim/postern-sim" run --seconds "$seconds" --until-broken "${with[@]}" | grep "^found by" || true)
  took=$((($(date +%s%N) - begun) / 1000000000))
  [ -z "$told" ] || found=$((found + 1))
  printf '%-28s %s\n' "$name" "${told:-not found} ($took s)"
done <<< "$table
$more"
echo "$found of $all"
