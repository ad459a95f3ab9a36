"""What a collection needs grows with what is asked for, and what is planned holds it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings_cli.measured import (
    INDEXED_POSTING,
    MODELS,
    SEARCH_P99,
    STORED_POSTING,
)
from postings_cli.sizing import NODE_SHARE, Demand, replicas_wanted, sizes

demands = st.builds(
    Demand,
    documents=st.integers(1, 10**11),
    passages_per_document=st.floats(1, 50),
    dims=st.integers(1, 2000),
    words=st.integers(0, 500),
    characters=st.integers(1, 10_000),
    tokens=st.integers(1, 512),
    evidence=st.booleans(),
    datatype=st.sampled_from(sorted(INDEXED_POSTING)),
    on_disk=st.booleans(),
    replicas=st.integers(1, 5),
    searches=st.integers(1, 10_000),
    p99=st.integers(100, 5000),
    model=st.sampled_from(sorted(MODELS)),
    hours=st.integers(1, 1000),
    node_memory=st.integers(1, 1000),
    node_cores=st.integers(1, 128),
)


def figures(demand: Demand) -> dict[str, float]:
    return {each.name: each.value for each in sizes(demand)}


# More nodes write faster and hold less each.
NOT_GROWING = {"writing_hours", "per_node_memory", "per_node_disk"}


@given(demands, st.sampled_from(["documents", "passages_per_document", "dims", "characters", "tokens", "replicas"]))
def test_nothing_shrinks_when_more_is_asked_for(demand: Demand, field: str) -> None:
    before = figures(demand)
    more = figures(replace(demand, **{field: 2 * getattr(demand, field)}))
    assert {name for name in before if more[name] < before[name]} <= NOT_GROWING


@given(demands)
def test_ten_times_the_documents_need_ten_times_of_what_is_measured_in_bytes_and_hours(demand: Demand) -> None:
    demand = replace(demand, documents=10**10, passages_per_document=1)  # so that whole shards don't matter
    one, ten = figures(demand), figures(replace(demand, documents=10 * demand.documents))
    for each in sizes(demand):
        if each.unit in ("bytes", "h") and each.name not in {*NOT_GROWING, "redis"}:
            assert ten[each.name] == pytest.approx(10 * one[each.name], rel=0.02)


@given(demands, st.integers(1, 50))
def test_documents_of_many_passages_take_what_as_many_documents_take(demand: Demand, passages: int) -> None:
    cut = figures(replace(demand, passages_per_document=passages))
    single = figures(replace(demand, documents=passages * demand.documents, passages_per_document=1))
    larger = {"redis"} if passages > 1 else set()  # it holds whole documents
    assert {name for name in cut if cut[name] != single[name]} == larger


@given(demands)
def test_the_nodes_hold_all_shards_and_have_the_cores(demand: Demand) -> None:
    found = figures(demand)
    usable = 1e9 * demand.node_memory * NODE_SHARE
    assert found["memory_total"] <= found["nodes"] * usable * (1 + 1e-9)
    assert found["memory_total"] / demand.replicas / found["shards"] <= usable * (1 + 1e-9)
    assert found["nodes"] * demand.node_cores >= found["search_cores"] >= found["shards"]
    assert found["nodes"] >= found["replicas"]
    assert found["nodes"] <= found["shards"] * replicas_wanted(demand)


@given(demands)
def test_a_shard_answers_in_the_time_that_was_asked_for(demand: Demand) -> None:
    found = figures(demand)
    assert SEARCH_P99[demand.way].at(found["passages"] / found["shards"]) <= demand.p99 * (1 + 1e-9)


@given(demands)
def test_a_total_is_the_sum_of_its_parts_in_each_replica(demand: Demand) -> None:
    found = figures(demand)
    for place in ("memory", "disk"):
        parts = [value for name, value in found.items() if name.startswith(f"{place}_") and name != f"{place}_total"]
        assert found[f"{place}_total"] == pytest.approx(demand.replicas * sum(parts))


@given(demands)
def test_what_is_left_out_takes_nothing(demand: Demand) -> None:
    without = replace(demand, words=0, evidence=False, on_disk=True)
    found = figures(without)
    assert found["disk_evidence"] == found["memory_index"] == 0
    assert found["disk_vectors"] == pytest.approx(found["passages"] * demand.dims * STORED_POSTING)
    smaller = [figures(replace(demand, datatype=each))["disk_index"] for each in ("float32", "float16", "uint8")]
    assert sorted(smaller, reverse=True) == smaller
