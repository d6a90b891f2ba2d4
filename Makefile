# make demo and make test need python3 (3.11 or newer) and nothing else; they set up a virtual environment in .venv

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test lint format generate clean

help:           ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

$(READY): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(READY)  ## Run a scraper against a site and proxies on this machine; ARGS='--duration 20 --no-faults'
	$(BIN)/phoenix-otel demo $(ARGS)

test: $(READY)  ## Run all tests; ARGS='-k proxy'
	$(BIN)/python -m pytest $(ARGS)

lint: $(READY)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(READY) ## Make the generated files anew
	$(BIN)/phoenix-otel generate all

clean:          ## Remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
