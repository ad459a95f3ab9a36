"""The randomization test against all permutations and against the t-test; comparisons query by query."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from postings.errors import InvalidInput
from postings_training.evaluation import Measured, Quality, Sparsity, compare
from postings_training.evaluation.engine import Costs
from postings_training.evaluation.significance import PERMUTATIONS, randomization_test

DIFFERENCES = st.lists(st.integers(-5, 5).map(lambda tenth: tenth / 10), min_size=1, max_size=9)


def measured(data: str, **ndcg: float) -> Measured:
    each = {query: Quality(value, 0, 0, 0, 1) for query, value in ndcg.items()}
    costs, sparsity = Costs(None, 0, 0, 0), Sparsity(0, 0, 0)
    return Measured("system", data, 1, Quality.mean(each.values()), each, sparsity, costs, None)


@settings(max_examples=25)
@given(differences=DIFFERENCES)
def test_it_estimates_the_share_of_all_sign_flips_that_differ_as_much(differences: list[float]) -> None:
    observed = abs(sum(differences))
    flips = [abs(np.dot(signs, differences)) for signs in product((-1, 1), repeat=len(differences))]
    exact = np.mean([flip >= observed - 1e-9 for flip in flips])
    # Five standard errors of 10,000 draws.
    assert randomization_test([differences]) == pytest.approx(exact, abs=0.026)


def test_it_agrees_with_the_t_test_on_many_queries() -> None:
    generator = np.random.default_rng(1)
    for shift in (0.0, 0.01, 0.02, 0.03):
        differences = generator.normal(shift, 0.15, 300)
        expected = ttest_1samp(differences, 0).pvalue
        assert randomization_test([differences.tolist()]) == pytest.approx(expected, abs=0.02)


@settings(max_examples=10)
@given(differences=DIFFERENCES)
def test_it_does_not_matter_which_system_comes_first_and_it_repeats_exactly(differences: list[float]) -> None:
    p = randomization_test([differences])
    assert p == randomization_test([differences]) == randomization_test([[-each for each in differences]])
    assert 1 / (PERMUTATIONS + 1) <= p <= 1


def test_every_set_weighs_the_same() -> None:
    # Fifty queries of one set gain a little, four of another lose a lot: the mean of the means is a loss.
    gains, losses = [0.01] * 50, [-0.5, -0.4, -0.5, -0.4]
    assert randomization_test([gains]) < 0.001
    assert randomization_test([gains, losses]) > 0.1


def test_wins_losses_and_ties_are_counted_and_ordered() -> None:
    first = measured("set", a=1.0, b=0.5, c=0.25, d=0.5)
    second = measured("set", a=0.5, b=0.5, c=1.0, d=0.25)
    (compared,) = compare([first], [second])
    assert (compared.wins, compared.losses, compared.ties) == (2, 1, 1)
    assert compared.by_query == (("a", 0.5), ("d", 0.25), ("b", 0.0), ("c", -0.75))
    assert compared.difference == pytest.approx(0)


def test_several_sets_are_compared_on_the_mean_too() -> None:
    first, second = (
        [measured("x", a=1.0, b=1.0), measured("y", c=0.0)],
        [measured("x", a=0.5, b=0.5), measured("y", c=1.0)],
    )
    assert compare(iter(first), iter(second)) == compare(first, second)
    x, y, mean = compare(first, second)
    assert (x.data, y.data, mean.data) == ("x", "y", "mean")
    assert (x.difference, y.difference, mean.difference) == (0.5, -1.0, -0.25)
    assert (mean.wins, mean.losses, mean.ties) == (2, 1, 0)


def test_other_queries_can_not_be_compared() -> None:
    with pytest.raises(InvalidInput, match="have other queries"):
        compare([measured("set", a=1.0)], [measured("set", b=1.0)])
    with pytest.raises(InvalidInput, match="got one on 1 and one on 0"):
        compare([measured("set", a=1.0)], [])
    with pytest.raises(InvalidInput, match="first must hold"):
        compare(measured("set", a=1.0), [])  # type: ignore[arg-type]
