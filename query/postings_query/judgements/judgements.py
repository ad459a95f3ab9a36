"""The judgements of a collection, in a SQLite file that several processes share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from postings.arguments import check_unicode
from postings.errors import ConfigurationError, InvalidInput
from postings.index.tenants import check_names_tenant
from postings_query.judgements.database import reading, writing
from postings_query.judgements.judgement import Judgement

if TYPE_CHECKING:
    from postings import Settings

_PAGE = 1000
_LAST = 2**63 - 1

_OWN = "collection = :collection AND tenant = :tenant"
_KEY = f"{_OWN} AND query = :query AND document = :document"
_SAVE = """
INSERT INTO judgements (collection, tenant, query, document, grade, judge, at)
VALUES (:collection, :tenant, :query, :document, :grade, :judge, :at)
ON CONFLICT (collection, tenant, query, document)
DO UPDATE SET grade = excluded.grade, judge = excluded.judge, at = excluded.at
"""
_REMOVE = f"DELETE FROM judgements WHERE {_KEY}"  # noqa: S608 - no value is in it
_READ = "SELECT number, query, document, grade, judge, at FROM judgements"
_PAGE_OF_ALL = f"{_READ} WHERE {_OWN} AND number > :after ORDER BY number LIMIT :limit"
# A plus keeps SQLite from reading all judgements in the order of their numbers, rather than those of the query.
_PAGE_OF_QUERY = f"{_READ} WHERE {_OWN} AND query = :query AND +number > :after ORDER BY +number LIMIT :limit"


class Changed(NamedTuple):
    """What was changed: judgements saved, and those that were there and were taken back."""

    saved: int
    removed: int


class Judgements:
    """The judgements of a collection, of one tenant where tenants share it.

    There is one judgement of a document for a query: the latest. They are people's work, so they stay when the
    collection is dropped, and hold for the next one of this name.

    Only the owner can read the file. It is locked for the moment of a change, so that processes of one machine can
    share it; it is created by the first judgement.

    Args:
        path: the file.
        collection: whose documents were judged.
        tenant: whose documents these are; ``None`` without tenants.

    Example:
        >>> judgements = Judgements(folder.parent / "judgements.db", "animals")
        >>> judgements.save([Judgement("chasing prey", "cheetah", 1, "ann")])
        Changed(saved=1, removed=0)
        >>> judgements.grades()
        {'chasing prey': {'cheetah': 1}}
        >>> judgements.save([Judgement("chasing prey", "cheetah", None, "ann")])
        Changed(saved=0, removed=1)
    """

    def __init__(self, path: Path, collection: str, tenant: str | None = None) -> None:
        self._path = path
        # No tenant has an empty name; NULL would equal no other NULL.
        self._own = {"collection": collection, "tenant": tenant or ""}

    @classmethod
    def of_settings(cls, settings: Settings) -> Judgements:
        """Those of the settings' collection and tenant, in ``.judgements.db`` of the index folder by default.

        Raises:
            ConfigurationError: the index is a server, and POSTINGS_JUDGEMENTS doesn't name a file; or tenants share the
                collection, and the settings name none.
        """
        check_names_tenant(settings)
        path = cls.path(settings)
        if path is None:
            raise ConfigurationError("say where to keep judgements: set POSTINGS_JUDGEMENTS to a file")
        return cls(path.expanduser(), settings.collection, settings.tenant)

    @staticmethod
    def path(settings: Settings) -> Path | None:
        """The file; ``None`` if the settings don't say where it is."""
        folder = settings.index_folder
        return settings.judgements or (folder / ".judgements.db" if folder else None)

    def save(self, judgements: Iterable[Judgement]) -> Changed:
        """Keep judgements, or take them back, in this order: all of them, or after an error none.

        Raises:
            ConfigurationError: the file can't be written.
            IndexUnavailable: another process is writing it for too long.
            StorageFull: the disk is full.
        """
        saved = removed = 0
        with writing(self._path) as connection:
            for each in judgements:
                row = {**self._own, "query": each.query, "document": each.id}
                if each.grade is None:
                    removed += connection.execute(_REMOVE, row).rowcount
                else:
                    saved += 1
                    connection.execute(_SAVE, {**row, "grade": each.grade, "judge": each.by, "at": each.at})
        return Changed(saved, removed)

    def page(
        self, limit: int, after: str | None = None, *, query: str | None = None
    ) -> tuple[list[Judgement], str | None]:
        """Read some judgements, those of the earliest judged documents first.

        Args:
            limit: how many at most.
            after: where to go on: what this returned before.
            query: only of this query.

        Returns:
            Judgements, and where to go on; ``None`` at the end.

        Raises:
            ConfigurationError: the file can't be read.
            InvalidInput: ``after`` is nothing that this has returned.
        """
        if query is not None:
            check_unicode("the query", query, InvalidInput)
        asked = {**self._own, "after": _number(after), "query": query, "limit": limit + 1}
        with reading(self._path) as connection:
            rows = (
                connection.execute(_PAGE_OF_ALL if query is None else _PAGE_OF_QUERY, asked).fetchall()
                if connection
                else []
            )
        found = [Judgement(*row[1:]) for row in islice(rows, limit)]
        return found, str(rows[limit - 1][0]) if len(rows) > limit else None

    def __iter__(self) -> Iterator[Judgement]:
        """All judgements, those of the earliest judged documents first."""
        after = None
        while True:
            found, after = self.page(_PAGE, after)
            yield from found
            if after is None:
                return

    def grades(self) -> dict[str, dict[str, int]]:
        """The grade of each document, by query; the query that was judged last comes last."""
        graded: dict[str, dict[str, int]] = {}
        latest: dict[str, int] = {}
        for each in self:
            if each.grade is not None:
                graded.setdefault(each.query, {})[each.id] = each.grade
                latest[each.query] = max(each.at, latest.get(each.query, 0))
        return {query: graded[query] for query in sorted(graded, key=lambda query: latest[query])}


def _number(after: str | None) -> int:
    if after is None:
        return 0
    if not (after.isascii() and after.isdecimal() and len(after) <= len(str(_LAST)) and int(after) <= _LAST):
        raise InvalidInput(f"expected the 'next' of the page before, got {after!r:.100}")
    return int(after)
