#!/usr/bin/env bash
# Let OAuth and MCP clients of others use the authorization server and its pages; prints one table
# 5 min; needs Python 3.10, and Chromium for some; ONLY="openid-client oauth4webapi"
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
npm ci --prefix tests/mcp --ignore-scripts --no-audit --no-fund --silent
npm ci --prefix tests/proofs/clients --ignore-scripts --no-audit --no-fund --silent
if node tests/browser/chromium.ts; then
  # Not `npm ci`: that wants an entry for an optional package of vite, for Windows, which not every registry has.
  npm install --no-save --prefix tests/proofs/clients/chromium --ignore-scripts --no-audit --no-fund --silent
else
  rm -rf tests/proofs/clients/chromium/node_modules
fi
scripts/build.sh
node tests/proofs/clients/run.ts
