# Two commands: `make run` starts a hub, `make test` proves that everything works.
# Both do their own set-up, and do it again only when setup.py or pyproject.toml has changed.

PORT ?= 8080
PYTHON ?= python3
VENV ?= .venv
DIST ?= dist
# What is installed into $(VENV) and tested: this directory, or a wheel.
PACKAGE ?= --editable .

BIN = $(VENV)/bin
SOURCES = setup.py pyproject.toml
CHECKED = twisted_sse twisted/plugins tests/typing/api.py

.NOTPARALLEL:
.PHONY: run test lint types unit all-tests system wheel clean

run: $(VENV)/installed
	$(BIN)/twistd -n --pidfile= sse --port $(PORT) --demo

test: system lint types all-tests

lint: $(VENV)/installed-test
	$(BIN)/ruff check

types: $(VENV)/installed-test
	$(BIN)/mypy $(CHECKED)

# The fast ones: no browser, no other program's server.
unit: $(VENV)/installed-test
	$(BIN)/pytest --ignore tests/e2e

all-tests: $(VENV)/installed-test
	$(BIN)/pytest

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

$(VENV)/installed-test: $(VENV)/made $(SOURCES)
	tools/install-package $(VENV) test $(PACKAGE)
	touch $@ $(VENV)/installed
