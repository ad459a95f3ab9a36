"""``postings size``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from decimal import Decimal
from typing import Annotated, Any, Literal

import typer

from postings_cli.console import out, print_json, say
from postings_cli.options import Json
from postings_cli.sizing import Demand, Figure, replicas_wanted, sizes

_DEFAULTS = Demand(documents=1)
_BYTES = ("B", "kB", "MB", "GB", "TB", "PB", "EB")
_FACTORS = {"k": 10**3, "M": 10**6, "B": 10**9}
MOST = 10**13
"""The most documents that sizes are computed for."""
_LARGEST = 10**9
"""Of anything else."""


def whole_number(text: str) -> int:
    """A number of documents as people write it.

    Raises:
        typer.BadParameter: it isn't one, or is none at all.

    Example:
        >>> [whole_number(each) for each in ("1e8", "100M", "1_000_000", "2,500")]
        [100000000, 100000000, 1000000, 2500]
    """
    factor = _FACTORS.get(text[-1:], 1)
    digits = (text[:-1] if factor > 1 else text).replace(",", "")
    try:
        number = Decimal(digits) * factor
        if 1 <= number <= MOST and number == int(number):
            return int(number)
    except ArithmeticError:  # also of what is no number
        pass
    raise typer.BadParameter(f"expected a whole number of documents, such as 1e8, 100M or 1_000_000, got {text!r:.100}")


def size(
    documents: Annotated[
        list[int],
        typer.Option(
            "--documents",
            "-d",
            parser=whole_number,
            metavar="NUMBER",
            help="How many, such as 1e8 or 100M; may be repeated, for a column each.",
        ),
    ],
    passages_per_document: Annotated[
        float, typer.Option(help="Passages of a document.", min=1, max=10_000)
    ] = _DEFAULTS.passages_per_document,
    dims: Annotated[int, typer.Option(help="Active dims of a passage.", min=1, max=_LARGEST)] = _DEFAULTS.dims,
    words: Annotated[
        int, typer.Option(help="Exact words of a passage; 0 for a collection without words.", min=0, max=_LARGEST)
    ] = _DEFAULTS.words,
    characters: Annotated[
        int, typer.Option(help="Characters of a passage, its title included.", min=1, max=_LARGEST)
    ] = _DEFAULTS.characters,
    tokens: Annotated[int, typer.Option(help="Tokens of a passage.", min=1, max=_LARGEST)] = _DEFAULTS.tokens,
    evidence: Annotated[
        bool, typer.Option("--evidence/--no-evidence", help="Whether evidence is stored (POSTINGS_STORE_EVIDENCE).")
    ] = _DEFAULTS.evidence,
    datatype: Annotated[
        Literal["float32", "float16", "uint8"], typer.Option(help="Data type of the weights (POSTINGS_INDEX_DATATYPE).")
    ] = _DEFAULTS.datatype,
    on_disk: Annotated[
        bool, typer.Option("--on-disk", help="Keep the index on the disk (POSTINGS_INDEX_ON_DISK).")
    ] = _DEFAULTS.on_disk,
    replicas: Annotated[
        int, typer.Option(help="Copies of each shard (POSTINGS_INDEX_REPLICAS).", min=1, max=_LARGEST)
    ] = _DEFAULTS.replicas,
    searches: Annotated[int, typer.Option(help="Searches a second.", min=1, max=_LARGEST)] = _DEFAULTS.searches,
    p99: Annotated[
        int,
        typer.Option("--p99", help="Milliseconds in which a shard answers 99 of 100 searches.", min=100, max=_LARGEST),
    ] = _DEFAULTS.p99,
    model: Annotated[
        Literal["tiny", "MiniLM-L6", "BERT-base"], typer.Option(help="The shape of the model.")
    ] = _DEFAULTS.model,
    hours: Annotated[
        int, typer.Option(help="Hours in which workers encode everything.", min=1, max=_LARGEST)
    ] = _DEFAULTS.hours,
    node_memory: Annotated[
        int, typer.Option(help="GB of memory of a node of Qdrant.", min=1, max=_LARGEST)
    ] = _DEFAULTS.node_memory,
    node_cores: Annotated[
        int, typer.Option(help="Cores of a node of Qdrant.", min=1, max=_LARGEST)
    ] = _DEFAULTS.node_cores,
    gpu_tflops: Annotated[
        int, typer.Option(help="Peak of a GPU in float32, TFLOPS.", min=1, max=_LARGEST)
    ] = _DEFAULTS.gpu_tflops,
    queue_limit: Annotated[
        int, typer.Option(help="Most documents queued or in flight (POSTINGS_QUEUE_LIMIT).", min=1, max=_LARGEST)
    ] = _DEFAULTS.queue_limit,
    as_json: Json = False,
) -> None:
    """Estimate what a collection needs.

    Computed from constants that were measured on a small machine; deploy/sizing.md says how, and what isn't known.

    Example: postings size --documents 1e8 --dims 120 --replicas 2
    """
    asked = Demand(
        documents=documents[0],
        passages_per_document=passages_per_document,
        dims=dims,
        words=words,
        characters=characters,
        tokens=tokens,
        evidence=evidence,
        datatype=datatype,
        on_disk=on_disk,
        replicas=replicas,
        searches=searches,
        p99=p99,
        model=model,
        hours=hours,
        node_memory=node_memory,
        node_cores=node_cores,
        gpu_tflops=gpu_tflops,
        queue_limit=queue_limit,
    )
    demands = [replace(asked, documents=number) for number in documents]
    columns = [sizes(demand) for demand in demands]
    if as_json:
        print_json(_as_fields(demands, columns))
    else:
        for line in markdown(demands, columns):
            out.print(line)
    for demand in demands:
        if (wanted := replicas_wanted(demand)) > demand.replicas:
            say(f"{demand.documents:,} documents: searches need more nodes than hold a shard; pass --replicas {wanted}")


def _as_fields(demands: Sequence[Demand], columns: Sequence[Sequence[Figure]]) -> dict[str, Any]:
    """What ``--json`` prints."""
    asked = {name: value for name, value in asdict(demands[0]).items() if name != "documents"}
    rows = [
        {"documents": demand.documents, **{figure.name: figure.value for figure in column}}
        for demand, column in zip(demands, columns, strict=True)
    ]
    return {
        "asked": asked,
        "sizes": rows,
        "figures": {figure.name: {"unit": figure.unit, "how": figure.how} for figure in columns[0]},
    }


def markdown(demands: Sequence[Demand], columns: Sequence[Sequence[Figure]]) -> Iterator[str]:
    """The lines of a table, a column for each number of documents."""
    head = ["documents", *(f"{demand.documents:,}" for demand in demands), "how"]
    rows = [[row[0].name.replace("_", " "), *map(shown, row), row[0].how] for row in zip(*columns, strict=True)]
    widths = [max(len(row[at]) for row in (head, *rows)) for at in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:-1]), "-" * 3]
    for row in (head, rule, *rows):
        first, *numbers, last = row
        cells = [first.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=False))]
        yield f"| {' | '.join([*cells, last])} |"


def shown(figure: Figure) -> str:
    """A figure's value as people read it, to three digits.

    Example:
        >>> shown(Figure("disk", 1_234_000_000, "bytes", ""))
        '1.23 GB'
    """
    value = figure.value
    match figure.unit:
        case "bytes":
            power = sum(value >= 999.5 * 1000**power for power in range(len(_BYTES) - 1))
            return f"{value / 1000**power:.3g} {_BYTES[power]}"
        case "number":
            return f"{value:,.0f}"
        case unit:
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
