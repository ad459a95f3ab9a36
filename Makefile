# Every target sets itself up: `make demo`, `make test` and `make check` work from a fresh clone.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test check bench clean

demo: .venv/demo
	$(BIN)/postings demo

test: .venv/dev
	$(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

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
	rm -rf .venv

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/demo
