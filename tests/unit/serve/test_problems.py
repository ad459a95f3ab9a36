"""Every error of the tree is a problem with a status of its own, and shows no secret."""

from __future__ import annotations

import pytest

from postings import errors
from postings_serve.http.problems import STATUS, problem_of

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, errors.PostingsError) and kind is not errors.MissingExtra
]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_status(kind: type[errors.PostingsError]) -> None:
    problem = problem_of(kind("why"))
    assert problem.status == next(STATUS[each] for each in kind.__mro__ if each in STATUS)
    assert 400 <= problem.status < 600
    assert problem.error.replace("-", "") == kind.__name__.lower()
    assert ("Retry-After" in problem.headers) == kind.retry


def test_an_error_that_may_pass_has_a_status_that_says_so() -> None:
    for kind in KINDS:
        if kind.retry:
            assert problem_of(kind("why")).status in (429, 503, 504, 507)


def test_a_problem_shows_no_secret() -> None:
    assert "hunter2hunter2" not in problem_of(errors.IndexUnavailable("key hunter2hunter2"), ["hunter2hunter2"]).detail
