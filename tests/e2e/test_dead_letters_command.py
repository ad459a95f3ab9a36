"""`postings dead-letters`: list, show, retry and purge, as users run them."""

from __future__ import annotations

from postings import Document, Settings
from postings_ingest import Counts, Ledger
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.messages import to_json
from tests.support.queue_commands import Start, done, json_of, status


def test_dead_letters_are_listed_shown_retried_and_purged(start: Start, settings: Settings) -> None:
    ledger = Ledger(settings)
    arrival = ledger.register("b", "{}", 2, "job", "bulk")
    lease = ledger.start("b", 10)
    assert lease is not None
    letters = [letter(to_json(Document(name, "a text")), "IndexRejected", "too large", arrival) for name in ("x", "y")]
    ledger.finish(lease, Counts(), letters)
    assert "greater than or equal to 1" in done(start("dead-letters", "list", "--limit", "-1"), 2)
    listed = done(start("dead-letters", "list"))
    assert "'x'  IndexRejected: too large" in listed
    first, second = (each["id"] for each in json_of(start("dead-letters", "list", "--json")))
    assert json_of(start("dead-letters", "show", first))["operation"]["upsert"]["text"] == "a text"
    assert "1 queued again" in done(start("dead-letters", "retry", first))
    assert status(start)["queued"] == 1
    assert "not both" in done(start("dead-letters", "purge", "--all", second), 2)
    assert status(start)["dead_letters"] == 1
    err = done(start("dead-letters", "purge", "0-1", second, second, "no id"), 1)
    assert "there is no dead letter '0-1'" in err
    assert "there is no dead letter 'no id'" in err
    assert status(start)["dead_letters"] == 0
    assert "0 deleted" in done(start("dead-letters", "purge", "--all"))
    assert "there is no dead letter" in done(start("dead-letters", "show", first), 1)
    assert "name dead letters, or give --all" in done(start("dead-letters", "retry"), 2)


def test_an_old_letter_is_retried_only_by_force(start: Start, settings: Settings) -> None:
    ledger = Ledger(settings)
    ledger.register("b", "{}", 1, "job", "bulk")
    lease = ledger.start("b", 10)
    assert lease is not None
    ledger.finish(lease, Counts(), [letter({"delete": {"id": "x"}}, "Error", "reason", arrival=1)])
    assert "could bring back a deleted document" in done(start("dead-letters", "retry", "--all"), 1)
    assert "1 queued again" in done(start("dead-letters", "retry", "--all", "--force"))
