"""DSPy: programs that search, and tools."""

from __future__ import annotations

import asyncio

import dspy
import pytest

from postings_adapters.dspy import PostingsRetriever
from postings_query import SearchClient


class Looking(dspy.Module):  # type: ignore[misc, unused-ignore]
    """A program without a language model."""

    def __init__(self, retriever: PostingsRetriever) -> None:
        super().__init__()
        self.retriever = retriever

    def forward(self, question: str) -> dspy.Prediction:
        return self.retriever(question)


def test_a_program_searches_and_so_do_its_copies(near: SearchClient, caplog: pytest.LogCaptureFixture) -> None:
    program = Looking(PostingsRetriever(near, k=2))
    for each in (program, program.deepcopy(), program.reset_copy()):
        assert each(question="chasing prey").passages == [hit.text for hit in near.search("chasing prey", 2)]
    assert not caplog.records


def test_a_call_may_have_a_limit_of_its_own(near: SearchClient) -> None:
    retriever = PostingsRetriever(near, k=2)
    assert [len(retriever("food", k=k).passages) for k in (None, 1, 5)] == [2, 1, 5]
    assert len(asyncio.run(retriever.acall("food", k=3)).passages) == 3


def test_a_retriever_is_a_tool(near: SearchClient) -> None:
    tool = dspy.Tool(PostingsRetriever(near, k=1), name="search", desc="Finds passages.")
    assert list(tool.args) == ["query", "k"]
    assert tool(query="violin", k=2).passages == [hit.text for hit in near.search("violin", 2)]
