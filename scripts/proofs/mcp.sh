#!/usr/bin/env bash
# Put the gate between MCP clients and servers of the SDK, and compare MCP's conformance scenarios with and without it
# 3 min; ONLY=sdk or ONLY=conformance
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
npm ci --prefix tests/mcp --ignore-scripts --no-audit --no-fund --silent
[ "${ONLY:-sdk}" != sdk ] || vitest run --config tests/mcp/vitest.config.ts
[ "${ONLY:-conformance}" != conformance ] || { scripts/build.sh && node tests/mcp/conformance.ts; }
