# `make run` starts a hub.  `make test` runs everything that has to pass.
# Both install what they need, and install it again only when setup.py or pyproject.toml changes.

PORT ?= 8080
PYTHON ?= python3
VENV ?= .venv
DIST ?= dist
# Where the site is built.
SITE ?= build/site
# What is installed into $(VENV) and tested: this directory, or a wheel.
PACKAGE ?= --editable .
# End-to-end tests wait more than they compute, so there are three workers for each processor.
WORKERS ?= $(shell expr 3 \* $$(getconf _NPROCESSORS_ONLN))

BIN = $(VENV)/bin
SOURCES = setup.py pyproject.toml
CHECKED = twisted_sse twisted/plugins tests/typing/api.py
# A worker takes whole classes: what setUpClass starts is started once.
PYTEST = $(BIN)/pytest --dist=loadscope --no-loadscope-reorder

MAKEFLAGS += --no-print-directory
.PHONY: run test lint types unit all-tests docs system wheel clean

run: $(VENV)/installed
	$(BIN)/twistd -n --pidfile= sse --port $(PORT) --demo

# make-venv needs python3-venv; everything else from Debian is installed while pip works.
test:
	tools/install-debian-packages python3-venv
	$(MAKE) --jobs=2 system $(VENV)/installed-test
	$(MAKE) --jobs=3 lint types all-tests

lint: $(VENV)/installed-test
	$(BIN)/ruff check

types: $(VENV)/installed-test
	$(BIN)/mypy $(CHECKED)

# Clocks and transports in memory: no other program, no server.
unit: $(VENV)/installed-test
	$(PYTEST) --numprocesses=auto -m "not e2e and not alone"

all-tests: $(VENV)/installed-test
	$(PYTEST) --numprocesses=$(WORKERS) -m "not alone"
	$(BIN)/pytest -m alone

# Every warning is an error: a broken link, a misspelled word, a page that nothing leads to.
docs: $(VENV)/installed-docs
	$(BIN)/python docs/_site/build.py $(SITE)
	@echo "The site is in $(SITE): open $(SITE)/index.html, or run $(BIN)/twistd -n web --path $(SITE)."

system:
	tools/install-debian-packages

wheel: $(VENV)/made
	$(BIN)/python tools/build_wheel.py $(DIST)

clean:
	rm -rf .venv build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find tests tools twisted twisted_sse -name __pycache__ -prune -exec rm -rf {} +
	rm -f twisted/plugins/dropin.cache

$(VENV)/made:
	tools/make-venv $(PYTHON) $(VENV)
	touch $@

$(VENV)/installed: $(VENV)/made $(SOURCES)
	tools/install-package $(VENV) all $(PACKAGE)
	touch $@

$(VENV)/installed-docs: $(VENV)/made $(SOURCES)
	tools/install-package $(VENV) docs $(PACKAGE)
	touch $@ $(VENV)/installed

$(VENV)/installed-test: $(VENV)/made $(SOURCES)
	tools/install-package $(VENV) test $(PACKAGE)
	touch $@ $(VENV)/installed $(VENV)/installed-docs
