"""``postings search``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.padding import Padding
from rich.text import Text

from postings.index.protocol import Fusion
from postings.words.config import MAX_WEIGHT
from postings_cli.console import out, print_json, printable, say
from postings_cli.options import Collection, Filter, IndexUrl, Json, Model, parsed_filter, settings_from
from postings_cli.snippet import snippet
from postings_query import Contribution, Hit, Reranker, SearchClient

_TOKENS = 8
_CHARACTERS = 300
_TITLE = 200
_INDENT = 13


def search(
    query: Annotated[str, typer.Argument(help="What to search for.")],
    limit: Annotated[int, typer.Option("--limit", "-n", help="Maximum number of hits.", min=1)] = 10,
    offset: Annotated[int, typer.Option("--offset", help="Hits to skip at the top.", min=0)] = 0,
    filter: Filter = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show which tokens made the score, and what fired them.")
    ] = False,
    group_by_document: Annotated[
        bool, typer.Option("--group-by-document", help="Show each document once, with its best passage.")
    ] = False,
    score_threshold: Annotated[
        float | None, typer.Option("--score-threshold", help="Leave out hits with a lower score.", show_default=False)
    ] = None,
    words: Annotated[
        float | None,
        typer.Option(
            "--words",
            help="Weight of exact words in the score; 0 searches without. By default the collection's.",
            min=0,
            max=MAX_WEIGHT,
            show_default=False,
        ),
    ] = None,
    fusion: Annotated[Fusion, typer.Option("--fusion", help="How the scores of model and words are joined.")] = "sum",
    rerank: Annotated[
        str | None,
        typer.Option(
            "--rerank",
            metavar="MODEL",
            help="A cross-encoder's folder or hub id: it orders the best hits anew.",
            show_default=False,
        ),
    ] = None,
    rerank_top: Annotated[
        int | None,
        typer.Option(
            "--rerank-top",
            help="With --rerank: how many of the best hits the cross-encoder reads. By default 50.",
            min=1,
            show_default=False,
        ),
    ] = None,
    collection: Collection = None,
    index: IndexUrl = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Search a collection and explain the hits.

    Example: postings search "chasing prey" --explain
    --filter '{"must": [{"key": "metadata.lang", "match": {"value": "en"}}]}'
    """
    if rerank_top is not None and rerank is None:
        raise typer.BadParameter("it needs --rerank MODEL", param_hint="--rerank-top")
    settings = settings_from(collection, index, model)
    parsed = parsed_filter(filter)
    with SearchClient(settings=settings) as client:
        hits = client.search(
            query,
            limit,
            offset,
            parsed,
            group_by_document=group_by_document,
            # Without it, nobody could say which part of a long text to show.
            explain=explain or not as_json,
            score_threshold=score_threshold,
            words=words,
            fusion=fusion,
            rerank=None if rerank is None else Reranker.load(rerank),
            rerank_top=rerank_top or 50,
        )
        left_out = client.query_tokens_left_out(query)
    if as_json:
        found = [hit.to_json(explain=explain) for hit in hits]
        print_json(
            {
                "query": query,
                "query_tokens_left_out": left_out,
                "collection": settings.collection,
                "model": hits.model,
                **({"terms": [each.to_json() for each in hits.terms]} if explain else {}),
                "hits": found,
            }
        )
    else:
        if left_out:
            say(f"the query is longer than the model's window: its last {left_out} tokens weren't read")
        show_hits(hits, first=offset + 1, explain=explain)


def show_hits(hits: list[Hit], first: int = 1, *, explain: bool = True) -> None:
    """Print hits for people: score, title, text with the evidence marked, and the tokens that made the score."""
    if not hits:
        out.print("no hits")
    for rank, hit in enumerate(hits, first):
        heading = Text(f"{rank:>2}. {hit.score:7.3f}  ")
        if hit.rerank_score is not None:
            heading.append(f"{hit.rerank_score:7.3f} (was {hit.search_rank})  ")
        heading.append(_short(hit.title or hit.id), style="bold")
        heading.append(f"  {printable(hit.id)}" if hit.title and hit.title != hit.id else "", style="dim")
        out.print(heading)
        _print_indented(_marked(hit))
        if explain and hit.contributions:
            _print_indented(_tokens(hit))


def _short(title: str) -> str:
    shown = printable(title)
    return shown if len(shown) <= _TITLE else f"{shown[:_TITLE].rstrip()} …"


def _marked(hit: Hit) -> Text:
    text = Text(printable(hit.text))
    marks = [(*span, part.contribution) for part in hit.contributions[:_TOKENS] for span in part.evidence]
    for start, end, _ in marks:
        text.stylize("bold green", start, end)
    start, end = snippet(hit.text, marks, _CHARACTERS)
    shown = text[start:end]
    return Text.assemble("… " if start else "", shown, " …" if end < len(text) else "")


def _print_indented(line: Text) -> None:
    """Below the heading: on a terminal wrapped at words, else in one line."""
    if out.is_terminal:
        out.print(Padding(line, (0, 0, 0, _INDENT), expand=False), soft_wrap=False)
    else:
        line.pad_left(_INDENT)
        out.print(line)


def _tokens(hit: Hit) -> Text:
    line = Text(style="cyan")
    shown = hit.contributions[:_TOKENS]
    line.append(", ".join(f"{_name(part)} {part.contribution:.2f}{_source(hit, part)}" for part in shown))
    if more := len(hit.contributions) - len(shown):
        line.append(f" and {more} more")
    return line


def _name(part: Contribution) -> str:
    """The token; an exact word in quotation marks, as one would search for it elsewhere."""
    return f'"{printable(part.token)}"' if part.exact_word else printable(part.token)


def _source(hit: Hit, part: Contribution) -> str:
    """The words that fired a token, in title and text, where they aren't the token itself."""
    fired = [hit.title[start:end] for start, end in part.title_evidence]
    fired += [hit.text[start:end] for start, end in part.evidence]
    token = part.token.removeprefix("##").lower()
    others = [word for word in dict.fromkeys(map(printable, fired)) if word.lower() != token]
    return f" ← {', '.join(others)}" if others else ""
