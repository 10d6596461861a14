#!/usr/bin/env bash
# Makes the release archive of the operator's program for this machine, in build/archives: the program, completions, manual
# pages, licences, and the archive's SHA-256 beside it.
#
#   scripts/archive.sh [TARGET]   for another target that rustup has, such as aarch64-apple-darwin on a Mac
set -euo pipefail
. "$(dirname "$0")/env.sh"
cd "$POSTERN_ROOT"

host="$(rustc -vV | sed -n 's/^host: //p')"
target="${1:-$host}"
version="$(sed -n 's/^version = "\(.*\)"/\1/p' crates/cli/Cargo.toml | head -1)"
name="postern-$version-$target"
out="$POSTERN_ROOT/build/archives"

say "building the program for $target"
# Names the target even for this machine, so that the place of what comes out is always the same.
cargo build --quiet --release --locked --package postern-cli --target "$target" --target-dir target/program
program="target/program/$target/release/postern"
# What the shells and `man` read is asked of a program that runs here.
native="$program"
if [ "$target" != "$host" ]; then
  cargo build --quiet --release --locked --package postern-cli --target "$host" --target-dir target/program
  native="target/program/$host/release/postern"
fi

rm -rf "${out:?}/$name" "$out/$name".tar.gz*
mkdir -p "$out/$name/completions" "$out/$name/man"
cp "$program" "$out/$name/postern"
"$native" completions bash >"$out/$name/completions/postern.bash"
"$native" completions zsh >"$out/$name/completions/_postern"
"$native" completions fish >"$out/$name/completions/postern.fish"
"$native" completions powershell >"$out/$name/completions/_postern.ps1"
"$native" completions elvish >"$out/$name/completions/postern.elv"
"$native" manual "$out/$name/man" >/dev/null
cp LICENSE-APACHE LICENSE-MIT docs/reference/cli.md CHANGELOG.md "$out/$name/"
node scripts/licences.mjs "$target" postern-cli >"$out/$name/THIRD-PARTY-LICENCES.txt"
tar -czf "$out/$name.tar.gz" -C "$out" "$name"
(cd "$out" && sha256 <"$name.tar.gz" | sed "s/$/  $name.tar.gz/" >"$name.tar.gz.sha256")
rm -rf "${out:?}/$name"
say "made build/archives/$name.tar.gz"
