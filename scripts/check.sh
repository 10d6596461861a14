#!/usr/bin/env bash
# Everything that can be found wrong without running the code. Stops at the first failure.
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh --check

say "format"
cargo fmt --all --check
cargo fmt --check --manifest-path model/Cargo.toml

say "lints, native"
cargo clippy --quiet --workspace --all-targets --all-features -- -D warnings
# As plain `cargo test` compiles it.
cargo clippy --quiet --all-targets -- -D warnings

say "lints, WASM"
cargo clippy --quiet --lib --target wasm32-unknown-unknown -- -D warnings
# The program of the npm package `postern`.
cargo clippy --quiet --package postern-cli --target wasm32-unknown-unknown -- -D warnings

say "the boundary: no platform code in the domain"
scripts/check-boundary.sh

say "circles: no more than two files of a crate in one, no rooms of crates/app"
node scripts/check-circles.mjs

say "dependencies: bans, licences, sources"
# Those of other systems too, which no build here has brought; nothing to do when they are there.
cargo fetch --quiet --locked
deny=("$CARGO_DENY_ROOT/bin/cargo-deny" --offline --log-level error check --hide-inclusion-graph)
"${deny[@]}" bans licenses sources
# The database of advisories comes from the network: fetch it with `cargo deny fetch db`, and it is used from then on.
if [ -d "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs" ]; then
  say "dependencies: advisories"
  "${deny[@]}" advisories
else
  say "advisories were not checked: this machine has no advisory database (run cargo deny fetch db)"
fi

say "TypeScript"
tsc --noEmit -p tsconfig.json
tsc --noEmit -p examples/origin/tsconfig.json
scripts/packages.sh setup
for settings in packages/*/tsconfig.json; do [ ! -f "$settings" ] || tsc --noEmit -p "$settings"; done
tsc --noEmit -p tests/proofs/origins/tsconfig.json
# Its package comes with `make proof NAME=browser` alone.
[ ! -d tests/browser/node_modules ] || tsc --noEmit -p tests/browser/tsconfig.json
[ ! -d examples/mail/node_modules ] || tsc --noEmit -p examples/mail/tsconfig.json
# Likewise make proof NAME=mcp.
[ ! -d tests/mcp/node_modules ] || tsc --noEmit -p tests/mcp/tsconfig.json
# And make proof NAME=clients, which installs those of the MCP tests, too.
[ ! -d tests/proofs/clients/chromium/node_modules ] || tsc --noEmit -p tests/proofs/clients/tsconfig.json
[ ! -d tests/proofs/consumers/node_modules ] || tsc --noEmit -p tests/proofs/consumers/tsconfig.json
[ ! -d tests/proofs/client/node_modules ] || tsc --noEmit -p tests/proofs/client/tsconfig.json
# The apps need the packages' dist/, too.
for app in server-app web-app; do
  [ ! -d "examples/$app/node_modules" ] || [ ! -d packages/testing/dist ] || [ ! -d packages/origin/dist ] || tsc --noEmit -p "examples/$app/tsconfig.json"
done

say "names of tests"
node scripts/check-names.mjs

say "the cases for verifiers"
node tests/vectors/origin.ts --check

say "the table of requirements"
node scripts/requirements.mjs --check

say "the checks themselves"
node --test --test-reporter=dot scripts/tests/*.test.mjs

say "the description of the API"
redocly lint --config redocly.yaml docs/reference/openapi.yaml

say "links in the documentation"
node scripts/check-docs.mjs

say "all checks passed"
