# Every target is one line of cargo or a script. `make` alone lists them.
# WRIT_DEV_DIR (default .writ) moves the data folder, WRIT_PORT_BASE (default 8420) the ports.

SHELL := /bin/bash
TOOLS := $(or $(WRIT_TOOLS_DIR),$(HOME)/.cache/writ-tools)
export WRIT_TOOLS_DIR := $(TOOLS)
export PATH := $(TOOLS)/cargo/bin:$(PATH)

.PHONY: help setup build run dev-up dev-down test lint bench bench-kill bench-ledger bench-policy eval fuzz gen proto-baseline chart clean

help: ## Lists the targets
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## Installs what is missing; says what; nothing when all is there
	@infra/dev/setup

build: ## Builds every binary
	@infra/dev/setup run
	@cargo build --locked --workspace --bins

run: build ## Starts everything in the foreground, with demo data; ctrl-c stops it
	@target/debug/writ-dev

dev-up: build ## Starts everything in the background; returns when it is ready
	@target/debug/writ-dev --background --empty

dev-down: ## Stops what dev-up started
	@test ! -x target/debug/writ-dev || target/debug/writ-dev --stop

# One build for both: with the tests' features in it, what `nextest` needs is not built twice.
test: setup ## All tests, against real servers
	@cargo build --locked --workspace --bins --tests
	@cargo nextest run --locked --workspace --profile $(or $(NEXTEST_PROFILE),default)

lint: ## Formatting, clippy, dependencies, protocol definitions, chart
	@infra/dev/lint

bench: setup ## Enforce against a bare echo, in one run; prints ratios
	@cargo build --locked --release -p writ-bench -p writ-clickhouse-server
	@target/release/writ-bench

bench-kill: setup ## How long a pause takes: acknowledged, refused by the last of three replicas, heard on a socket
	@cargo build --locked --release -p writ-bench
	@target/release/writ-bench kill

bench-ledger: setup ## How fast facts become entries, how long one waits for its checkpoint, and how fast an export is verified
	@cargo bench --locked -p writ-audit-ledger --bench appender
	@cargo bench --locked -p writ-chain --bench verify

bench-policy: setup ## The policy engine alone, beside Cedar, the cel crate and the SDK's own patterns
	@cd benches/policy && cargo bench --locked
	@$(TOOLS)/venv/bin/python benches/policy/sdk_regex.py

fuzz: ## Every parser of the policy engine, FUZZ_SECONDS (60) each; skipped without cargo-fuzz
	@infra/dev/fuzz

# Labelled data and scorers that are not part of the repository.
EVAL_DIR ?= ../shared/eval

eval: setup ## Scores the detectors on the labelled data of EVAL_DIR
	@tools/detect/eval "$(EVAL_DIR)"

gen: setup ## Writes the files that come from code: schemas/*.txt, schemas/openapi.json, golden bytes, docs/errors, the chart's permissions
	@cargo build --locked --workspace --bins
	@WRIT_BLESS=1 cargo nextest run --locked --no-fail-fast --workspace -E 'binary(golden) | package(writ) | test(architecture)'

proto-baseline: ## At a release: today's protocol is what later ones must stay compatible with
	@infra/dev/setup lint
	@PATH="$(TOOLS)/buf/node_modules/.bin:$$PATH"; buf breaking proto --against schemas/proto.binpb && \
	  buf build proto --exclude-source-info -o schemas/proto.binpb

chart: ## Lints, renders and validates the Helm chart
	@infra/dev/setup lint && deploy/helm/check

clean: dev-down ## Removes the development data; keeps tools and build
	@rm -rf "$${WRIT_DEV_DIR:-.writ}"
