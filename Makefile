# Every target sets itself up: `make demo`, `make test` and `make check` work from a fresh clone.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test soak check wheel bench clean

demo: .venv/demo
	$(BIN)/postings demo

# More processes than cores: the tests wait for other processes a fifth of their time. Files keep their order, because
# those with the longest tests have few of them, and would otherwise come last.
PROCESSES ?= 3
test: .venv/dev
	$(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

# The same tests with twenty times as many random examples: hours.
soak: .venv/dev
	POSTINGS_TEST_EXAMPLES=20 $(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# What users install: the built wheel, with the dependencies of a plain install, away from the sources.
wheel: .venv/bin/python
	rm -rf dist .venv/wheel
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	$(PYTHON) -m venv .venv/wheel
	.venv/wheel/bin/pip install --quiet --constraint constraints.txt dist/postings-*.whl
	.venv/wheel/bin/pip check
	cd dist && ../.venv/wheel/bin/postings demo

# A goal that is missed fails its target: `make -k bench` goes on with the others.
BENCHMARKS := beir words local_mode encode precision tiny query explain index ingest memory ingest_memory chaos training csr \
	inference_free reindex scale sizing
bench: $(BENCHMARKS:%=bench-%)
	$(BIN)/python -m benchmarks.chaos --workers 4

bench-%: .venv/dev
	$(BIN)/python -m benchmarks.$*

clean:
	rm -rf .venv dist

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/demo
