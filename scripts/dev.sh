#!/usr/bin/env bash
# Runs Postern and the demo origin on this machine: scripts/dev.sh PORT
# APP=web-app: with the app of examples/web-app in place of the page at /. It is built first, in some seconds.
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

app=()
if [ -n "${APP:-}" ]; then
  [ -f "examples/$APP/binding.toml" ] || die "there is no app $APP to serve: APP=web-app"
  app=(-c "examples/$APP/wrangler.toml")
fi

scripts/port.sh "$port"
scripts/dev-vars.sh
node scripts/settings.mjs local
if [ -n "${APP:-}" ]; then
  say "building examples/$APP"
  scripts/packages.sh setup
  for package in client react; do npm run build --silent --prefix packages --workspace "@postern/$package"; done
  lock="$(sha256 <"examples/$APP/package-lock.json")"
  stamp="examples/$APP/node_modules/.postern-lock"
  if [ "$(cat "$stamp" 2>/dev/null)" != "$lock" ]; then
    npm ci --prefix "examples/$APP" --ignore-scripts --no-audit --no-fund --loglevel=error --progress=false
    printf '%s' "$lock" >"$stamp"
  fi
  npm run build --silent --prefix "examples/$APP" -- --logLevel warn
fi
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
exec wrangler dev -c "$settings" -c examples/origin/wrangler.toml ${app[@]+"${app[@]}"} --ip 127.0.0.1 --port "$port" ${tls[@]+"${tls[@]}"} \
  --show-interactive-dev-session=false > >(exec node scripts/log.mjs) 2>&1
