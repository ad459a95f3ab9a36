"""``postings demo``: the main job on texts that every machine has, the docstrings of Python's standard library."""

from __future__ import annotations

import ast
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from postings import Document, open_index
from postings.collection_models import collection_encoder
from postings_cli.bars import ingest_bar
from postings_cli.commands.search import show_hits
from postings_cli.console import out
from postings_cli.options import IndexUrl, Model, settings_from
from postings_ingest import Pipeline
from postings_query import SearchClient

_QUESTIONS = (
    "how do I read a csv file",
    "run a command and capture its output",
    "find the shortest path to a file that matches a pattern",
)
_COLLECTION = "demo"
_SKIPPED = {"test", "tests", "idlelib", "lib2to3", "site-packages", "__pycache__", "turtledemo", "ensurepip"}
_SHORTEST = 40


def demo(index: IndexUrl = None, model: Model = None) -> None:
    """Index Python's docstrings, answer questions.

    Example: postings demo
    """
    settings = settings_from(_COLLECTION, index, model)
    documents = list(standard_library())
    out.print(f"Indexing {len(documents):,} docstrings of Python's standard library into {_COLLECTION!r} …")
    with open_index(settings) as opened:
        encoder = collection_encoder(settings, opened)
        with ingest_bar(len(documents)) as show:
            report = Pipeline(encoder, opened, settings).run(documents, show)
        out.print(f"{report.indexed:,} documents in {report.seconds:.1f} s")
        client = SearchClient(index=opened, encoder=encoder)
        for question in _QUESTIONS:
            out.print(f"\n{question}", style="bold")
            show_hits(client.search(question, 3, explain=True, group_by_document=True))
    # From a clone, `make demo` runs a command that isn't on the PATH.
    program = "postings" if shutil.which("postings") else os.path.relpath(sys.argv[0])
    out.print(f'\nNow ask your own: {program} search "…" --explain --collection {_COLLECTION}')


def standard_library() -> Iterator[Document]:
    """A document for each docstring of the library's modules, classes and functions, read without importing them."""
    root = Path(sysconfig.get_path("stdlib"))
    for file in sorted(root.rglob("*.py")):
        relative = file.relative_to(root)
        if _SKIPPED & set(relative.parts):
            continue
        try:
            tree = ast.parse(file.read_bytes())
        except (SyntaxError, ValueError):
            continue
        module = ".".join(relative.with_suffix("").parts).removesuffix(".__init__")
        yield from _docstrings(tree, module, module)


def _docstrings(node: ast.AST, name: str, module: str) -> Iterator[Document]:
    if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        text = ast.get_docstring(node) or ""
        if len(text) >= _SHORTEST:
            yield Document(name, text, title=name, metadata={"module": module})
        for child in node.body:
            if isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not child.name.startswith(
                "_"
            ):
                yield from _docstrings(child, f"{name}.{child.name}", module)
