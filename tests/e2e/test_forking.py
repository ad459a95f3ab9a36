"""A process that was forked is told at once that it can't use what its parent opened, and nothing hangs."""

from __future__ import annotations

import pytest

from tests.support.forking import said_by

PARENT = """
import logging, os, sys
from postings import Document, Encoder, PostingsError, Settings, open_index
from postings_ingest import Pipeline
from postings_query import SearchClient

settings = Settings(index_url=sys.argv[1])
with open_index(settings) as index:
    encoder = Encoder.load("tiny", "cpu", "onnx")
    Pipeline(encoder, index, settings).run([Document(str(n), "A man eats food") for n in range(300)])

def told(use):
    try:
        print(use(), flush=True)
    except PostingsError as error:
        print(type(error).__name__, error, flush=True)

def in_child(work):
    if (child := os.fork()) == 0:
        work()
        sys.exit(0)  # as a server's worker ends: whatever the interpreter holds is freed
    print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)

def inherited(backend):
    encoder = Encoder.load("tiny", "cpu", backend)
    client = SearchClient(settings=settings, encoder=encoder)
    index = client._index
    encoder.encode_documents(["A man eats"])

    def use():
        told(lambda: client.search("food"))
        told(lambda: encoder.tokens([7]))
        told(lambda: encoder.encode_documents(["A man eats"]))
        told(index.count)
        told(lambda: index.ensure("0123", "other"))
        told(client.close)

    in_child(use)
    in_child(lambda: None)
    print("parent", index.count(), len(client.search("food")), flush=True)
    client.close()

def own(backend):
    def search():
        with SearchClient(settings=settings, encoder=Encoder.load("tiny", "cpu", backend)) as own:
            return len(own.search("food", limit=3))

    in_child(lambda: told(search))

for backend in ("onnx", "torch"):
    inherited(backend)
    own(backend)
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of a process that forks, with one back end and then with the other."""
    return said_by(PARENT, str(tmp_path_factory.mktemp("forking")))


def test_what_a_parent_opened_is_refused_at_once_and_stays_whole(said: list[str]) -> None:
    foreign = "WrongProcess this {} belongs to the parent process: {} one in each process"
    encoder, index = foreign.format("encoder", "load"), foreign.format("index", "open")
    expected = [index, encoder, encoder, index, index, "None", "status 0", "status 0", "parent 300 10"]
    onnx, torch = said[:9], said[11:20]
    assert onnx == expected
    assert torch == expected


def test_a_forked_process_may_open_and_load_its_own(said: list[str]) -> None:
    assert said[9:11] == ["3", "status 0"]


def test_pytorch_is_refused_at_once_in_a_process_whose_parent_used_it(said: list[str]) -> None:
    refused, status = said[20:]
    assert "'tiny' can't be loaded in a process that was forked after PyTorch was used" in refused
    assert status == "status 0"
