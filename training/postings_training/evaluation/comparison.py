"""Comparing two systems query by query."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from postings.arguments import as_list
from postings.errors import InvalidInput
from postings_training.evaluation.measuring import Measured
from postings_training.evaluation.significance import randomization_test

_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Comparison:
    """The difference in nDCG@10 between two systems, on one set or over several.

    Attributes:
        data: the set's name, or ``mean``.
        difference: of the means, the first system's minus the second's.
        p: the probability of a difference at least as large between equal systems, see :func:`randomization_test`.
        wins: number of queries on which the first system is better.
        losses: number of queries on which it is worse.
        ties: number of queries on which both are equal.
        by_query: the difference for each query by id, the largest win first.
    """

    data: str
    difference: float
    p: float
    wins: int
    losses: int
    ties: int
    by_query: tuple[tuple[str, float], ...]


def compare(first: Iterable[Measured], second: Iterable[Measured]) -> list[Comparison]:
    """Compare two systems on each set and, if there are several, on the mean over the sets.

    Args:
        first: the first system's measurements, one for each set.
        second: the second system's, on the same sets in the same order.

    Raises:
        InvalidInput: they weren't measured on the same queries.
    """
    ones = as_list("first", first, Measured, InvalidInput)
    others = as_list("second", second, Measured, InvalidInput)
    if len(ones) != len(others) or not ones:
        raise InvalidInput(f"expected two systems on the same sets, got one on {len(ones)} and one on {len(others)}")
    compared, differences = [], []
    for one, other in zip(ones, others, strict=True):
        if one.data != other.data or one.each.keys() != other.each.keys():
            raise InvalidInput(f"{one.system} on {one.data} and {other.system} on {other.data} have other queries")
        by_query = {
            query_id: quality.ndcg_at_10 - other.each[query_id].ndcg_at_10 for query_id, quality in one.each.items()
        }
        differences.append(list(by_query.values()))
        ordered = tuple(sorted(by_query.items(), key=lambda item: (-item[1], item[0])))
        compared.append(_comparison(one.data, differences[-1:], ordered))
    return compared if len(compared) == 1 else [*compared, _comparison("mean", differences, ())]


def _comparison(
    data: str, differences: Sequence[Sequence[float]], by_query: tuple[tuple[str, float], ...]
) -> Comparison:
    flat = [difference for row in differences for difference in row]
    wins, losses = sum(each > _EQUAL for each in flat), sum(each < -_EQUAL for each in flat)
    return Comparison(
        data=data,
        difference=fmean(fmean(row) for row in differences),
        p=randomization_test(differences),
        wins=wins,
        losses=losses,
        ties=len(flat) - wins - losses,
        by_query=by_query,
    )
