# `make run` and `make test` do all the set-up on a fresh machine.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
CHROMIUM ?= $(shell command -v chromium || command -v chromium-browser || command -v google-chrome)

.PHONY: run test install install-dev browser node lint types contracts js pytest model bench bench-gpu clean

run: install
	$(BIN)/python main.py serve $(ARGS)

# Everything that must hold: lint, types, import contracts, the page's own checks, all tests.
test: install-dev browser node lint types contracts js pytest

install: $(VENV)/.installed
install-dev: $(VENV)/.installed-dev

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Sfumato needs Python 3.11 or newer, this is {sys.version.split()[0]}")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VENV)/.installed-dev: requirements.txt requirements-dev.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@ $(VENV)/.installed

browser:
ifeq ($(CHROMIUM),)
	@if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
		apt-get update -qq && apt-get install -y -qq chromium >/dev/null; \
	else echo "Browser tests need Chromium: install it (Debian: apt-get install chromium)."; exit 1; fi
endif

node: node_modules/.installed

node_modules/.installed: package.json
	@command -v npm >/dev/null || { echo "The page's checks need Node.js 20 or newer with npm."; exit 1; }
	npm install --no-package-lock --no-audit --no-fund --silent
	@touch $@

lint: install-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: install-dev
	$(BIN)/mypy .

contracts: install-dev
	$(BIN)/lint-imports --no-cache

js: node
	npm run --silent check
	npm run --silent lint
	npm run --silent test

# Two processes of one thread each; what drives a browser goes alone, since it watches frames and times.
pytest: install-dev browser
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest -m "not browser" -n 2 --dist loadfile
	$(BIN)/python -m pytest -m browser

# Trains the bundled model and its style again, from nothing; seeded, and goes on where it was stopped.
model: install
	$(BIN)/python -m training.bundled --stage all

bench: install
	$(BIN)/python -m benchmarks.engine
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.bundled_model

# Needs a CUDA device; `make bench-gpu ARGS=--dry` tries it out on the processor.
bench-gpu: install-dev
	$(BIN)/python -m benchmarks.gpu.everything $(ARGS)

clean:
	rm -rf $(VENV) node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis
