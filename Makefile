# Every target sets itself up: `make demo`, `make test` and `make check` work from a fresh clone.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check wheel bench clean

demo: .venv/demo
	$(BIN)/postings demo

test: .venv/dev
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

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

bench: .venv/dev
	$(BIN)/python -m benchmarks.beir
	$(BIN)/python -m benchmarks.local_mode
	$(BIN)/python -m benchmarks.encode
	$(BIN)/python -m benchmarks.precision
	$(BIN)/python -m benchmarks.tiny
	$(BIN)/python -m benchmarks.query
	$(BIN)/python -m benchmarks.index
	$(BIN)/python -m benchmarks.ingest
	$(BIN)/python -m benchmarks.memory
	$(BIN)/python -m benchmarks.ingest_memory
	$(BIN)/python -m benchmarks.chaos
	$(BIN)/python -m benchmarks.training
	$(BIN)/python -m benchmarks.csr

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
