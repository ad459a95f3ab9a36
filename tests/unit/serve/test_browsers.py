"""Pages of other sites can't use a service that needs no key."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from postings_serve.http.browsers import refusal

HERE = ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "127.0.0.1", "192.168.0.7:8000", "LOCALHOST"]
ELSEWHERE = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example"]


@pytest.mark.parametrize("host", HERE)
def test_this_machine_s_names_are_answered(host: str) -> None:
    assert refusal(Headers({"host": host}), keys=False) is None
    assert refusal(Headers({"host": host, "origin": f"http://{host}"}), keys=False) is None


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_name_that_was_given_this_address_is_not(host: str) -> None:
    problem = refusal(Headers({"host": host}), keys=False)
    assert problem is not None
    assert problem.status == 421
    assert refusal(Headers({"host": host}), keys=True) is None, "such a page has no key"


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://localhost:9000", "http://evil@localhost:8000"]
)
def test_a_page_of_another_origin_is_not(origin: str) -> None:
    problem = refusal(Headers({"host": "localhost:8000", "origin": origin}), keys=False)
    assert problem is not None
    assert problem.status == 403
