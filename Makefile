# Two commands: `make workbook` executes every notebook, `make test` runs every test. Both make .venv if it is missing.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help environment workbook notebooks test test-slurm clean

help:
	@echo "make workbook    execute every notebook (quick preset, stand-in speech) into build/rendered/"
	@echo "make test        run pytest, and nbval over the notebooks"
	@echo "make test-slurm  send a grid through a Slurm of this one host (Debian 12, as root; installs slurm-wlm)"
	@echo "make notebooks   execute every notebook and store its outputs in place, ready to commit"
	@echo "make clean       remove the environment and everything rendered (not results/)"

environment: .venv/.installed

# Compiling every module of the tree to bytecode costs a minute; Python compiles the ones that are imported.
.venv/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "sernb needs Python 3.11 or newer; $(PYTHON) is not. Name another: make PYTHON=python3.12"; exit 1; }
	@echo "Installing into .venv (about two minutes)"
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

workbook: .venv/.installed
	@$(BIN)/sernb run

notebooks: .venv/.installed
	@$(BIN)/sernb run --save

# An empty store, so that nothing passes because an earlier run left its result.
test: .venv/.installed
	@rm -rf build/test
	@SERNB_RESULTS="$$PWD/build/test/results" $(BIN)/python -m pytest -q --nbval-lax --nbval-current-env \
	  --nbval-cell-timeout=900 tests notebooks

# The Slurm is stopped whatever becomes of the test.
test-slurm: .venv/.installed
	@trap 'tests/slurm/slurm.sh stop build/slurm' EXIT; tests/slurm/slurm.sh start build/slurm && \
	  SLURM_CONF="$$PWD/build/slurm/slurm.conf" $(BIN)/python -m pytest -q tests/slurm

clean:
	rm -rf .venv build
