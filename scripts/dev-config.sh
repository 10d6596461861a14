#!/usr/bin/env bash
# Writes wrangler.dev.toml: wrangler.toml, word for word, and the service binding to the demo origin.
#
# The demo origin must not be in wrangler.toml, as `wrangler deploy` refuses a binding to a Worker that the account does
# not have. An [env.local] inherits no bindings, so it would repeat every database and object, and drift. A file made by
# appending one table cannot differ in anything else. Git ignores it.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

{
  printf '# Made by scripts/dev-config.sh from wrangler.toml and examples/origin/binding.toml: edit those.\n'
  cat wrangler.toml
  printf '\n'
  cat examples/origin/binding.toml
} >wrangler.dev.toml
