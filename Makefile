# `make test` and `make demo` need nothing but Python 3.11+ with venv and pip, and a package index.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: test demo bench soak check format clean

# The virtual environment; made anew when the pinned versions change.
$(READY): requirements.txt requirements-dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		-r requirements.txt -r requirements-dev.txt
	@touch $@

# Lint, types, tests with branch coverage of every process that they start.
test: check
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 3 --dist loadgroup
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=90

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# Two small servers, one plugin, an outage in the middle: about a minute to watch.
demo: $(READY)
	@$(BIN)/python -m tools.demo

# One table of figures, ratios from one run. AGAINST=REVISION measures that version's plugin in turn
# with this one; OPTIONS='--only hook --rounds 3' and the like (--help tells) make it short.
bench: $(READY)
	@$(BIN)/python -m benchmarks $(if $(AGAINST),--against $(AGAINST)) $(OPTIONS)

# The full counts of the reliability scoreboard, on two cores about an hour and a half.
#   make soak                          all of it
#   make soak SUITES=tests/soak/test_power_cuts.py KILLS=0     a part of it
#   make soak SUITES= KILLS=10000      the kills alone, about half an hour
SUITES ?= tests/soak tests/reliability tests/e2e/test_outages.py tests/worker tests/sync_queue tests/test_secrets.py
KILLS ?= 10000
soak: $(READY)
ifneq ($(strip $(SUITES)),)
	SOAK=1 $(BIN)/python -m pytest -n 2 --dist loadgroup $(SUITES)
endif
ifneq ($(strip $(KILLS)),0)
	$(BIN)/python -m tests.soak.kills --kills $(KILLS)
endif

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
