# make demo    train two models on this machine, from nothing: one by one process, one by MPI on two nodes
# make test    run every test
# make lint    formatting, types, floors
# make docs    the site, in build/docs
# make mutants  make the mistakes of tests/mutants, one by one, and see that the tests notice (a quarter of an hour)
# make bench   measure, side by side with what people would pick instead

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# The tests of real services and other Pythons: all folders but these.
REAL := $(filter-out tests/unit/ tests/house/ tests/support/ tests/fixtures/ tests/mutants/ %__pycache__/,$(wildcard tests/*/))
# Images of containers often say that Python keeps no bytecode; then each of the thousands of processes that the tests
# start would compile again all that it imports, which takes longer than most of what they do.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: demo test tools coverage lint docs format bench mutants clean

demo: $(VENV)/.demo
	$(BIN)/python examples/sklearn_estimator/run.py
	$(BIN)/python examples/mpi_estimator/run.py

test: $(VENV)/.dev tools
	$(BIN)/python -m pytest tests/unit tests/house -q -n 2 --timeout 120 --cov --cov-report=
	$(BIN)/python -m pytest $(REAL) -q -n 4 --dist loadfile --no-loadscope-reorder --durations 25 --cov --cov-append --cov-report=
	$(BIN)/python tools/coverage_of_rooms.py 77

# What some tests need beside Python's packages; after what may itself need Debian's, which lets one install at a time.
tools: $(VENV)/.made
	@sh tools/get_tools.sh

# As test, with the service and scripts measured, which takes a quarter longer.
coverage: $(VENV)/.dev
	$(BIN)/python -m pytest tests/unit tests/house -q -n 2 --cov --cov-report=
	$(BIN)/python -m pytest $(REAL) -q -n 2 --dist loadfile --cov --cov-append \
	  --cov-config=tools/coverage_of_processes.ini --cov-report=
	$(BIN)/python tools/coverage_of_rooms.py 77

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.dev
	$(BIN)/python -m sphinx -q -W --keep-going -j auto docs build/docs

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(VENV)/.dev
	$(BIN)/python benchmarks/run.py

mutants: $(VENV)/.dev
	$(BIN)/python tools/mutants.py

clean:
	rm -rf $(VENV) build dist *.egg-info src/*.egg-info

# Debian's Python comes without the part that makes environments.
$(VENV)/.made:
	$(PYTHON) -m venv $(VENV) 2>/dev/null || { rm -rf $(VENV); bash tools/make_venv.sh $(PYTHON) $(VENV); }
	$(BIN)/python -m pip install -q "uv>=0.7"
	touch $@

$(VENV)/.demo: $(VENV)/.made pyproject.toml compat/azureml/pyproject.toml
	$(BIN)/python tools/install.py -e . -e compat/azureml scikit-learn joblib
	touch $@

# Compiled at once: programs of other users, whom some tests have, cannot keep bytecode in it.
$(VENV)/.dev: $(VENV)/.made pyproject.toml compat/azureml/pyproject.toml
	$(BIN)/python tools/install.py --compile-bytecode -e . -e compat/azureml --group dev
	$(BIN)/python tools/install.py --no-deps "axe-playwright-python>=0.1.8"  # for its axe-core, without Playwright
	touch $@
