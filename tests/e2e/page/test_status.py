"""Queue, workers, rates and models, as they are now."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import expect

from postings import Settings
from postings_ingest import Counts, Ledger
from tests.support.browser import Visit
from tests.support.shown import settled
from tests.support.worker import Worker


def test_the_queue_is_shown_as_it_changes(visit: Visit, settings: Settings) -> None:
    ledger = Ledger(settings)
    page = settled(visit("/?view=status"))
    queued = page.locator(".figures li", has_text="queued").locator("b")
    expect(queued).to_have_text("0")
    ledger.register("waits", "{}", 1234, "job", "bulk")
    expect(queued).to_have_text("1,234")
    lease = ledger.start("waits", 60)
    assert lease is not None
    expect(page.locator(".figures li", has_text="in flight").locator("b")).to_have_text("1,234")
    ledger.finish(lease, Counts(indexed=1234))
    expect(page.locator(".figures li", has_text="in flight").locator("b")).to_have_text("0")


def test_workers_are_shown_while_they_live(visit: Visit, settings: Settings, tmp_path: Path) -> None:
    page = settled(visit("/?view=status"))
    expect(page.get_by_text("None now.")).to_be_visible()
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        row = page.get_by_role("group", name="Workers").locator("tbody tr", has_text=f":{worker.process.pid}")
        expect(row).to_contain_text("ready", timeout=60_000)
        expect(row).to_contain_text("cpu")
    finally:
        worker.stop()
    expect(page.get_by_text("None now.")).to_be_visible(timeout=60_000)
