#!/usr/bin/env bash
# Measures one part, `cpu` when none is named:
#
#   cpu      CPU a request beside other Workers in one workerd, under 5 min
#   quick    a few of these figures, printed only: ONLY=hit,miss,forwarding ROUNDS=30 BENCH_SECONDS=120 BLOCK=100
#            ALSO=before=folder
#   inside   the handler alone, without HTTP, beside plain JavaScript that does the same: ROUNDS=40 ALSO=before=folder
#   forward  where the microseconds of forwarding go: BENCH_SECONDS=150 ALSO=before=folder
#   throughput  requests a second of one core at 1, 32 and 256 connections, by wrk: BENCH_SECONDS=5
#   refresh  refreshes beside two other libraries
#   size     which crate and module the Worker's bytes belong to: AGAINST=other.names.wasm TOP=60
#   native   time and instructions of the domain without a platform
#   growth   how costs grow: ONLY="native objects"
#   start    an isolate's start, memory over 100 000 requests, Argon2id: ONLY="start memory argon2"
#
# All but `quick` write their figures into pages of docs/reference: `cpu`, `inside`, `forward`, `throughput`, and `refresh` into performance.md, `size`
# into size.md, the others into growth.md. `cpu` also adds a line to bench/history.jsonl: a change shows in review.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

part="${1:-cpu}"
worker=0 floor=0 peers=0
case "$part" in
  cpu | quick | throughput) worker=1 floor=1 peers=1 ;;
  refresh | inside) worker=1 peers=1 ;;
  size | growth | forward) worker=1 ;;
  start) worker=1 floor=1 ;;
  native) ;;
  *) die "PART=$part is unknown; it must be one of: cpu, quick, inside, forward, throughput, refresh, size, native, growth, start" ;;
esac
scripts/setup.sh
# What is not optimised is not worth a figure.
[ "$worker" = 0 ] || POSTERN_FAST='' scripts/build.sh
[ "$floor" = 0 ] || bench/floor/build.sh
[ "$peers" = 0 ] || npm ci --prefix bench --ignore-scripts --no-audit --no-fund --silent

case "$part" in
  cpu) exec node bench/run.ts ;;
  quick)
    export BENCH_ONLY="${ONLY:-hit,miss,forwarding}" BENCH_ROUNDS="${ROUNDS:-30}" BENCH_SECONDS="${BENCH_SECONDS:-120}" BENCH_BLOCK="${BLOCK:-100}" BENCH_ALSO="${ALSO:-}"
    exec node bench/cpu.ts
    ;;
  inside)
    export BENCH_ROUNDS="${ROUNDS:-40}" BENCH_ALSO="${ALSO:-}"
    exec node bench/inside.ts
    ;;
  forward)
    export BENCH_ALSO="${ALSO:-}"
    exec node bench/forward.ts
    ;;
  *) exec node "bench/$part.ts" ;;
esac
