"""Counts what readers leave out, for the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from postings_cli.console import SHOWN
from postings_ingest.readers import Omission, OmissionKind


class LeftOut:
    """Counts the valid things that readers leave out, and keeps the first few names.

    Example:
        >>> left_out = LeftOut()
        >>> for name in ("a.pdf", "b.html", "c.pdf"):
        ...     left_out(Omission(OmissionKind.OTHER_FILE, name, name[1:]))
        >>> list(left_out.lines())
        ['3 files of other kinds left out: 2 .pdf, 1 .html']
    """

    def __init__(self) -> None:
        self._counts: dict[OmissionKind, Counter[str]] = {kind: Counter() for kind in OmissionKind}
        self._links: list[tuple[str, str]] = []
        self._first: dict[str, str] = {}
        self._first_matter = ""

    def __call__(self, omission: Omission) -> None:
        """Count something that was left out."""
        self._counts[omission.kind][omission.detail] += 1
        if omission.kind is OmissionKind.LINK:
            self._links.append((omission.place, omission.detail))
        elif omission.kind is OmissionKind.FRONT_MATTER:
            self._first_matter = self._first_matter or omission.place
        elif omission.kind is OmissionKind.FIELD:
            self._first.setdefault(omission.detail, omission.place)

    def lines(self) -> Iterator[str]:
        """Lines for people; none if nothing was left out."""
        if files := self._counts[OmissionKind.OTHER_FILE]:
            what = "1 file of another kind" if files.total() == 1 else f"{files.total():,} files of other kinds"
            most = sorted(files.items(), key=lambda each: (-each[1], each[0]))[:SHOWN]
            kinds = [f"{count:,} {suffix or 'without a suffix'}" for suffix, count in most]
            rest = len(files) - SHOWN
            more = f" and {rest:,} more kind{'s' * (rest > 1)}" if rest > 0 else ""
            yield f"{what} left out: {', '.join(kinds)}{more}"
        if hidden := self._counts[OmissionKind.HIDDEN]:
            what = " and ".join(f"{count:,} hidden {kind}{'s' * (count > 1)}" for kind, count in hidden.most_common())
            yield f"{what} left out"
        for place, reason in self._links[:SHOWN]:
            yield f"link {place} left out: {reason}"
        if (more_links := len(self._links) - SHOWN) > 0:
            yield f"… and {more_links:,} more links left out"
        if matter := self._counts[OmissionKind.FRONT_MATTER]:
            of = "1 file" if matter.total() == 1 else f"{matter.total():,} files"
            detail = next(iter(matter))
            yield f"the front matter of {of} stays text, first {self._first_matter}: {detail}"
        fields = self._counts[OmissionKind.FIELD].most_common()
        for name, count in fields[:SHOWN]:
            reason = "the record has an id, too" if name == "_id" else f"the record has another {name!r}"
            records = "1 record" if count == 1 else f"{count:,} records"
            yield f"field {name!r} left out of {records}, first {self._first[name]}: {reason}"
        if len(fields) > SHOWN:
            yield f"… and {len(fields) - SHOWN:,} more fields left out"

    def to_json(self) -> dict[str, Any]:
        """JSON for programs."""
        return {
            "files": dict(self._counts[OmissionKind.OTHER_FILE]),
            "hidden": self._counts[OmissionKind.HIDDEN].total(),
            "links": [place for place, _ in self._links],
            "front_matter": self._counts[OmissionKind.FRONT_MATTER].total(),
            "fields": dict(self._counts[OmissionKind.FIELD]),
        }
