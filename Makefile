# `make` lists the targets. PYTHON is the interpreter that creates .venv; everything else happens inside .venv.
PYTHON ?= python3
# How many tests run at a time.
JOBS ?= 2

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export OMP_NUM_THREADS ?= 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check lint types docs wheel format bless readme clean evidence bench-bugs bench-startup bench-tracing bench-initializations bench-differential bench-observing bench-aa bench-coverage bench-mutations bench-silence bench-peers bench-confirm bench-range-test bench-speed

help:  ## list the targets
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY)  ## create .venv with the pinned versions (does nothing when they are there)

# The stamp is older than a changed pin, so pip runs again exactly then.
$(READY): requirements.txt requirements-tasks.txt pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "nnlint needs Python 3.11 or newer; say which with: make setup PYTHON=python3.11"; exit 1; }
	$(BIN)/python -m pip install --quiet --requirement requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements-tasks.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup  ## lint a real faulty training script, show the fix, confirm what it is worth
	@bash examples/demo.sh $(BIN)/nnlint

test: setup  ## run the tests
	$(BIN)/python -m pytest -n $(JOBS)

check: setup  ## exactly what CI runs: lint, types, docs, tests
	@bash .ci/run

lint: setup  ## style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: setup  ## put the sources into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: setup  ## type checker, strict on nnlint and on the rules
	$(BIN)/mypy

docs: setup  ## build the documentation into site/, from the rules
	$(BIN)/python docs/build.py

wheel: setup  ## build the wheel into dist/
	$(BIN)/python -m build --wheel --no-isolation

bless: setup readme  ## accept what nnlint says now: snapshots and the README's output
	NNLINT_BLESS=1 $(BIN)/python -m pytest -n $(JOBS) -k "said or snapshot"

readme: setup  ## put what nnlint says now into the README
	$(BIN)/python docs/readme.py

evidence: setup  ## train each rule's pair and reference tasks: make evidence, make evidence RULE=missing-zero-grad
	$(BIN)/python bench/evidence.py $(RULE)

bench-bugs: setup  ## real bugs: expected, found and false for each case
	$(BIN)/python bench/bugs.py

bench-startup: setup  ## start-up time against a bare interpreter
	$(BIN)/python bench/startup.py

bench-tracing: setup  ## what tracing costs, as a share of a forward pass
	$(or $(wildcard .venv-zoo/bin/python),$(BIN)/python) bench/tracing.py

bench-initializations: setup  ## how well initializations are recognized
	$(BIN)/python bench/initializations.py

ZOO := .venv-zoo

bench-coverage: setup $(ZOO)/.ready  ## what share of public models is traced (an hour; goes on where it was)
	nice -n 10 $(ZOO)/bin/python bench/coverage.py

bench-silence: setup $(ZOO)/.ready  ## what nnlint says of models that nothing is wrong with (an hour; goes on where it was)
	nice -n 10 $(ZOO)/bin/python bench/silence.py

bench-peers: setup  ## nnlint beside other tools on the real bugs (each in an environment of its own)
	nice -n 10 $(BIN)/python bench/peers.py

# A venv of its own, over the torch of .venv: nothing that is installed here may bring another.
$(ZOO)/.ready: bench/zoo-requirements.txt $(READY)
	@test -x $(ZOO)/bin/python || $(BIN)/python -m venv $(ZOO)
	$(ZOO)/bin/python -m pip install --quiet --no-deps --requirement bench/zoo-requirements.txt
	@$(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))' > $(ZOO)/torch.txt
	@cp $(ZOO)/torch.txt "$$($(ZOO)/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/torch.pth"
	@touch $@

clean:  ## remove what was built (.venv stays)
	rm -rf build dist site .pytest_cache .mypy_cache .ruff_cache .hypothesis

bench-differential: setup  ## the recipe as the source tells it against the run
	$(BIN)/python bench/differential.py

bench-mutations: setup  ## how many defects put into sound programs are found (ten minutes; goes on where it was)
	nice -n 10 $(BIN)/python bench/mutate.py --jobs 2 --write

bench-aa: setup  ## a program against itself, 200 times with seeds of its own (an hour; goes on where it was)
	nice -n 10 $(BIN)/python bench/aa.py

bench-observing: setup  ## what it costs to be watched while training
	$(BIN)/python bench/observing.py

bench-confirm: setup  ## real bugs: the verdict on each repair, and whether nnlint's own fixes repair (goes on where it was)
	nice -n 10 $(BIN)/python bench/confirm.py bugs

bench-range-test: setup  ## what the suggested learning rate costs, beside other tools' rules (goes on where it was)
	nice -n 10 $(BIN)/python bench/range_test.py

bench-speed: setup  ## how fast the trainer is, beside a plain loop, skorch and Lightning
	$(BIN)/python bench/speed.py --save
