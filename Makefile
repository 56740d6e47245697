# Two commands for a fresh machine: `make demo` and `make test`. Both make their own environment in .venv.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check bench quality docs messages contact-sheet clean

demo: $(STAMP)
	@$(BIN)/sentinel demo

# A file's tests share what they set up, so a file is one worker's.
test: $(STAMP)
	$(BIN)/pytest -n auto --dist loadfile

# What CI runs beside the tests: style, types, layers, rules, stale docs.
check: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sentinel rules check rules
	$(BIN)/sentinel rules test rules tests/scenarios

bench: $(STAMP)
	$(BIN)/python scripts/bench.py --out bench.json

# People bothered against attackers caught, on simulated traffic.
quality: $(STAMP)
	$(BIN)/python scripts/quality.py --out quality.json

docs: $(STAMP)
	$(BIN)/python scripts/docs.py

# Texts of mails and pages into the catalogues of sentinel/language; docs/mails.md tells what comes next.
messages: $(STAMP)
	$(BIN)/python scripts/messages.py

# Every mail in every language, light and dark, on phone and desktop, into docs/images; needs Chromium.
contact-sheet: $(STAMP)
	$(BIN)/python scripts/contact_sheet.py

$(STAMP): pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("sentinel needs Python 3.11 or newer: make PYTHON=python3.11 …" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis
