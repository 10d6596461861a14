#!/usr/bin/env bash
# Measures one part, `cpu` when none is named:
#
#   cpu      CPU a request beside other Workers in one workerd, about 20 min
#   quick    a few of these figures, printed only: ONLY=hit,miss,forwarding ROUNDS=7 BLOCK=150 ALSO=before=folder
#   refresh  refreshes beside two other libraries
#   size     which crate and module the Worker's bytes belong to: AGAINST=other.names.wasm TOP=60
#   native   time and instructions of the domain without a platform
#   growth   how costs grow: ONLY="native objects"
#   start    an isolate's start, memory over 100 000 requests, Argon2id: ONLY="start memory argon2"
#
# All but `quick` write their figures into pages of docs/reference: `cpu` and `refresh` into performance.md, `size` into
# size.md, the others into growth.md.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

part="${1:-cpu}"
worker=0 floor=0 peers=0
case "$part" in
  cpu | quick) worker=1 floor=1 peers=1 ;;
  refresh) worker=1 peers=1 ;;
  size | growth) worker=1 ;;
  start) worker=1 floor=1 ;;
  native) ;;
  *) die "PART=$part is unknown; it must be one of: cpu, quick, refresh, size, native, growth, start" ;;
esac
scripts/setup.sh
# What is not optimised is not worth a figure.
[ "$worker" = 0 ] || POSTERN_FAST='' scripts/build.sh
[ "$floor" = 0 ] || bench/floor/build.sh
[ "$peers" = 0 ] || npm ci --prefix bench --ignore-scripts --no-audit --no-fund --silent

case "$part" in
  cpu) exec node bench/run.ts ;;
  quick)
    export BENCH_ONLY="${ONLY:-hit,miss,forwarding}" BENCH_ROUNDS="${ROUNDS:-7}" BENCH_BLOCK="${BLOCK:-150}" BENCH_ALSO="${ALSO:-}"
    exec node bench/cpu.ts
    ;;
  *) exec node "bench/$part.ts" ;;
esac
