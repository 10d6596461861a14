#!/usr/bin/env bash
# Says at once, before anything is compiled, when nothing can listen there: scripts/port.sh PORT
set -euo pipefail
port="${1:-}"

die() { printf 'postern: %s\n' "$*" >&2; exit 1; }
is_taken() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

[[ "$port" =~ ^[0-9]{1,5}$ ]] && [ "$((10#$port))" -ge 1 ] && [ "$((10#$port))" -le 65535 ] ||
  die "PORT=$port is not a port: it must be a number from 1 to 65535, as in make dev PORT=8788"
is_taken "$port" || exit 0
for other in $(seq "$((10#$port + 1))" "$((10#$port + 20))"); do
  if [ "$other" -le 65535 ] && ! is_taken "$other"; then
    die "port $port is in use by another program. Choose a free one: make dev PORT=$other"
  fi
done
die "port $port is in use by another program. Choose a free one: make dev PORT=..."
