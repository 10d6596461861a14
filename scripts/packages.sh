#!/usr/bin/env bash
# The npm packages: installs what builds and tests them, and makes them.
#
#   scripts/packages.sh setup  installs what packages/package-lock.json names, when that changed
#   scripts/packages.sh build  compiles each package into its dist/, by its own "build" script
#   scripts/packages.sh dist   builds, and writes a tarball of each into build/packages/
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT/packages"

setup() {
  local lock stamp=node_modules/.postern-lock
  lock="$(sha256 <package-lock.json)"
  [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$lock" ] || return 0
  say "installing the npm packages of packages/package-lock.json"
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error --progress=false
  printf '%s' "$lock" >"$stamp"
}

# In the order of what they need of one another.
packages=(client react origin postern testing create-postern)

build() {
  local package
  setup
  for package in "${packages[@]}"; do
    # npm packs a licence that is in the package's own folder.
    cp "$POSTERN_ROOT/LICENSE-APACHE" "$POSTERN_ROOT/LICENSE-MIT" "$package/"
    npm run build --silent --if-present --workspace "$package"
  done
}

dist() {
  local package
  build
  rm -rf "$POSTERN_ROOT/build/packages"
  mkdir -p "$POSTERN_ROOT/build/packages"
  for package in "${packages[@]}"; do
    [ -d "$package/dist" ] || { say "$package was not built, so there is no tarball of it"; continue; }
    npm pack --silent --workspace "$package" --pack-destination "$POSTERN_ROOT/build/packages"
  done
}

case "${1:-}" in
  setup | build | dist) "$1" ;;
  *) die "scripts/packages.sh takes setup, build or dist" ;;
esac
