#!/usr/bin/env bash
# Let OAuth and MCP clients of others use the authorization server and its pages; prints one table
# 3 min; ONLY="openid-client oauth4webapi"
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
npm ci --prefix tests/mcp --ignore-scripts --no-audit --no-fund --silent
npm ci --prefix tests/proofs/clients --ignore-scripts --no-audit --no-fund --silent
scripts/build.sh
node tests/proofs/clients/run.ts
