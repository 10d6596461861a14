#!/usr/bin/env bash
# Runs Postern and the demo origin on this machine: scripts/dev.sh PORT
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"
port="${1:-8787}"

scripts/dev-vars.sh
scripts/dev-config.sh
scripts/build.sh
scripts/migrate-local.sh
scripts/tour.sh "http://127.0.0.1:$port"
# In the foreground: Ctrl-C reaches wrangler and nothing is left behind. State stays under .wrangler/state.
exec wrangler dev -c wrangler.dev.toml -c examples/origin/wrangler.toml --ip 127.0.0.1 --port "$port"
