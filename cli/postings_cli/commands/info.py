"""``postings info``."""

from __future__ import annotations

from dataclasses import asdict

from postings import open_index
from postings.index.collection_size import collection_size
from postings.index.open import is_server
from postings.index.tenant_index import words_shown
from postings.words import WordsConfig
from postings_cli.console import out, print_json, printable
from postings_cli.options import Collection, IndexUrl, Json, settings_from


def info(collection: Collection = None, index: IndexUrl = None, as_json: Json = False) -> None:
    """Show what a collection holds, and its model.

    Example: postings info --collection articles --json
    """
    settings = settings_from(collection, index)
    with open_index(settings) as opened:
        found = opened.info()
        counts = collection_size(opened)
        facts = {
            "collection": settings.collection,
            "index": found.location if is_server(settings) else settings.index_url,
            **asdict(counts),
            "model": found.models.active_name,
            "fingerprint": found.models.active,
            "words": words_shown(opened),
        }
    if as_json:
        print_json(facts)
        return
    about = "about " if facts.pop("approximate") else ""
    facts["words"] = _described(found.models.words)
    for name, value in facts.items():
        shown = f"{about}{value:,}" if isinstance(value, int) else printable(str(value))
        out.print(f"{name:<12} {shown}")


def _described(words: WordsConfig | None) -> str:
    if words is None:
        return "none; add them with 'postings words'"
    length = "no passage measured yet" if words.average_length is None else f"{words.length:g} words a passage"
    return f"{words.language}, weight {words.weight:g}, {length}"
