# `make test` and `make demo` need nothing but Python 3.11+ with venv and pip, and a package index.
# With another Python, in a virtual environment of its own, which must not lie in the repository
# except in build/:     make test PYTHON=python3.13 VENV=build/py313
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(PYTHON) -m pip --disable-pip-version-check
INTO := $(PIP) --python $(BIN)/python install --quiet --no-deps
READY := $(VENV)/.ready
WHEELS := build/wheels
UNPACKED := build/release-test/Stash2Plex
RELEASE_SUITES ?= tests/e2e
# What users get, looked at for systems that are not at hand: calls and modules that they lack.
OTHER_SYSTEMS := win32 darwin
SHIPPED := Stash2Plex.py app hooks legacy plex reconciliation shared stash sync_queue tasks \
	validation worker

TYPES := types $(OTHER_SYSTEMS:%=types-%)

.PHONY: test test-windows coverage demo bench soak check $(TYPES) byte-code runtime-packages dev-packages \
	format clean release release-test audit

# Python's byte-code is stored, as on a user's machine, also where the environment forbids it.
unexport PYTHONDONTWRITEBYTECODE

# It gets no pip of its own, which would take longer than all else of its making.
$(BIN)/python:
	@$(PYTHON) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer with pip is needed: make PYTHON=python3.12 …"; exit 1; }
	$(PYTHON) -m venv --without-pip $(VENV)

# The wheels of the run-time dependencies, each checked against its hash: what is tested is what is
# released. Fetched anew when the pinned versions change.
$(WHEELS)/.ready: requirements.txt
	@rm -rf $(WHEELS)
	$(PIP) download --quiet --require-hashes --no-deps \
		--only-binary=:all: --platform any --implementation py --abi none \
		--dest $(WHEELS) --requirement requirements.txt
	@touch $@

# The virtual environment; brought up to date when the pinned versions change.
$(READY): requirements.txt requirements-dev.txt | $(BIN)/python
	@$(MAKE) --no-print-directory --jobs 2 runtime-packages dev-packages
	@touch $@

runtime-packages: $(WHEELS)/.ready
	$(INTO) --require-hashes --no-index --find-links $(WHEELS) --requirement requirements.txt

# Two processes at a time install half of the packages each.
dev-packages:
	sed 's/[ #].*//; /^$$/d' requirements-dev.txt | xargs -n 11 -P 2 $(INTO) --no-compile

# A browser for the page's tests, the system's or else one that can be had; without it they skip.
build/browser/.ready: | $(READY)
	@$(BIN)/python -m tests.ui.provide
	@mkdir -p $(@D) && touch $@

# Lint, types, tests. Tests often wait for processes: on two cores, six run at a time.
test: ALONG := byte-code build/browser/.ready $(WHEELS)/.ready
test: check
	$(BIN)/python -m pytest -n 6

# The plugin under a Python for Windows: WINDOWS_PYTHON=…/python.exe make test-windows
test-windows: $(READY)
	@WINDOWS_PYTHON="$(WINDOWS_PYTHON)" $(BIN)/python -m tools.portable

# The tests with branch coverage of every process that they start: half as long again.
coverage: ALONG := byte-code build/browser/.ready $(WHEELS)/.ready
coverage: check
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest -n 4
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report --fail-under=90

check: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	@$(BIN)/python -m tools.style
	@$(MAKE) --no-print-directory --jobs $(words $(TYPES) $(ALONG)) $(TYPES) $(ALONG)

# At the same time: each takes one core.
types:
	$(BIN)/mypy

# Written once, not by each of pytest's processes at the same time.
byte-code:
	@$(BIN)/python -m pytest --quiet --collect-only >/dev/null

$(OTHER_SYSTEMS:%=types-%): types-%:
	$(BIN)/mypy --platform $* --cache-dir .mypy_cache/$* --no-warn-unreachable $(SHIPPED)

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
SUITES ?= tests/soak tests/reliability tests/e2e/test_outages.py tests/e2e/test_process_trees.py tests/e2e/test_poison.py tests/e2e/test_restore.py tests/e2e/test_log_language.py tests/plex tests/worker tests/sync_queue tests/validation tests/test_secrets.py
KILLS ?= 10000
soak: $(READY)
ifneq ($(strip $(SUITES)),)
	SOAK=1 $(BIN)/python -m pytest -n 2 $(SUITES)
endif
ifneq ($(strip $(KILLS)),0)
	$(BIN)/python -m tests.soak.kills --kills $(KILLS)
endif

# dist/Stash2Plex.zip and the index.yml of a plugin source: the same bytes from the same commit.
# It needs none of the tools that tests need.
release: $(WHEELS)/.ready
	$(PYTHON) -m tools.release

# The end-to-end suite from the built zip, under a Python that has nothing installed.
release-test: $(READY)
	rm -rf $(UNPACKED) build/bare
	$(BIN)/python -m tools.release --uncommitted --into build/release-test
	$(BIN)/python -m zipfile --extract build/release-test/Stash2Plex.zip $(UNPACKED)
	$(BIN)/python -m venv --without-pip build/bare
	STASH2PLEX_PLUGIN="$(CURDIR)/$(UNPACKED)" STASH2PLEX_PYTHON="$(CURDIR)/build/bare/bin/python3" \
		$(BIN)/python -m pytest -n 3 $(RELEASE_SUITES)

# Asks the package index whether the pinned versions are the newest, and whether any was withdrawn.
# Exit status 1: newer ones exist; 2: one was withdrawn or is not the file that was pinned;
# 3: the index did not answer.
audit:
	@$(PYTHON) -m tools.release.audit

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage*
