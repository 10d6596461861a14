#!/usr/bin/env bash
# Cause each incident of the runbook, wait for Prometheus's alert, run the runbook's commands, time them; needs Debian's apt-get or Prometheus
# 20 min; ONLY="stolen", SCRAPE=60, PROMETHEUS_ROOT= (a folder with usr/bin/prometheus and promtool)
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
scripts/build.sh
cargo build --quiet --package postern-cli

# Prometheus and promtool: those of the machine, or Debian's package, unpacked into the cache without installing it.
if [ -z "${PROMETHEUS_ROOT:-}" ]; then
  PROMETHEUS_ROOT="$POSTERN_CACHE/tools/prometheus"
  if [ ! -x "$PROMETHEUS_ROOT/usr/bin/promtool" ]; then
    if found="$(command -v prometheus)" && command -v promtool >/dev/null; then
      mkdir -p "$PROMETHEUS_ROOT/usr/bin"
      ln -sf "$found" "$(command -v promtool)" "$PROMETHEUS_ROOT/usr/bin/"
    else
      command -v apt-get >/dev/null || die "there is no prometheus and no promtool: install them, or set PROMETHEUS_ROOT"
      say "getting Debian's package prometheus into $PROMETHEUS_ROOT"
      download="$(mktemp -d)"
      (cd "$download" && { apt-get -qq download prometheus 2>/dev/null || { apt-get -qq update && apt-get -qq download prometheus; }; })
      mkdir -p "$PROMETHEUS_ROOT"
      dpkg-deb -x "$download"/prometheus_*.deb "$PROMETHEUS_ROOT"
      rm -rf "$download"
    fi
  fi
fi
export PROMETHEUS_ROOT

# Two certificates of the same origin: workerd trusts both from its start, and takes the one that has not expired.
RUNBOOK_CERTIFICATES="$(mktemp -d)"
trap 'rm -rf "$RUNBOOK_CERTIFICATES"' EXIT
cd "$RUNBOOK_CERTIFICATES"
printf '[ca]\ndefault_ca=own\n[own]\ndatabase=index\nserial=serial\nnew_certs_dir=.\ndefault_md=sha256\npolicy=any\nunique_subject=no\nx509_extensions=site\n[any]\ncommonName=supplied\n[site]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=critical,CA:TRUE\n' >ca.cnf
: >index
echo 1000 >serial
for name in valid expired; do
  openssl req -quiet -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.csr" -subj /CN=localhost 2>/dev/null ||
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$name.key" -out "$name.csr" -subj /CN=localhost 2>/dev/null
  end="$([ "$name" = valid ] && echo 20991231000000Z || echo 20201231000000Z)"
  openssl ca -batch -config ca.cnf -selfsign -keyfile "$name.key" -in "$name.csr" -out "$name.pem" -startdate 20200101000000Z -enddate "$end" -notext 2>/dev/null
done
cat valid.pem expired.pem >both.pem
cd "$POSTERN_ROOT"
export RUNBOOK_CERTIFICATES NODE_EXTRA_CA_CERTS="$RUNBOOK_CERTIFICATES/both.pem"

node tests/proofs/runbooks/run.ts
