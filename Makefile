# make demo and make test need python3 (3.11 or newer) and nothing else; they set up a virtual environment in .venv

PYTHON ?= python3
VENV ?= .venv
FUZZ_SECONDS ?= 180
BIN := $(VENV)/bin
BENCH := $(VENV)-bench
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test soak stack fuzz audit lint format generate bench lock clean

help:           ## Show this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' $(MAKEFILE_LIST)

INSTALL := -m pip install --quiet --disable-pip-version-check --editable '.[dev]'

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --constraint constraints.txt
	@touch $@

demo: $(READY)  ## Run a scraper against a site and proxies on this machine; ARGS='--duration 20 --no-faults'
	$(BIN)/phoenix-otel demo $(ARGS)

test: $(READY)  ## Run all tests; ARGS='-k proxy'
	$(BIN)/python -m pytest $(ARGS)

soak: $(READY)  ## Run the demo for an hour while its servers are killed again and again; DURATION=600
	DURATION=$(or $(DURATION),3600) $(BIN)/python -m tests.reliability.soak

stack:          ## Install the real servers that tests run against; without them those tests are skipped
	tests/stack/install

fuzz: $(READY)  ## Look for secrets that redaction lets through; FUZZ_SECONDS=180
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev,fuzz]' --constraint constraints.txt
	mkdir -p build/fuzz
	$(BIN)/python -m tests.reliability.fuzz_redaction -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=build/fuzz/

audit: $(READY) ## Look up known weaknesses of all that development needs; asks the package index
	$(PYTHON) -m venv build/audit
	build/audit/bin/python -m pip install --quiet --disable-pip-version-check 'pip-audit>=2.7,<3'
	build/audit/bin/pip-audit --strict --no-deps --disable-pip --requirement constraints.txt

lint: $(READY)  ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

generate: $(READY) ## Make the generated files anew
	$(BIN)/phoenix-otel generate all docs

bench: $(BENCH)/.ready  ## Measure against other libraries, and write docs/performance.md
	$(BENCH)/bin/python -m benchmarks

$(BENCH)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(BENCH)
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]' --constraint constraints.txt
	@touch $@

lock:           ## Pin the newest versions of everything that development needs
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV) --upgrade-deps
	$(BIN)/python $(INSTALL)
	{ echo '# what `make lock` has found to work together; users are not bound to it'; \
	  $(BIN)/python -m pip freeze --exclude-editable --disable-pip-version-check; } > constraints.txt

clean:          ## Remove the virtual environments and caches
	rm -rf $(VENV) $(BENCH) .bench.json .pytest_cache .mypy_cache .ruff_cache .hypothesis build dist
