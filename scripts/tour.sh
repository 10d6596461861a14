#!/usr/bin/env bash
# Prints what to try against a running Postern: scripts/tour.sh BASE_URL
# Everything is for a POSIX shell with curl and sed, to be pasted line by line.
set -euo pipefail
base="${1:?usage: scripts/tour.sh BASE_URL}"
cat <<TOUR

Postern will answer at $base. A tour, to paste into another terminal:

  base=$base
  field() { sed -n "s/.*\"\$1\": *\"\([^\"]*\)\".*/\1/p"; }

  # Sign in. The answer has an access token and a refresh token; keep both.
  tokens=\$(curl -s \$base/auth/login -H 'Content-Type: application/json' -d '{"login": "alice@example.com", "password": "correct horse battery staple", "delivery": "body"}')
  access=\$(echo "\$tokens" | field access_token); refresh=\$(echo "\$tokens" | field refresh_token)

  # Through the gate: the origin is told who is calling.
  curl -s -w '\n' \$base/api/orders -H "Authorization: Bearer \$access"

  # Without an access token: 401. For what Alice may not do: 403. For everybody: 200.
  curl -si -w '\n' \$base/api/orders
  curl -si -w '\n' \$base/reports/stats -H "Authorization: Bearer \$access"
  curl -si -w '\n' \$base/public/ping

  # Refresh: a new pair, the same session.
  tokens=\$(curl -s \$base/auth/refresh -H 'Content-Type: application/json' -d "{\"refresh_token\": \"\$refresh\"}")
  access=\$(echo "\$tokens" | field access_token); refresh=\$(echo "\$tokens" | field refresh_token)

  # Who am I, and where am I signed in?
  curl -s -w '\n' \$base/auth/me -H "Authorization: Bearer \$access"
  curl -s -w '\n' \$base/auth/sessions -H "Authorization: Bearer \$access"

  # The public keys, as every JWT library reads them.
  curl -s -w '\n' \$base/.well-known/jwks.json

  # Sign out everywhere. After that the refresh token serves no more: 401.
  curl -si -w '\n' -X POST \$base/auth/logout-all -H "Authorization: Bearer \$access"
  curl -si -w '\n' \$base/auth/refresh -H 'Content-Type: application/json' -d "{\"refresh_token\": \"\$refresh\"}"

A page that does the same in a browser (docs/spa.md): $base/app/

There is an administrator too: admin@example.com, with the same password. Ctrl-C stops everything.

TOUR
