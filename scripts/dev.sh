#!/usr/bin/env bash
# Runs Postern and the demo origin on this machine: scripts/dev.sh PORT
# TLS=1: over TLS, for browsers that keep no Secure cookie of plain http, with a certificate that wrangler makes.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"
port="${1:-8787}"
settings=wrangler.local.toml
base="http://127.0.0.1:$port"
tls=()
if [ -n "${TLS:-}" ]; then
  base="https://localhost:$port"
  tls=(--local-protocol https)
fi

scripts/port.sh "$port"
scripts/dev-vars.sh
node scripts/settings.mjs local
# What can be seen without the Worker, before it is compiled; and the rest with it.
node scripts/check-settings.mjs "$settings" --local --quick
scripts/build.sh
node scripts/check-settings.mjs "$settings" --local
POSTERN_LOOKED_AT="$(looked_at "$settings")"
export POSTERN_LOOKED_AT
scripts/migrate-local.sh
# Prints the tour when the server answers, and ends with wrangler, whose process this one becomes.
node scripts/announce.mjs "$base" "$$" &
# In the foreground: Ctrl-C reaches wrangler and nothing is left behind. State stays under .wrangler/state.
[ ! -t 1 ] || export FORCE_COLOR=1
exec wrangler dev -c "$settings" -c examples/origin/wrangler.toml --ip 127.0.0.1 --port "$port" ${tls[@]+"${tls[@]}"} \
  --show-interactive-dev-session=false > >(exec node scripts/log.mjs) 2>&1
