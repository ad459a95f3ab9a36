"""The public surface: what is exported, what an import costs, and the tree of errors."""

from __future__ import annotations

import importlib
import inspect
import os
import pkgutil
import re
import subprocess
import sys
from importlib.resources import files

import postings
import postings_ingest
import postings_query
import postings_training
from postings import errors


def test_the_public_names_are_these() -> None:
    assert postings.__all__ == [
        "Document",
        "EdgeIndex",
        "Encoder",
        "Index",
        "Passage",
        "PostingsError",
        "ServerIndex",
        "Settings",
        "SparseVector",
        "open_index",
    ]
    assert postings_ingest.__all__ == [
        "AsyncProducer",
        "Counts",
        "DeadLetter",
        "DeadLetters",
        "Deletion",
        "Job",
        "Ledger",
        "Pipeline",
        "Producer",
        "ReindexReport",
        "Rejection",
        "Report",
        "WordsReport",
        "delete_documents",
        "delete_matching",
        "estimate_documents",
        "index_words",
        "read_documents",
        "reindex",
    ]
    assert postings_query.__all__ == [
        "ApiClient",
        "AsyncApiClient",
        "AsyncSearchClient",
        "Contribution",
        "Facet",
        "Facets",
        "Hit",
        "Hits",
        "Reranker",
        "SearchClient",
        "Term",
        "WeightedQuery",
        "facets",
    ]
    assert postings_training.__all__ == [
        "BeirSet",
        "Comparison",
        "Evaluation",
        "Guards",
        "JudgedQueries",
        "Judgements",
        "Measured",
        "Mined",
        "Quality",
        "Recipe",
        "Run",
        "Source",
        "compare",
        "evaluate",
        "known_sources",
        "load_beir",
        "load_judgements",
        "load_queries",
        "load_recipe",
        "load_set",
        "measure_collection",
        "measure_model",
        "measure_run",
        "mine",
        "read_qrels",
        "read_run",
        "run_lines",
        "train",
        "trained_on",
        "without_leaks",
        "write_report",
    ]
    for package in (postings, postings_ingest, postings_query, postings_training):
        assert all(hasattr(package, name) for name in package.__all__)
        assert all((getattr(package, name).__doc__ or "").strip() for name in package.__all__)


def test_imports_are_light() -> None:
    heavy = {
        "torch",
        "transformers",
        "sentence_transformers",
        "datasets",
        "qdrant_client",
        "pyarrow",
        "scipy",
        "celery",
        "redis",
        "ir_datasets",
        "ir_measures",
        "matplotlib",
    }
    packages = "postings, postings_query, postings_ingest, postings_training"
    show_all_commands = "postings_cli.main.run(['--help'])"
    code = f"import sys, {packages}, postings_cli.main; {show_all_commands}; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "postings_cli.commands.search" in loaded
    assert not heavy & set(loaded)


def test_importing_installs_no_log_handler() -> None:
    code = (
        "import logging, postings, postings_query, postings_ingest; r = logging.getLogger(); print(r.handlers, r.level)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[] 30\n"


def test_the_tree_of_errors_is_the_one_that_is_drawn() -> None:
    tree = (errors.__doc__ or "").split("::\n")[1].split("``error.retry``")[0]
    drawn = [(len(match[1]) // 4, match[2]) for match in re.finditer(r"^    ([│├└─ ]*)(\w+)", tree, re.MULTILINE)]
    path: list[str] = []
    parents = {}
    for depth, name in drawn:
        path[depth:] = [name]
        parents[name] = path[depth - 1] if depth else "Exception"
    classes = {
        name: cls.__bases__[0].__name__
        for name, cls in inspect.getmembers(errors, inspect.isclass)
        if issubclass(cls, Exception)
    }
    assert parents == classes


def errors_in(package: str) -> list[str]:
    """The exceptions that a package's modules define, as ``MODULE.NAME``; all modules are imported."""
    root = importlib.import_module(package)
    names = [package, *(found.name for found in pkgutil.walk_packages(root.__path__, f"{package}."))]
    return [
        f"{module.__name__}.{name}"
        for module in map(importlib.import_module, names)
        for name, cls in vars(module).items()
        if isinstance(cls, type) and issubclass(cls, BaseException) and cls.__module__ == module.__name__
    ]


def test_no_error_is_outside_of_the_tree_but_those_that_are_caught_within_a_package() -> None:
    # In a process of its own, which importing the worker changes.
    code = f"from {__name__} import errors_in; print(*errors_in('postings_ingest'))"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    packages = ("postings", "postings_cli", "postings_query", "postings_serve", "postings_training")
    found = [*ran.stdout.split(), *(name for package in packages for name in errors_in(package))]
    assert len(found) > 30
    outside = {name.rpartition(".")[2] for name in found if not name.startswith("postings.errors.")}
    # Those of the service become its answers. The others stop a batch or a read, or say that a point is gone, and are
    # caught in their package: no user and no dead letter sees them.
    assert outside - {"Problem", "_Abandoned", "_Enough"} == {
        "GivenUp",
        "LeaseLost",
        "ModelBroken",
        "ModelDropped",
        "PointMissing",
        "Stopping",
    }


def test_errors_that_may_pass_say_so() -> None:
    retried = {name for name, cls in inspect.getmembers(errors, inspect.isclass) if getattr(cls, "retry", False)}
    assert retried == {"BrokerUnavailable", "IndexUnavailable", "JobUnfinished", "QueueFull", "StorageFull"}


def test_the_errors_that_redis_writes_into_dead_letters_are_in_the_tree() -> None:
    scripts = [file for file in (files("postings_ingest.queue") / "lua").iterdir() if file.name.endswith(".lua")]
    written = {name for file in scripts for name in re.findall(r"error = '(\w+)'", file.read_text())}
    assert written == {"BatchLost"}
    assert all(issubclass(getattr(errors, name), errors.QueueFailure) for name in written)
