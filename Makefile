# Everything a newcomer needs. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup dev free-port tour demo settings test test-native test-worker test-packages check build cli dist bench proof proofs clean

# Where `make dev` listens.
PORT ?= 8787

# Puts our Node and its programs before the machine's.
ENV := . scripts/env.sh &&
# The steps of a target follow one another: compiling and testing at once would only compete.
.NOTPARALLEL:

help:
	@printf 'Usage: make TARGET, or make dev PORT=8787 (the default)\n\n'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | column -t -s '|'
	@printf '\nLonger runs: make proofs lists them, make proof NAME=gate runs one.\n'

# Every target below that needs it does this itself.
setup:
	@scripts/setup.sh

dev: free-port setup ## Run Postern and the demo origin on this machine, and print a tour; APP=web-app for a whole app, TLS=1 for https
	@scripts/dev.sh $(PORT)

# Before anything is installed or compiled.
free-port:
	@scripts/port.sh $(PORT)

tour: ## Print the tour once more
	@scripts/tour.sh $(if $(TLS),https://localhost,http://127.0.0.1):$(PORT)

demo: setup ## Play the whole story against a local Worker and print what happens
	@scripts/build.sh
	@$(ENV) node scripts/demo.mjs

settings: setup ## Write the settings of your deployment, wrangler.production.toml: ISSUER=https://auth.example.com
	@$(ENV) node scripts/settings.mjs production $(ISSUER)

test: setup test-native test-worker test-packages ## Run all tests: the native ones, those against the real Worker on workerd, those of the npm packages

test-native: ## Run the native tests alone; needs Rust and nothing else
	@cargo test --quiet --features thorough
	@cargo test --quiet --package postern-vectors --package postern-origin
	@cargo test --quiet --package postern-sim

test-worker: setup ## Run the tests on workerd alone: ONLY=revoke
	@$(ENV) vitest run $(ONLY)

test-packages: setup ## Run the tests of the npm packages alone: ONLY=client
	@scripts/packages.sh setup
	@scripts/build.sh
	@$(ENV) vitest run --config packages/vitest.config.ts --passWithNoTests $(ONLY)

check: setup ## Look without running: format, lints, dependencies, boundaries, TypeScript, names, links
	@scripts/check.sh

build: setup ## Build the Worker as for a deployment, print its size, fail when it is over the budget
	@scripts/build.sh

cli: ## Build `postern`, the operator's program, into target/release; needs Rust and a C compiler
	@cargo build --release --package postern-cli

dist: build ## Make the npm packages as tarballs in build/packages, and the archive of `postern` in build/archives
	@scripts/packages.sh dist
	@scripts/archive.sh

bench: ## Measure: PART=cpu (the default), quick, inside, forward, throughput, refresh, size, native, growth or start; scripts/bench.sh says more
	@scripts/bench.sh $(PART)

proofs:
	@scripts/proof.sh

# bash counts SECONDS up by itself, so the number travels under another name.
proof: export LOAD_SECONDS = $(SECONDS)
proof:
	@scripts/proof.sh $(or $(NAME),$(error NAME is missing, as in make proof NAME=gate; make proofs lists the names))

clean: ## Remove what was built and the local state; your settings, npm packages and the tools in the cache stay
	@rm -rf build .wrangler
	@cargo clean --quiet
