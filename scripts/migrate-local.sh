#!/usr/bin/env bash
# Applies migrations/ to the local D1 database. Wrangler remembers which ones are in.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

ls migrations/*.sql >/dev/null 2>&1 || exit 0
[ -f wrangler.local.toml ] || node scripts/settings.mjs local
# CI=true: do not ask whether to go on.
if ! log="$(CI=true wrangler d1 migrations apply DB --local -c wrangler.local.toml 2>&1)"; then
  printf '%s\n' "$log" >&2
  die "the migrations could not be applied to the local database"
fi
case "$log" in
  *"No migrations to apply"*) ;;
  *) say "applied migrations to the local database" ;;
esac
