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


def test_a_problem_shows_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    assert "hunter2hunter2" not in problem_of(errors.InvalidQuery("key hunter2hunter2"), ["hunter2hunter2"]).detail
    problem_of(errors.IndexUnavailable("key hunter2hunter2"), ["hunter2hunter2"])
    assert "hunter2hunter2" not in caplog.text


def test_the_addresses_of_the_service_are_in_its_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    detail = problem_of(errors.IndexUnavailable("http://qdrant:6333 can't be reached")).detail
    assert detail == "The engine can't be reached, or can't answer now. The service's log says more."
    assert "http://qdrant:6333" in caplog.text
