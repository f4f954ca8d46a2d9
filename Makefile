# make test   everything that must be green, in under four minutes on two cores
# make demo   the flights example: a year of departures through kill -9
# make torture, make simulation, make models, make soak, make install-check   the longer proofs
# make prove  all of them, at the sizes of a night
# make pictures   docs/pictures anew, by a real browser
# make format what ruff can mend by itself
# make lock   requirements-dev.lock anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export PYRIGHT_PYTHON_IGNORE_WARNINGS := 1

.PHONY: test lint demo torture simulation models soak prove install-check pictures format lock clean

test: lint
	$(BIN)/python -m pytest -q -n 2 --dist loadfile

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pyright
	$(BIN)/lint-imports

POWER_CUTS ?= 20000
DAMAGES ?= 2000
SEEDED := $(if $(SEED),--seed $(SEED))
torture: $(READY)
	$(BIN)/python -m tests.torture.kills
	$(BIN)/python -m tests.torture.kill_loop --kills 200 --minutes 4
	$(BIN)/python -m tests.torture.suspects $(SEEDED)
	$(BIN)/python -m tests.torture.power_cuts --points $(POWER_CUTS) $(SEEDED)
	$(BIN)/python -m tests.torture.io_errors $(SEEDED)
	$(BIN)/python -m tests.torture.full_tmpfs
	$(BIN)/python -m tests.torture.corruption --count $(DAMAGES) $(SEEDED)

# The engine under seeded faults: half of the seeds are the same each time, half are new: by the
# clock, or with FRESH=commit by the commit, so that all who run it see the same. What fails
# prints the line that shows it again. For a night: make simulation SEEDS=100000.
SEEDS ?= 800
FRESH ?= clock
by_clock = $(shell date +%s)
by_commit = $(shell printf %d 0x$$(git rev-parse --short=7 HEAD 2>/dev/null || echo 1))
FIRST ?= 0 $(by_$(FRESH))

simulation: $(READY)
	for scenario in ledgers:ledgers orchestrated:journeys; do \
		for first in $(FIRST); do \
			$(BIN)/perdure simulate tests.simulation.$$scenario \
				--seeds $(SEEDS) --first-seed $$first --processes 2 || exit 1; \
		done; \
	done

# The client API against its model, and every decoder fuzzed: PERDURE_PROOF is ci or night.
PROOF ?= ci
models: $(READY)
	PERDURE_PROOF=$(PROOF) $(BIN)/python -m pytest -q tests/models tests/upgrade

# Mixed load, overload, and a line of figures.
MINUTES ?= 10
soak: $(READY)
	$(BIN)/python -m tests.soak --minutes $(MINUTES)

prove: $(READY)
	$(MAKE) simulation
	$(MAKE) torture
	$(MAKE) models PROOF=night
	$(MAKE) soak

# What users get: an ordinary install, imported from a folder that is not the checkout.
install-check:
	rm -rf build/check && mkdir -p build/check && $(PYTHON) -m venv build/check/venv
	build/check/venv/bin/python -m pip install --quiet --disable-pip-version-check .
	cd build/check && venv/bin/python -c 'import perdure; print(perdure.__file__)'
	cd build/check && venv/bin/python -c 'import perdure.storage.sqlite, perdure.benchmarks'
	cd build/check && venv/bin/python -m pip install --quiet starlette uvicorn prometheus_client h11
	cd build/check && venv/bin/python -c 'from perdure.gateway.assets import Assets, FOLDER; \
		import perdure.gateway.serving; Assets(); assert (FOLDER / "views/instances.js").exists()'
	cd build/check && venv/bin/perdure --help
	rm -rf build

demo: $(READY)
	$(BIN)/python -m examples.flights

# Every package of development, by version and hash, for each Python that is supported.
lock: $(READY)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --all-extras \
		--python-version 3.11 setup.cfg --output-file requirements-dev.lock

pictures: $(READY)
	$(BIN)/python -m tests.page.screenshots

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

$(READY): setup.cfg pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[test]'
	touch $@

clean:
	rm -rf $(VENV) .cache build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis
