"""Remarks on the documents of a run, besides their numbers: on stderr, and in ``--json``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from typing import Any

from postings_cli.console import SHOWN, say, say_first
from postings_cli.left_out import LeftOut
from postings_cli.rejected import Rejected
from postings_ingest.journal import Journal, Superseded

_TIME = 10**12
"""Versions from here on are taken for times in ms since the epoch: it was September 2001."""


@dataclass(frozen=True, slots=True)
class Remarks:
    """Everything that is noted while documents are read and indexed.

    Attributes:
        journal: the documents, and what became of them.
        rejected: the records that couldn't be used.
        left_out: everything else that the readers left out.
    """

    journal: Journal
    rejected: Rejected
    left_out: LeftOut

    def say(self) -> None:
        """Print to stderr what was left out, which ids came twice, what was superseded and what can't be found."""
        journal = self.journal
        for line in self.left_out.lines():
            say(line)
        report = journal.report
        twice = (
            f"duplicate: {each.id!r} at {each.again} came first at {each.first}; the newest or last is kept"
            for each in journal.duplicated()
        )
        say_first(twice, report.duplicates, "duplicates")
        say_first(map(_superseded, journal.superseded_documents()), report.superseded, "superseded")
        for line in _about_versions(islice(journal.superseded_documents(), SHOWN)):
            say(line)
        unfound = (f"no active dims: no search finds {id!r}" for id in journal.never_found())
        say_first(unfound, report.without_dims, "without active dims")

    def to_json(self, *, indexed: bool) -> dict[str, Any]:
        """The same as JSON, with the name of every document.

        Args:
            indexed: whether this process indexed the documents. If it queued them, it doesn't know which ones were
                superseded or have no active dims.
        """
        details: dict[str, Any] = {"duplicates": [asdict(each) for each in self.journal.duplicated()]}
        if indexed:
            details["superseded"] = [asdict(each) for each in self.journal.superseded_documents()]
            details["without_dims"] = list(self.journal.never_found())
        return {
            "rejected": self.rejected.count,
            "duplicates": self.journal.report.duplicates,
            "left_out": self.left_out.to_json(),
            "details": details,
        }


def _superseded(each: Superseded) -> str:
    return f"superseded: {each.id!r} came with version {each.version}, version {each.stored} is in the collection"


def _about_versions(superseded: Iterator[Superseded]) -> Iterator[str]:
    """Explain a conflict of a small version with a version that is a time."""
    if any(each.version < _TIME <= each.stored for each in superseded):
        yield (
            "a version such as 1700000000000 is the time in ms at which a document came, or was deleted, without a "
            "version: no smaller one replaces it. Leave the versions out, or give larger ones, such as times in ms; "
            "`postings delete --version` gives a delete a version of its own, larger than its document's"
        )
