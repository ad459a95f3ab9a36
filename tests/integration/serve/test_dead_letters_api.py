"""Dead letters over HTTP."""

from __future__ import annotations

import pytest

from postings import Document
from postings_ingest import Counts, Ledger
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.messages import to_json
from tests.support.service import Service


@pytest.fixture
def ids(service: Service, ledger: Ledger) -> list[str]:
    """The ids of five dead letters, the oldest first; the last is too old to be retried."""
    now = ledger.register("b", "{}", 5, "job", "bulk")
    lease = ledger.start("b", 10)
    assert lease is not None
    operations = [to_json(Document(str(number), f"text {number}")) for number in range(5)]
    letters = [letter(each, "EncodingFailed", "no reason", 1 if n == 4 else now) for n, each in enumerate(operations)]
    ledger.finish(lease, Counts(), letters)
    return [each["id"] for each in service("GET", "/v1/dead-letters").json()["letters"]]


def test_pages_follow_each_other(service: Service, ids: list[str]) -> None:
    seen: list[str] = []
    after: str | None = None
    for _ in range(10):
        page = service("GET", "/v1/dead-letters", params={"limit": 2} | ({"after": after} if after else {})).json()
        seen += [each["document"] for each in page["letters"]]
        if (after := page["next"]) is None:
            break
    assert seen == ["0", "1", "2", "3", "4"]


def test_one_is_shown_with_its_document(service: Service, ids: list[str]) -> None:
    shown = service("GET", f"/v1/dead-letters/{ids[2]}").json()
    assert (shown["id"], shown["job"], shown["error"], shown["reason"]) == (
        ids[2],
        "job",
        "EncodingFailed",
        "no reason",
    )
    assert shown["operation"]["upsert"]["text"] == "text 2"


def test_some_are_queued_again_and_others_refused(service: Service, ledger: Ledger, ids: list[str]) -> None:
    found = service("POST", "/v1/dead-letters/retry", json={"ids": [ids[0], "1-1", ids[4]]}).json()
    assert found["queued"] == 1
    assert [each["id"] for each in found["refused"]] == ["1-1", ids[4]]
    assert "there is no dead letter" in found["refused"][0]["reason"]
    assert "could bring back a deleted document" in found["refused"][1]["reason"]
    assert ledger.depth().queued == 1
    job = service("GET", "/v1/jobs/job").json()
    assert (job["failed"], job["finished"]) == (4, False)


def test_all_are_queued_again_the_old_ones_by_force(service: Service, ledger: Ledger, ids: list[str]) -> None:
    found = service("POST", "/v1/dead-letters/retry", json={"all": True}).json()
    assert (found["queued"], len(found["refused"])) == (4, 1)
    assert service("POST", "/v1/dead-letters/retry", json={"all": True, "force": True}).json()["queued"] == 1
    assert (ledger.depth().queued, len(ledger.letters)) == (5, 0)


def test_some_or_all_are_deleted(service: Service, ledger: Ledger, ids: list[str]) -> None:
    found = service("POST", "/v1/dead-letters/purge", json={"ids": [ids[0], ids[0], "1-1"]}).json()
    assert found == {"purged": 1, "not_found": ["1-1"]}
    assert service("POST", "/v1/dead-letters/purge", json={"all": True}).json() == {"purged": 4, "not_found": []}
    assert len(ledger.letters) == 0


@pytest.mark.parametrize("id", ["1-1", "none", "%00", "1", "-", "+", "(1-1", "9" * 30, "a%0A"])
def test_what_is_not_there_is_not_found(service: Service, ids: list[str], id: str) -> None:
    answer = service("GET", f"/v1/dead-letters/{id}")
    assert (answer.status_code, answer.json()["error"]) == (404, "dead-letter-not-found")


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"all": False}, {"ids": ["1-1"], "all": True}, {"ids": ["x"]}, []])
@pytest.mark.parametrize("what", ["retry", "purge"])
def test_nothing_is_changed_unless_it_is_named(
    service: Service, ledger: Ledger, ids: list[str], what: str, body: object
) -> None:
    assert service("POST", f"/v1/dead-letters/{what}", json=body).status_code == 422
    assert len(ledger.letters) == 5


@pytest.mark.parametrize("params", [{"after": "x"}, {"after": "9" * 20 + "-1"}, {"limit": 0}, {"limit": 101}])
def test_a_page_that_cannot_be_is_refused(service: Service, params: dict[str, str | int]) -> None:
    assert service("GET", "/v1/dead-letters", params=params).status_code == 422
