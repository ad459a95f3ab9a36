"""Pages of other sites can't use a service that needs no key."""

from __future__ import annotations

import pytest
from starlette.datastructures import Headers

from postings_serve.http.browsers import check_origin
from postings_serve.http.problems import Problem

HERE = ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "127.0.0.1", "192.168.0.7:8000", "LOCALHOST"]
ELSEWHERE = ["evil.example", "evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "[", "[::1"]
ORIGINS = ["http://evil.example", "null", "http://localhost:9000", "http://evil@localhost:8000", "http://["]


@pytest.mark.parametrize("host", HERE)
@pytest.mark.parametrize("any_host", [False, True])
def test_this_machine_s_names_are_answered(host: str, any_host: bool) -> None:
    check_origin(Headers({"host": host}), keys=False, any_host=any_host)
    check_origin(Headers({"host": host, "origin": f"http://{host}"}), keys=False, any_host=any_host)


@pytest.mark.parametrize("host", ELSEWHERE)
def test_a_name_that_was_given_this_address_is_not(host: str) -> None:
    with pytest.raises(Problem) as problem:
        check_origin(Headers({"host": host}), keys=False, any_host=False)
    assert problem.value.status == 421
    check_origin(Headers({"host": host}), keys=False, any_host=True)
    check_origin(Headers({"host": host}), keys=True, any_host=False)  # such a page has no key


@pytest.mark.parametrize("origin", ORIGINS)
@pytest.mark.parametrize("any_host", [False, True])
def test_a_page_of_another_origin_is_not(origin: str, any_host: bool) -> None:
    with pytest.raises(Problem) as problem:
        check_origin(Headers({"host": "localhost:8000", "origin": origin}), keys=False, any_host=any_host)
    assert problem.value.status == 403
