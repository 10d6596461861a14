# Everything a newcomer needs. `make help` lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup dev free-port tour settings test test-native test-worker check build cli cli-test demo soak bench bench-quick bench-refresh model model-mutants vectors attacks rotation rollout issuers metrics revocation fuzz clean api abuse gate bench-size bench-native bench-growth bench-start scale import-proof browser

# Where `make dev` listens.
PORT ?= 8787

# Puts our Node and its programs before the machine's.
ENV := . scripts/env.sh &&
# The steps of a target follow one another: compiling and testing at once would only compete.
.NOTPARALLEL:

# What one needs to use Postern and to change it; `make help` lists the others after these.
EVERYDAY := help|setup|dev|tour|demo|settings|test|test-native|test-worker|check|build|cli|cli-test|clean

help: ## List the targets
	@list() { grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1|\2/' | grep -E "$$@" | column -t -s '|'; }; \
	printf 'Usage: make TARGET, or make dev PORT=8787 (the default)\n\n'; \
	list '^  ($(EVERYDAY))\|'; \
	printf '\nProofs and measurements, some of them many minutes long:\n\n'; \
	list -v '^  ($(EVERYDAY))\|'

setup: ## Install what is missing: WASM target, build tools, npm packages (every target below does this itself)
	@scripts/setup.sh

dev: free-port setup ## Run Postern and the demo origin on this machine, and print a tour; TLS=1 for https
	@scripts/dev.sh $(PORT)

# Before anything is installed or compiled.
free-port:
	@scripts/port.sh $(PORT)

tour: ## Print the tour once more
	@scripts/tour.sh $(if $(TLS),https://localhost,http://127.0.0.1):$(PORT)

settings: setup ## Make wrangler.production.toml, the settings of your deployment: ISSUER=https://auth.example.com
	@$(ENV) node scripts/settings.mjs production $(ISSUER)

test: setup test-native test-worker ## Run all tests: native ones, then those against the real Worker on workerd

test-native: ## Run the native tests alone; needs Rust and nothing else
	@cargo test --quiet --features thorough
	@cargo test --quiet --package postern-vectors

test-worker: setup ## Run the tests on workerd alone
	@$(ENV) vitest run

check: setup ## Look without running: format, lints of both targets, dependencies, boundaries, TypeScript, links
	@scripts/check.sh

build: setup ## Build the Worker as for a deployment, print its size, fail when it is over the budget
	@scripts/build.sh

demo: setup ## Play the whole story against a local Worker and print what happens
	@scripts/build.sh
	@$(ENV) node scripts/demo.mjs

cli: ## Build `postern`, the operator's program, into target/release; needs Rust and a C compiler
	@cargo build --release --package postern-cli

cli-test: setup ## Run the program's own tests, and the program against a real Worker
	@cargo test --quiet --package postern-cli
	@cargo build --quiet --package postern-cli
	@$(ENV) vitest run --config tests/cli/vitest.config.ts

browser: setup ## Play Postern and examples/spa in a real, headless Chromium (CHROMIUM=/path/to/it): cookies, tabs, attacks from other sites
	@$(ENV) node tests/browser/chromium.ts
	@$(ENV) npm ci --prefix tests/browser --ignore-scripts --no-audit --no-fund --silent
	@$(ENV) vitest run --config tests/browser/vitest.config.ts $(ONLY)

api: setup ## Let schemathesis try every call of docs/reference/openapi.yaml on the running Worker, sound and broken; EXAMPLES=100, SEED=1
	@scripts/build.sh
	@$(ENV) node tests/proofs/api/run.ts

import-proof: setup ## Import 100 000 users, killing the program and workerd on the way, and hold D1 against the source; USERS=100000
	@cargo build --quiet --package postern-cli
	@scripts/build.sh
	@$(ENV) USERS=$(or $(USERS),100000) node tests/proofs/import/run.ts

soak: setup ## Storms, thieves, races and 200 kills of workerd, with figures (15 min); ONLY="kills theft", SEED=1
	@scripts/build.sh
	@$(ENV) node tests/proofs/soak/main.ts $(ONLY)

bench-refresh: setup ## Time refreshes beside two other libraries in one run, and compare what they do; writes docs/reference/performance.md
	@scripts/build.sh
	@$(ENV) npm ci --prefix bench --ignore-scripts --no-audit --no-fund --silent && node bench/refresh.ts

bench: setup ## Measure CPU a request beside other Workers in one workerd; writes bench/results.json and docs/reference/performance.md
	@scripts/build.sh
	@bench/floor/build.sh
	@$(ENV) npm ci --prefix bench --ignore-scripts --no-audit --no-fund --silent && node bench/run.ts

bench-quick: ONLY ?= hit,miss,forwarding
bench-quick: setup ## Print a few CPU figures and write nothing: ONLY=hit,miss,forwarding ROUNDS=7 BLOCK=150, ALSO=before=folder
	@scripts/build.sh
	@bench/floor/build.sh
	@$(ENV) npm ci --prefix bench --ignore-scripts --no-audit --no-fund --silent && BENCH_ONLY="$(ONLY)" BENCH_ROUNDS="$(or $(ROUNDS),7)" BENCH_BLOCK="$(or $(BLOCK),150)" BENCH_ALSO="$(ALSO)" node bench/cpu.ts

bench-size: setup ## Say what the Worker's bytes are, by crate, module and kind; AGAINST=other.names.wasm, TOP=60; writes docs/reference/size.md
	@POSTERN_FAST= scripts/build.sh
	@$(ENV) node bench/size.ts

bench-native: setup ## Time and count the domain natively: criterion, and instructions by valgrind where it is; writes docs/reference/growth.md
	@$(ENV) node bench/native.ts

bench-growth: setup ## Say how costs grow with routes, keys, revocations, token size, sessions, families; PART="native objects"; writes docs/reference/growth.md
	@POSTERN_FAST= scripts/build.sh
	@$(ENV) node bench/growth.ts

bench-start: setup ## Time an isolate's start beside no-op Workers, watch memory over 100 000 requests, compare Argon2id; PART="start memory argon2"
	@POSTERN_FAST= scripts/build.sh
	@bench/floor/build.sh
	@$(ENV) node bench/start.ts

scale: setup ## Work out what so many users cost; writes docs/reference/scaling.md
	@$(ENV) node bench/scale.ts

model: ## Explore every order of events around refresh families; MUTANT=name breaks a rule, which must be found
	@cargo run --quiet --release --manifest-path model/Cargo.toml -- $(if $(MUTANT),--mutant $(MUTANT))

model-mutants: ## Break each rule of refresh families, and drop each assumption: all must be found
	@cargo run --quiet --release --manifest-path model/Cargo.toml -- --mutants
	@cargo run --quiet --release --manifest-path model/Cargo.toml -- --gaps

vectors: setup ## Run the published vectors through both verifiers, natively and on workerd; print n of n for each suite
	@$(ENV) node tests/proofs/vectors/run.ts

attacks: setup ## Send every bad token of crates/app/tests/attacks to the running Worker; none may pass, none may make it fail
	@scripts/build.sh
	@$(ENV) node tests/proofs/attacks/run.ts

abuse: setup ## Guess 10 000 passwords from 1 and 1 000 addresses, race reset tokens, time refusals; PART="one many stolen racing timing"
	@scripts/build.sh
	@$(ENV) node tests/proofs/abuse/run.ts $(PART)

rotation: setup ## Play three rotations under traffic, one a change of algorithm, verified by the gate, jose and PyJWT
	@scripts/build.sh
	@$(ENV) node tests/proofs/rotation/run.ts

rollout: setup ## Roll out a new master secret in two versions under the traffic of 50 browsers (15 min); PLAN=two-steps, MINUTES=5
	@scripts/build.sh
	@$(ENV) node tests/proofs/rollout/run.ts $(PLAN)

issuers: setup ## Make issuers fail in every way, send 10 000 made-up kids, measure the cache of verified tokens
	@scripts/build.sh
	@$(ENV) node tests/proofs/issuers/failing.ts
	@$(ENV) node tests/proofs/issuers/random-kids.ts
	@$(ENV) node tests/proofs/issuers/cache.ts

revocation: setup ## Time how soon the gate refuses what is revoked, also while KV takes no writes and clients refresh, and what it costs; ONLY="delays costs kv client readyz", REREAD=30, MINUTES=4
	@scripts/build.sh
	@$(ENV) ONLY="$(ONLY)" node tests/proofs/revocation/run.ts

# How long `make gate` keeps up its load.
SECONDS ?= 60
gate: setup ## Try to get past the gate by paths, headers, bodies, WebSockets and load; bypasses, leaks, failures must be 0 (5 min); ONLY="paths load", SEED=1, SECONDS=60
	@scripts/build.sh
	@$(ENV) node tests/proofs/gate/run.ts --seconds=$(SECONDS) $(ONLY)

metrics: setup ## Send 1 000 mixed requests and compare the counters with what the clients saw, through Prometheus's parser
	@scripts/build.sh
	@$(ENV) node tests/proofs/metrics/run.ts

# Seconds for each fuzz target.
FUZZ_TIME ?= 60
fuzz: ## Fuzz the parsers for FUZZ_TIME seconds each; needs the nightly toolchain and cargo-fuzz
	@for target in compact header claims jwk_set; do \
	  mkdir -p fuzz/corpus/$$target; \
	  cargo +nightly fuzz run $$target fuzz/corpus/$$target fuzz/seeds/$$target -- -max_total_time=$(FUZZ_TIME) -max_len=4096; \
	done

clean: ## Remove what was built and the local state; your settings, npm packages and the tools in the cache stay
	@rm -rf build .wrangler
	@cargo clean --quiet
