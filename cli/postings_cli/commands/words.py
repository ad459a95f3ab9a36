"""``postings words``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from postings import open_index
from postings.errors import ConfigurationError
from postings.index.tenants import check_unbound
from postings.words import changed, configured
from postings_cli.bars import reindex_bar
from postings_cli.console import STOPPED, out, print_json, say
from postings_cli.exit_status import INTERRUPTED
from postings_cli.options import Collection, IndexUrl, Json, settings_from
from postings_ingest.indexing_words import WordsReport, index_words


def words(
    collection: Collection = None,
    index: IndexUrl = None,
    weight: Annotated[
        float | None,
        typer.Option("--weight", help="Weight of the words in a score. By default unchanged.", show_default=False),
    ] = None,
    language: Annotated[
        str | None,
        typer.Option(
            "--language",
            help="Language of stop words and stemmer, or 'none'. By default unchanged.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Index exact words, or weight them anew.

    Searches add the words' BM25 score to the model's. Run it on a collection that was created without words, to change
    their language, or to measure the average length again after the documents have changed.

    Example: postings words --collection articles

    Example: postings words --language german --weight 0.8
    """
    settings = settings_from(collection, index, words=weight, words_language=language)
    check_unbound(settings, "how words are read")
    if configured(settings) is None:
        raise ConfigurationError("words have the weight 0, so nothing would find them: pass --weight")
    report: WordsReport | None = None
    with open_index(settings) as opened, reindex_bar() as show:

        def progress(current: WordsReport) -> None:
            nonlocal report
            report = current
            show(current.indexed, max(current.passages, current.indexed), current.indexed / max(current.seconds, 1e-9))

        try:
            report = index_words(opened, changed(opened.models().words, settings), progress=progress)
        except KeyboardInterrupt:
            done = report.indexed if report else 0
            say(f"{STOPPED}: the words of {done:,} passages are indexed; run it again, and it starts over")
            raise typer.Exit(INTERRUPTED) from None
    if as_json:
        print_json({"collection": settings.collection, **asdict(report), "words": report.words.to_json()})
        return
    out.print(
        f"the words of {report.indexed:,} passages are indexed, in {report.seconds:.1f} s; "
        f"a passage has {report.words.length:.1f} words on average"
    )
