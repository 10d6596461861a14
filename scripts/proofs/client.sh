#!/usr/bin/env bash
# Install @postern/client and @postern/react from their tarballs into apps: types, Node, Deno, Bun, axios, ky, DPoP, sizes of peers
# 3 min
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
scripts/packages.sh setup
npm ci --prefix tests/proofs/client --ignore-scripts --no-audit --no-fund --silent
for package in client react; do
  npm run build --silent --prefix "packages/$package"
  folder="tests/proofs/client/node_modules/@postern/$package"
  mkdir -p "$folder"
  tarball="$(cd "packages/$package" && npm pack --silent --pack-destination "$POSTERN_ROOT/tests/proofs/client/node_modules")"
  tar -xzf "tests/proofs/client/node_modules/$tarball" -C "$folder" --strip-components=1
done
node tests/proofs/client/run.ts
