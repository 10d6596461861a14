#!/usr/bin/env bash
# Writes .dev.vars, the secrets of the local Worker, when there is none. Never touches one that is there.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

[ ! -e .dev.vars ] || exit 0
# 32 bytes: what HKDF-SHA-256 can make use of, and the least that Postern accepts. Base64url without padding.
key="$(node -p 'crypto.randomBytes(32).toString("base64url")')"
# The file gets its final mode before it gets its content.
(umask 077 && : >.dev.vars.new)
cat >.dev.vars.new <<VARS
# Made by scripts/dev-vars.sh for this clone alone. Git ignores it; delete it to get fresh secrets (local sessions and
# signing keys then become unreadable: delete .wrangler/state as well). What stands here counts over wrangler.local.toml.
POSTERN_MASTER_KEY="$key"
VARS
mv .dev.vars.new .dev.vars
say "wrote .dev.vars with a new master key"
