"""Two tenants that share a collection, on every engine."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from postings import Index, Settings
from postings.documents import point_id
from postings.index import Point
from postings.index.payload import stored_id
from postings.index.tenant_index import TenantIndex
from postings.index.tenants import Tenant

FIELD = "customer"
ACME, GLOBEX = Tenant(FIELD, "acme"), Tenant(FIELD, "globex")
OPERATOR = Settings(tenant_field=FIELD)
"""Of a process that works for all tenants."""

IDS = [str(number) for number in range(6)]
"""Ids that documents of both tenants may have."""


def part(index: Index, tenant: Tenant) -> TenantIndex:
    """A tenant's part of an index."""
    return TenantIndex(index, tenant)


def everything(index: Index) -> list[Point]:
    """All that an index holds, vectors too."""
    return sorted(index.scroll(vectors=list(index.models().names)), key=lambda point: point.id)


names = st.sampled_from(["acme", "globex", "", "acm"])
point_ids = st.builds(point_id, st.sampled_from(IDS), st.integers(0, 1))
any_ids = point_ids | st.builds(stored_id, st.sampled_from(["acme", "globex"]), point_ids)
"""Ids as tenants see them, and as they are stored."""

tenants_named = st.lists(names, min_size=1, max_size=3)


@st.composite
def conditions(draw: st.DrawFn) -> dict[str, Any]:
    """A condition that tries to reach the other tenant, or one on what both have."""
    match draw(st.integers(0, 5)):
        case 0:
            match = draw(st.sampled_from(["value", "any", "except"]))
            named = draw(names) if match == "value" else draw(tenants_named)
            return {"key": draw(st.sampled_from(["tenant", "metadata.customer"])), "match": {match: named}}
        case 1:
            return {"is_empty": {"key": draw(st.sampled_from(["tenant", "metadata.n"]))}}
        case 2:
            key = draw(st.sampled_from(["ordinal", "version", "metadata.n"]))
            return {"key": key, "range": {"gte": draw(st.integers(0, 3))}}
        case 3:
            return {"key": "doc_id", "match": {"any": draw(st.lists(st.sampled_from(IDS), min_size=1))}}
        case 4:
            return {"has_id": draw(st.lists(any_ids, min_size=1, max_size=4))}
    return {"nested": {"key": "metadata.parts", "filter": {"must": [{"key": "of", "match": {"value": draw(names)}}]}}}


@st.composite
def filters(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    """A filter that tries everything to reach the other tenant."""
    clauses = draw(
        st.sets(st.sampled_from(["must", "should", "must_not", "min_should"]), min_size=1, max_size=2 if depth else 1)
    )
    inner = conditions() if depth == 0 else conditions() | filters(depth - 1)
    made: dict[str, Any] = {}
    for clause in sorted(clauses):
        some = draw(st.lists(inner, min_size=1, max_size=3))
        if clause == "min_should":
            made[clause] = {"conditions": some, "min_count": draw(st.integers(1, 2))}
        else:
            made[clause] = some[0] if len(some) == 1 and draw(st.booleans()) else some
    return made
