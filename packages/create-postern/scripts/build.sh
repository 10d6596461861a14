#!/usr/bin/env bash
# Builds the package `create-postern` into dist/.
set -euo pipefail
package="$(cd "$(dirname "$0")/.." && pwd)"
. "$package/../../scripts/env.sh"
cd "$package"
rm -rf dist
mkdir -p dist
node ../postern/scripts/template.mjs "$POSTERN_ROOT/wrangler.toml" dist/wrangler.toml
cp src/create-postern.cjs dist/
esbuild src/main.ts --bundle --format=esm --platform=node --target=node22 --outdir=dist --log-level=warning
