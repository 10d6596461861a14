#!/usr/bin/env bash
# Prints what to try against a running Postern: scripts/tour.sh BASE_URL
# Every indented line is a command for bash and zsh alike, with curl and sed. No comments: a zsh at a prompt would run them.
set -euo pipefail
base="${1:?usage: scripts/tour.sh BASE_URL}"
trust=""
# The certificate of make dev TLS=1 is wrangler's own.
case "$base" in https:*) trust=$'\n  curl() { command curl -k "$@"; }' ;; esac
cat <<TOUR

Postern answers at $base. A tour: paste these lines into another terminal. (make tour prints them again.)

  base=$base
  field() { sed -n "s/.*\"\$1\": *\"\([^\"]*\)\".*/\1/p"; }$trust

  echo '== Sign in. The answer has an access token and a refresh token.'
  tokens=\$(curl -s \$base/auth/login -H 'Content-Type: application/json' -d '{"login": "alice@example.com", "password": "correct horse battery staple", "delivery": "body"}')
  access=\$(printf '%s' "\$tokens" | field access_token); refresh=\$(printf '%s' "\$tokens" | field refresh_token)

  echo '== Through the gate: the origin learns who is calling.'
  curl -s -w '\n' \$base/api/orders -H "Authorization: Bearer \$access"

  echo '== 401 without an access token, 403 for what Alice may not do, 200 for a public path.'
  curl -si -w '\n' \$base/api/orders
  curl -si -w '\n' \$base/reports/stats -H "Authorization: Bearer \$access"
  curl -si -w '\n' \$base/public/ping

  echo '== Refresh: a new pair of tokens, the same session.'
  tokens=\$(curl -s \$base/auth/refresh -H 'Content-Type: application/json' -d "{\"refresh_token\": \"\$refresh\"}")
  access=\$(printf '%s' "\$tokens" | field access_token); refresh=\$(printf '%s' "\$tokens" | field refresh_token)

  echo '== Who am I, and where am I signed in?'
  curl -s -w '\n' \$base/auth/me -H "Authorization: Bearer \$access"
  curl -s -w '\n' \$base/auth/sessions -H "Authorization: Bearer \$access"

  echo '== The public keys, as every JWT library reads them.'
  curl -s -w '\n' \$base/.well-known/jwks.json

  echo '== Sign out everywhere. After that the refresh token is no longer valid: 401.'
  curl -si -w '\n' -X POST \$base/auth/logout-all -H "Authorization: Bearer \$access"
  curl -si -w '\n' \$base/auth/refresh -H 'Content-Type: application/json' -d "{\"refresh_token\": \"\$refresh\"}"

A page that does the same in a browser (docs/guides/single-page-app.md): $base/app/
${APP:+The app of examples/$APP: $base/
}
There is an administrator too: admin@example.com, with the same password. Your own routes go into wrangler.local.toml.
Ctrl-C stops everything.

TOUR
