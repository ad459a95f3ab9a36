"""Files, from the page into the index."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from postings import Document, Settings
from postings_ingest import Counts, Ledger
from postings_ingest.queue.dead_letters import letter
from postings_ingest.queue.messages import to_json
from tests.support.browser import Visit
from tests.support.shown import settled
from tests.support.worker import Worker

SHOP = """sku,name,description,price
S1,Red running shoe,A light shoe for road running with a cushioned sole.,89.5
S2,Blue hiking boot,A waterproof boot for long hikes in the mountains.,149
S3,,,10
S4,Wool hat,It keeps your head warm in winter.,25
"""


@pytest.fixture
def ledger(settings: Settings) -> Ledger:
    return Ledger(settings)


def choose(page: Page, path: Path) -> None:
    page.get_by_label("Drop a file here").set_input_files(path)


def test_a_file_is_previewed_mapped_queued_followed_and_found(visit: Visit, settings: Settings, tmp_path: Path) -> None:
    (file := tmp_path / "shop.csv").write_text(SHOP)
    page = settled(visit("/?view=ingest"))
    choose(page, file)
    add = page.get_by_role("button", name="Add these documents")
    expect(page.get_by_text("Choose which columns are the id and the text.")).to_be_visible()
    expect(page.locator(".rejected")).to_have_count(0)
    expect(add).to_be_disabled()
    for name, field in (("Id", "sku"), ("Title", "name"), ("Text", "description")):
        page.get_by_role("combobox", name=name).select_option(field)
    rows = page.get_by_role("group", name="The first documents").locator("tbody tr")
    expect(rows).to_have_count(3)
    assert rows.nth(1).locator("th, td").all_inner_texts() == [
        "S2",
        "Blue hiking boot",
        "A waterproof boot for long hikes in the mountains.",
        '{"price":149}',
    ]
    expect(page.get_by_text("document 'S3' has no text")).to_be_visible()
    add.click()
    expect(page.get_by_role("status")).to_contain_text("Queued: 3 documents. 1 record can't be used:")
    job = page.locator(".job").first
    expect(job).to_contain_text("of 3")
    expect(job).not_to_contain_text("finished")
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        expect(job).to_contain_text("finished", timeout=60_000)
    finally:
        worker.kill()
    expect(job).to_contain_text("3 indexed of 3")
    job.get_by_role("link", name="Search").click()
    page.get_by_role("searchbox").fill("warm in winter")
    expect(page.locator(".hit h3").first).to_have_text("Wool hat")


@pytest.mark.parametrize(
    ("name", "text", "shown"),
    [
        ("a.jsonl", '{"id": "1", "text": "One."}\n{"id": "2", "text": "Two."}\n', ["1", "2"]),
        ("a.json", '[{"_id": "1", "text": "One."}]', ["1"]),
        ("notes.txt", "Only a text.", ["notes.txt"]),
        ("notes.md", "# A title\n\nA text.", ["notes.md"]),
    ],
)
def test_files_of_other_formats_are_previewed(
    visit: Visit, tmp_path: Path, name: str, text: str, shown: list[str]
) -> None:
    (file := tmp_path / name).write_text(text)
    page = settled(visit("/?view=ingest"))
    choose(page, file)
    rows = page.get_by_role("group", name="The first documents").locator("tbody tr")
    expect(rows).to_have_count(len(shown))
    assert rows.locator("th").all_inner_texts() == shown
    page.get_by_role("button", name="Cancel").click()
    expect(rows).to_have_count(0)


def test_of_a_large_text_only_the_beginning_is_sent(visit: Visit, tmp_path: Path) -> None:
    lines = (json.dumps({"id": str(n), "text": f"Text number {n}. " * 20}) for n in range(5000))
    (file := tmp_path / "large.jsonl").write_text("\n".join(lines))
    assert file.stat().st_size > 2**20
    page = settled(visit("/?view=ingest"))
    with page.expect_request("**/v1/documents/preview") as asked:
        choose(page, file)
    assert int(asked.value.all_headers()["content-length"]) < 2**18 + 2**12
    expect(page.get_by_role("group", name="The first documents").locator("tbody tr")).to_have_count(5)
    expect(page.locator(".rejected")).to_have_count(0)


def test_a_file_that_is_none_of_these_is_refused(visit: Visit, tmp_path: Path) -> None:
    (file := tmp_path / "picture.parquet").write_bytes(b"PNG?" * 100)
    page = visit("/?view=ingest", refused={(400, "/v1/documents/preview"), (422, "/v1/documents/preview")})
    choose(page, file)
    expect(page.get_by_role("alert")).to_contain_text("picture.parquet")
    expect(page.get_by_role("button", name="Add these documents")).to_be_disabled()


def test_a_jobs_bar_moves_as_its_documents_are_done(visit: Visit, ledger: Ledger) -> None:
    for batch in ("b1", "b2"):
        ledger.register(batch, "{}", 2, "job-that-moves", "bulk")
    page = settled(visit("/?view=ingest"))
    bar = page.get_by_role("progressbar", name="Job job-that")
    row = page.locator(".job", has=bar)
    expect(row).to_contain_text("0.0 %")
    finish(ledger, "b1", Counts(indexed=2))
    expect(row).to_contain_text("50 %")
    assert bar.evaluate("(bar) => bar.value / bar.max") == 0.5
    finish(ledger, "b2", Counts(indexed=1, superseded=1))
    expect(row).to_contain_text("finished")
    expect(row).to_contain_text("3 indexed, 1 superseded of 4")


def test_dead_letters_are_retried_and_purged(visit: Visit, ledger: Ledger) -> None:
    now = ledger.register("bad", "{}", 3, "job-of-letters", "bulk")
    letters = [
        letter(to_json(Document(f"lost-{n}", "A text.")), "EncodingFailed", "the model <b>failed</b>", now)
        for n in range(3)
    ]
    letters.append(letter({"reindex": {"doc_id": "slow"}}, "WorkerDied", "the worker hung", now))
    finish(ledger, "bad", Counts(), letters)
    page = settled(visit("/?view=ingest"))
    listed = page.locator(".letters li")
    expect(listed).to_have_count(4)
    expect(listed.first).to_contain_text("lost-0 EncodingFailed: the model <b>failed</b>")
    page.get_by_role("button", name="Retry lost-1").click()
    expect(listed).to_have_count(3)
    assert ledger.depth().queued >= 1
    page.get_by_role("button", name="Retry slow").click()
    expect(page.get_by_role("alert")).to_contain_text("postings reindex")
    expect(listed).to_have_count(3)
    page.get_by_role("button", name="Purge all").click()
    page.get_by_role("dialog").get_by_role("button", name="Purge", exact=True).click()
    expect(page.get_by_text("None: every document that was queued could be indexed.")).to_be_visible()


def finish(ledger: Ledger, batch: str, counts: Counts, letters: list[dict[str, object]] | None = None) -> None:
    lease = ledger.start(batch, 60)
    assert lease is not None
    ledger.finish(lease, counts, letters or [])
