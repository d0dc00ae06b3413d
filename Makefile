# Everything sets itself up: `make run` and `make test` work on a fresh machine with Python 3.11.

PYTHON ?= python3.11
BIN := .venv/bin
HOME_DIR ?= collection
URL ?=
WHAT ?= crawl_ratio

.PHONY: run test check bench faults docs clean requirements

.venv/.runtime: requirements.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	touch $@

.venv/.development: .venv/.runtime requirements-dev.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	touch $@

run: .venv/.runtime
ifeq ($(URL),)
	$(BIN)/python -m tests.sites.tour --home $(HOME_DIR)
else
	$(BIN)/python -m crawler --home $(HOME_DIR) crawl "$(URL)"
	$(BIN)/python -m crawler --home $(HOME_DIR) stats
endif

test: .venv/.development
	$(BIN)/pytest -n 2

check: .venv/.development
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: .venv/.development
	$(BIN)/python -u -m benchmarks.$(WHAT)

faults: .venv/.development
	$(BIN)/pytest -m faults

requirements: .venv/.development
	$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --no-header -o requirements.txt pyproject.toml
	$(BIN)/pip-compile --quiet --generate-hashes --no-emit-index-url --no-emit-trusted-host --no-emit-find-links --strip-extras --no-header --allow-unsafe --extra dev -c requirements.txt -o requirements-dev.txt pyproject.toml

docs: .venv/.development
	$(BIN)/python -m crawler.reference > docs/cli.md

clean:
	rm -rf .venv build *.egg-info .pytest_cache .mypy_cache .ruff_cache
