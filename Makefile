# Everything a person does with this repository, from a fresh clone on. `make help` lists it.
#
# Needs make and Python 3.11 or newer with its venv module. Packages come from wherever pip on this machine is set up to
# look, and only those whose hashes are in the requirements files are taken.

.DEFAULT_GOAL := help
.PHONY: help setup demo test fmt bench messages lock clean
.DELETE_ON_ERROR:

VENV := .venv
PIP := $(VENV)/bin/pip --disable-pip-version-check --quiet
# The build warns of folders named like packages, which is how this project is laid out.
INSTALL_SELF := PYTHONWARNINGS=ignore $(PIP) install --no-deps --no-build-isolation --editable .

# The first Python that is new enough. `make setup PYTHON=/usr/local/bin/python3.13` takes another.
PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	"$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo "$$python"; break; }; done)

help: ## say what can be made
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1	\2/p' $(MAKEFILE_LIST) | expand -t 18

setup: $(VENV)/.ready ## make .venv and put into it what the service needs
	@echo "$(VENV) is ready: $(VENV)/bin/bili is the program, and make demo shows it."

demo: $(VENV)/.ready ## run the whole product on this machine, with a sandbox in place of every outside party
	@$(VENV)/bin/bili demo

test: $(VENV)/.ready-to-test ## run every check and every test
	@$(VENV)/bin/python -m tests.run_checks

fmt: $(VENV)/.ready-to-test ## format the source and mend what ruff can mend
	@$(VENV)/bin/ruff check --fix-only --quiet .
	@$(VENV)/bin/ruff format .

bench: $(VENV)/.ready-to-test ## measure how much this machine carries
	@$(VENV)/bin/python -m benchmarks

messages: $(VENV)/.ready ## bring the catalogues in locales/ up to the source
	@$(VENV)/bin/python -m tests.catalogues update

# Resolve with the oldest Python we support: what only it needs is then in the files too.
LOCK := --quiet --no-config --generate-hashes --allow-unsafe --strip-extras --no-emit-options --build-deps-for editable

lock: ## choose the versions in requirements*.txt anew (ARGS=--upgrade takes the newest)
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && export CUSTOM_COMPILE_COMMAND="make lock" && \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/pip" install --disable-pip-version-check --quiet pip-tools==7.6.2 && \
	"$$tools/bin/pip-compile" $(LOCK) $(ARGS) -o requirements.txt pyproject.toml && \
	"$$tools/bin/pip-compile" $(LOCK) $(ARGS) --extra test -c requirements.txt -o requirements-test.txt pyproject.toml

clean: ## remove what was made here, the virtual environment too; databases in var/ stay
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# pip stands there only when the environment was made to the end.
$(VENV)/bin/pip:
	@"$(or $(PYTHON),python3)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "Bili needs Python 3.11 or newer, and found: $$("$(or $(PYTHON),python3)" --version 2>/dev/null || echo none)"; \
		echo "Debian 12 and Ubuntu 24.04 have one: sudo apt install python3 python3-venv"; \
		echo "Another is taken by its name: make setup PYTHON=python3.12"; exit 1; }
	@"$(PYTHON)" -c 'import venv, ensurepip' 2>/dev/null || { \
		name=$$("$(PYTHON)" -c 'import sys; print("python3.%d" % sys.version_info[1])'); \
		echo "$$name -m venv does not work here: install it with  sudo apt install $$name-venv"; exit 1; }
	@echo "Making $(VENV) with $$("$(PYTHON)" --version); this is done once and takes about a minute."
	@"$(PYTHON)" -m venv --clear $(VENV)

# Wheels only: nothing is compiled, and no package runs code of its own while it is installed.
$(VENV)/.ready: requirements.txt pyproject.toml | $(VENV)/bin/pip
	@$(PIP) install --only-binary :all: --require-hashes -r requirements.txt
	@$(INSTALL_SELF)
	@touch $@

$(VENV)/.ready-to-test: requirements-test.txt pyproject.toml | $(VENV)/bin/pip
	@$(PIP) install --only-binary :all: --require-hashes -r requirements-test.txt
	@$(INSTALL_SELF)
	@touch $(VENV)/.ready $@
