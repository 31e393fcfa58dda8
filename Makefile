# `make fit` analyses the example cohort; `make test` is what every change has to pass.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Two processes, a file of tests in one of them: what a file's tests share is made once.
SHARED := -n 2 --dist loadfile --no-loadscope-reorder

.PHONY: fit test test-slow test-lowest calibration bench docs
.DEFAULT_GOAL := fit

fit: $(READY)
	$(BIN)/python -m igkinetics fit data/blina23 --out results/blina23 --threshold 400 --overwrite

test: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m pytest $(SHARED)

test-slow: $(READY)
	$(BIN)/python -m pytest $(SHARED) -m slow

# The lowest versions that pyproject.toml allows; the default environment has the newest.
test-lowest:
	$(PYTHON) -m venv .venv-lowest
	$(PYTHON) docs/lowest.py > .venv-lowest/lowest.txt
	.venv-lowest/bin/python -m pip install --quiet --editable '.[test]' --constraint .venv-lowest/lowest.txt
	.venv-lowest/bin/python -m pytest $(SHARED)

calibration: $(READY)
	rm -f tests/calibration/effect_*.csv tests/calibration/policy_truth.csv
	$(BIN)/python tests/calibration/stress_study.py
	$(BIN)/python tests/calibration/steps_study.py
	$(BIN)/python tests/calibration/policy_study.py
	for study in sbc sbc_laplace truth "wrong 24" kinds; do $(BIN)/python tests/calibration/effect_study.py $$study || exit 1; done

bench: $(READY)
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python "$$script" || exit 1; done

docs: $(READY)
	$(BIN)/python docs/reference.py
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet
	@echo "Documentation: site/index.html"

# The virtual environment is made once, and again when pyproject.toml changes.
$(READY): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "igkinetics needs Python 3.11 or newer; $(PYTHON) is not. Name another one: make $(MAKECMDGOALS) PYTHON=python3.12" >&2; \
	  exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "$(PYTHON) cannot make a virtual environment. On Debian or Ubuntu: apt-get install python3-venv" >&2; \
	  exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --editable '.[test]'
	@touch $@
