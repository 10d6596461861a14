#!/usr/bin/env bash
# The long runs, a script for each in scripts/proofs: its second line says what it does, its third how long that takes on
# two cores and which settings it reads from the environment.
#
#   scripts/proof.sh       lists them
#   scripts/proof.sh NAME  runs one
set -euo pipefail
. "$(dirname "$0")/env.sh"
proofs="$POSTERN_ROOT/scripts/proofs"

if [ $# -eq 0 ]; then
  for script in "$proofs"/*.sh; do
    printf '%-11s %s\n%-11s %s\n' "$(basename "$script" .sh)" "$(sed -n '2s/^# //p' "$script")" "" "$(sed -n '3s/^# //p' "$script")"
  done
  printf '\nTimes are rough, on two cores and without the first build.\n'
  exit 0
fi
[ -x "$proofs/$1.sh" ] || die "there is no proof named $1; make proofs lists the names"
exec "$proofs/$1.sh"
