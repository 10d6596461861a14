#!/usr/bin/env bash
# Prints what to try against a running Postern: scripts/tour.sh BASE_URL
set -euo pipefail
base="${1:?usage: scripts/tour.sh BASE_URL}"
cat <<TOUR

Postern will answer at $base

TOUR
