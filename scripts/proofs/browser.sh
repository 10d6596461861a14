#!/usr/bin/env bash
# Play Postern, @postern/client, examples/spa and examples/mail in a real Chromium: cookies, tabs, pages, mails, attacks from other sites
# 6 min; CHROMIUM=/path/to/chromium, ONLY=session, SCREENSHOTS=docs/images
set -euo pipefail
. "$(dirname "$0")/../env.sh"
cd "$POSTERN_ROOT"
scripts/setup.sh
# First, as it fails when there is no Chromium.
node tests/browser/chromium.ts
npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent
npm ci --prefix examples/mail --ignore-scripts --no-audit --no-fund --silent
# The example apps use the npm packages as they are published.
scripts/packages.sh setup
for package in client react origin testing; do npm run build --silent --prefix packages --workspace "@postern/$package"; done
for app in server-app web-app; do npm ci --prefix "examples/$app" --ignore-scripts --no-audit --no-fund --silent; done
scripts/build.sh
# This app's tests without a browser.
case "${ONLY:-server-app}" in *server-app*) npm test --silent --prefix examples/server-app ;; esac
# shellcheck disable=SC2086 # a list of words
vitest run --config tests/browser/vitest.config.ts ${ONLY:-}
