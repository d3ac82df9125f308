# Two commands for a new user: `make demo` and `make test`. Everything else serves developers.
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
BENCH_VENV := out/bench/venv
BENCH_STAMP := $(BENCH_VENV)/.installed
# Tests mostly wait for a broker or a worker; slow ones come first, so that no process idles at the end.
IN_PARALLEL := -n auto --maxprocesses 4 --dist loadscope --no-loadscope-reorder
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo kafka bench reliability test test-fast test-live check lint types clean

help: ## Show the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: $(STAMP) ## Play a day of 2,000 households through the whole system; ARGS="--keep" leaves it running.
	@$(BIN)/python -m streams demo $(ARGS)

kafka: $(STAMP) ## Get Apache Kafka, once; it needs Java 17 and Maven.
	@$(BIN)/python -m deploy.kafka

bench: $(STAMP) $(BENCH_STAMP) ## Measure beside the peers on Apache Kafka; ARGS="peers --rounds 5" or "growth --quick".
	@$(BIN)/python -m bench $(or $(ARGS),peers)

reliability: $(STAMP) ## Kill, pause, cut and fill everything under load, and check that all is exact; ARGS="--seed 2".
	@$(BIN)/python -m reliability $(ARGS)

$(BENCH_STAMP): bench/requirements.txt bench/constraints.txt
	@test -x $(BENCH_VENV)/bin/python || $(PYTHON) -m venv $(BENCH_VENV)
	@$(BENCH_VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c bench/constraints.txt -r bench/requirements.txt
	@touch $@

test: $(STAMP) ## Run every test but those that wait for real time.
	@$(BIN)/python -m pytest $(IN_PARALLEL) $(ARGS)

test-live: $(STAMP) ## Run the tests that wait for minutes of real time to go by.
	@$(BIN)/python -m pytest -m live $(ARGS)

test-fast: $(STAMP) ## Run the fast tests.
	@$(BIN)/python -m pytest $(IN_PARALLEL) -m "not slow" --hypothesis-profile quick $(ARGS)

check: test lint types ## All that CI runs.

lint: $(STAMP) ## Style and import rules.
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/lint-imports --no-cache

types: $(STAMP) ## Static types.
	@$(BIN)/mypy

$(STAMP): pyproject.toml constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "Python 3.11 is missing: install the package python3.11 (or set PYTHON=...)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "venv is missing: install the package python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[embedded,dev]'
	@touch $@

clean: ## Remove what was built, run and cached.
	rm -rf $(VENV) out .smatrix .kafka .hypothesis .pytest_cache .mypy_cache .ruff_cache
