# Everything a person needs, on a machine that has Python 3.11 and make.
# make run    sample landing zone, the whole graph, a summary      make dev    the Dagster UI on http://localhost:3000
# make test   every test                                           make bench  what is faster than what, measured here

PYTHON ?= $(shell command -v python3.11 || command -v python3 || echo python3.11)
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export DAGSTER_HOME := $(CURDIR)
# Dagster sends nothing home, and leaves no folder for what it would send.
export DAGSTER_DISABLE_TELEMETRY := 1

.PHONY: run test dev bench docs lint clean help
.DEFAULT_GOAL := help

help:
	@sed -n '1,3s/^# //p' Makefile

$(READY): requirements.lock setup.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { echo "error: PYTHON: expected Python 3.11 or newer, got $(PYTHON). Fix: install Python 3.11, or run make PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

data/landing: | $(READY)
	$(BIN)/omnichannel sample --out data/landing --truth data/truth

run: $(READY) data/landing
	@mkdir -p data/dagster
	$(BIN)/omnichannel run
	$(BIN)/omnichannel report --out data/report.html

dev: $(READY) data/landing
	@mkdir -p data/dagster
	$(BIN)/dagster dev

# Three on two cores: some of them wait for servers and browsers.
test: $(READY)
	env -u DAGSTER_HOME $(BIN)/python -m pytest -n 3 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .

docs: $(READY)
	$(BIN)/python -m docs.reference
	$(BIN)/python -m docs.sequences

bench: $(READY)
	env -u DAGSTER_HOME $(BIN)/python -m benchmarks.run

clean:
	rm -rf $(VENV) build *.egg-info .pytest_cache .ruff_cache .hypothesis
