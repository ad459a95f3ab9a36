# Every target sets itself up: `make demo`, `make serve`, `make test` and `make check` work from a fresh clone.
PYTHON ?= python3
BIN := .venv/bin

# The web page, as it is built. Where there is no npm, `make serve` and `make wheel` do without it.
PAGE := serve/postings_serve/page/index.html
IF_NPM = $(if $(shell command -v npm || true),$(1))

.DELETE_ON_ERROR:
.PHONY: demo serve page pictures docs test test-all soak check adapters wheel release bench clean

demo: .venv/demo
	$(BIN)/postings demo

serve: .venv/serve $(call IF_NPM,$(PAGE))
	@test -f $(PAGE) || echo "Without npm, which builds its web page, this is the API alone."
	$(BIN)/postings serve --open

page: $(PAGE)

# The documentation, in site/. A dead link fails it. The variable turns off an advertisement of MkDocs' theme.
docs: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# For docs/pictures/, after the page has changed.
pictures: .venv/dev
	$(BIN)/python -m tests.support.pictures

# All but tests/e2e, which uses the product as a whole: commands, workers, containers, a browser, trained models.
test: .venv/dev
	$(RUN_TESTS) --ignore tests/e2e

test-all: .venv/dev
	$(RUN_TESTS)

# The same tests with twenty times as many random examples: hours.
soak: .venv/dev
	POSTINGS_TEST_EXAMPLES=20 $(RUN_TESTS)

# More processes than cores: the tests wait for other processes a fifth of their time. Files keep their order, because
# those with the longest tests have few of them, and would otherwise come last.
PROCESSES ?= 3
RUN_TESTS = $(BIN)/pytest -n $(PROCESSES) --dist loadfile --no-loadscope-reorder

check: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The adapters with their frameworks, which have an environment of their own: see `adapters-dev` in pyproject.toml.
adapters: .venv/adapters/ready
	.venv/adapters/bin/mypy --package postings_adapters
	.venv/adapters/bin/pytest -o asyncio_mode=auto -o asyncio_default_fixture_loop_scope=function \
		adapters tests/adapters tests/unit/test_missing_frameworks.py

# What users install: the built wheel, with the dependencies of a plain install, away from the sources; then what serves.
wheel: .venv/bin/python
	-@$(call IF_NPM,$(MAKE) page)
	rm -rf dist .venv/wheel
	$(BIN)/pip wheel --quiet --no-deps --wheel-dir dist .
	$(PYTHON) -m venv .venv/wheel
	.venv/wheel/bin/pip install --quiet --constraint constraints.txt dist/postings-*.whl
	.venv/wheel/bin/pip check
	cd dist && ../.venv/wheel/bin/postings demo
	@if test -f $(PAGE); then \
		.venv/wheel/bin/pip install --quiet --constraint constraints.txt "$$(ls dist/postings-*.whl)[serve]" && \
		$(PYTHON) -m tests.support.wheel_page .venv/wheel/bin/postings; \
	else echo "Without npm and its packages, which build it, this wheel has no web page."; fi

# What a release uploads. The wheel is built from the source distribution, so that both are whole.
release: .venv/release page
	@version=$$(sed -n 's/^__version__ = "\(.*\)"$$/\1/p' core/postings/__init__.py); \
		grep -qE "^## $$version \([0-9]{4}-[0-9]{2}-[0-9]{2}\)$$" CHANGELOG.md || \
		{ echo "CHANGELOG.md has no dated entry: expected '## $$version (YYYY-MM-DD)'"; exit 1; }
	rm -rf dist
	PIP_CONSTRAINT=constraints.txt .venv/release/bin/python -m build --outdir dist .
	.venv/release/bin/twine check --strict dist/*
	.venv/release/bin/pip install --quiet --constraint constraints.txt --force-reinstall "$$(ls dist/*.whl)[serve]"
	cd .venv/release && bin/postings demo
	$(PYTHON) -m tests.support.wheel_page .venv/release/bin/postings

# A goal that is missed fails its target: `make -k bench` goes on with the others.
BENCHMARKS := beir words local_mode encode precision tiny query explain index shared_index ingest memory ingest_memory chaos \
	training csr inference_free reindex scale sizing serve page
bench: $(BENCHMARKS:%=bench-%)
	$(BIN)/python -m benchmarks.chaos --workers 4

bench-%: .venv/dev
	$(BIN)/python -m benchmarks.$*

clean:
	rm -rf .venv dist site $(dir $(PAGE)) serve/page/node_modules serve/page/*openapi.json serve/page/src/api/schema.d.ts

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/demo: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	touch $@

.venv/serve: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[serve]'
	touch $@ .venv/demo

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@ .venv/demo .venv/serve

.venv/adapters/ready: .venv/bin/python pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv/adapters
	.venv/adapters/bin/pip install --quiet --constraint constraints.txt --editable '.[adapters-dev]'
	touch $@

.venv/release: .venv/bin/python constraints.txt
	$(PYTHON) -m venv .venv/release
	.venv/release/bin/pip install --quiet --constraint constraints.txt build twine

$(PAGE): serve/page/src/api/schema.d.ts serve/page/build.js serve/page/tsconfig.json \
		$(shell find serve/page/src -type f ! -name schema.d.ts)
	cd serve/page && npm run --silent check && npm run --silent build

serve/page/src/api/schema.d.ts: serve/page/openapi.json serve/page/node_modules/.package-lock.json
	cd serve/page && npm run --silent types >/dev/null
	touch $@

# The code changes often, and what it says of itself seldom.
serve/page/openapi.json: serve/page/new-openapi.json
	cmp --silent $< $@ || cp $< $@

serve/page/new-openapi.json: .venv/serve $(shell find core ingest query serve/postings_serve -name '*.py')
	$(BIN)/postings serve --openapi >$@

serve/page/node_modules/.package-lock.json: serve/page/package.json serve/page/package-lock.json
	@command -v npm >/dev/null || { echo "The web page is built by npm, which comes with Node.js 20 or later."; exit 1; }
	npm ci --prefix serve/page --prefer-offline --no-audit --no-fund
	touch $@
