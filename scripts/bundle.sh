#!/usr/bin/env bash
# worker-build calls this as if it were esbuild, in the folder that holds its shim.js: puts our own entry
# (src/entry.js says why) in place of the generated one, then bundles.
set -euo pipefail
root="$(cd "$(dirname "$0")/.." && pwd)"
generated='export default new Proxy(Entrypoint, classProxyHooks);'
if ! grep -qxF "$generated" shim.js; then
  echo "postern: the generated shim.js has an unknown default export; compare it with src/entry.js" >&2
  exit 1
fi
{ grep -vxF "$generated" shim.js; cat "$root/src/entry.js"; } >shim.new
mv shim.new shim.js
# wasm-bindgen names a module of ours once for each function it imports: the same line of an object twice, of which every
# build and every deployment would warn.
awk '{ key = $1 } key !~ /^"\.\/snippets\// || key != last; { last = key }' index.js >index.new
mv index.new index.js
# wasm-bindgen copies the modules that Rust imports from, and none that those import.
for glue in snippets/*/src/glue.js; do [ ! -f "$glue" ] || cp "$root/src/socket.js" "${glue%/*}/"; done
exec "$root/node_modules/.bin/esbuild" "$@"
