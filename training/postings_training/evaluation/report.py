"""An evaluation as JSON, and as a folder with a Markdown page and plots."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

from postings import __version__
from postings.errors import ReaderError
from postings_training.evaluation.comparison import Comparison
from postings_training.evaluation.measuring import Measured
from postings_training.evaluation.plots import draw

_LISTED = 10
_QUERY_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The content of a report.

    Attributes:
        systems: the measurements of one or two systems, on the same sets in the same order.
        comparisons: of the first system with the second.
        queries: texts by set and query id, for wins and losses.
        remarks: what a reader must know, such as left-out queries.
    """

    systems: tuple[tuple[Measured, ...], ...]
    comparisons: tuple[Comparison, ...]
    queries: Mapping[str, Mapping[str, str]]
    remarks: tuple[str, ...] = ()


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """Return all figures as JSON, with the nDCG@10 of each query under ``each``."""
    systems = []
    for figures in evaluation.systems:
        sets = []
        for measured in figures:
            fields = asdict(measured)
            fields["each"] = {query_id: quality.ndcg_at_10 for query_id, quality in measured.each.items()}
            del fields["system"], fields["run"]
            sets.append(fields)
        systems.append({"system": figures[0].system, "sets": sets})
    comparisons = [asdict(each) | {"by_query": dict(each.by_query)} for each in evaluation.comparisons]
    return {"systems": systems, "comparisons": comparisons, "remarks": list(evaluation.remarks)}


def write_report(evaluation: Evaluation, folder: str | os.PathLike[str]) -> Path:
    """Write ``report.md``, ``report.json`` and the plots into a folder, which is created; return the path of the page.

    Raises:
        ReaderError: the folder can't be written.
        MissingExtra: matplotlib isn't installed.
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
        plots = draw(evaluation.systems, place)
        text = json.dumps(as_json(evaluation), ensure_ascii=False, indent=1)
        (place / "report.json").write_text(text + "\n", encoding="utf-8")
        (place / "report.md").write_text(page(evaluation, plots), encoding="utf-8")
    except OSError as error:
        raise ReaderError(f"the report {place} can't be written: {error.strerror or error}") from error
    return place / "report.md"


def page(evaluation: Evaluation, plots: Mapping[str, str] | None = None) -> str:
    """Return the report in Markdown.

    Args:
        evaluation: what was measured.
        plots: captions by file name.
    """
    systems = evaluation.systems
    parts = [f"# {' against '.join(figures[0].system for figures in systems)}", ""]
    parts += [f"> {remark}\n" for remark in evaluation.remarks]
    for figures in systems:
        parts += [f"## {figures[0].system}", "", *_quality(figures), "", *_costs(figures)]
    if evaluation.comparisons:
        parts += _compared(evaluation)
    for name, caption in (plots or {}).items():
        parts += [f"## {caption}", "", f"![{caption}]({name})", ""]
    for figures in systems:
        parts += _pruning(figures)
    return "\n".join([*parts, _method(systems), ""])


def _method(systems: Sequence[Sequence[Measured]]) -> str:
    said = [
        f"Measured by postings {__version__} with Python {platform.python_version()} on {os.cpu_count()} CPU cores "
        f"({platform.machine()}). nDCG@10, MRR@10, recall and MAP by ir-measures."
    ]
    if any(each.sparsity and each.costs for figures in systems for each in figures):
        said += [
            "A document counts by its best vector. FLOPS: products that scoring one document takes, the mean. Bytes: "
            "of the vectors in the embedded engine's files. Search: for 10 hits, one query after the other, without "
            "encoding."
        ]
    return " ".join(said)


def _quality(figures: Sequence[Measured]) -> list[str]:
    rows = [
        f"| {each.data} | {'' if each.documents is None else format(each.documents, ',')} "
        f"| {each.quality.queries:,} | {each.quality.ndcg_at_10:.4f} "
        f"| {each.quality.mrr_at_10:.4f} | {each.quality.recall_at_100:.4f} | {each.quality.map_at_100:.4f} |"
        for each in figures
    ]
    if len(figures) > 1:
        names = ("ndcg_at_10", "mrr_at_10", "recall_at_100", "map_at_100")
        means = [fmean(getattr(each.quality, name) for each in figures) for name in names]
        rows.append("| mean | | | " + " | ".join(f"{mean:.4f}" for mean in means) + " |")
    return [
        "| set | documents | queries | nDCG@10 | MRR@10 | recall@100 | MAP@100 |",
        "|---|--:|--:|--:|--:|--:|--:|",
        *rows,
    ]


def _costs(figures: Sequence[Measured]) -> list[str]:
    rows = [
        f"| {each.data} | {each.sparsity.document_dims:.1f} | {each.sparsity.query_dims:.1f} "
        f"| {each.sparsity.flops:.3f} | {each.costs.bytes_per_document:,.0f} "
        f"| {'' if each.costs.documents_per_second is None else format(each.costs.documents_per_second, '.1f')} "
        f"| {each.costs.search_p50_ms:.2f} | {each.costs.search_p99_ms:.2f} |"
        for each in figures
        if each.sparsity and each.costs
    ]
    if not rows:
        return []
    return [
        "| set | active dims document | query | FLOPS | bytes/document | encoded docs/s | search p50 ms | p99 ms |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *rows,
        "",
    ]


def _compared(evaluation: Evaluation) -> list[str]:
    first, second = (figures[0].system for figures in evaluation.systems)
    lines = [
        f"## {first} minus {second}, in nDCG@10",
        "",
        "| set | difference | p | wins | losses | ties |",
        "|---|--:|--:|--:|--:|--:|",
        *(
            f"| {each.data} | {each.difference:+.4f} | {each.p:.4f} | {each.wins} | {each.losses} | {each.ties} |"
            for each in evaluation.comparisons
        ),
        "",
        "p: of a paired randomization test over the queries, two-sided.",
        "",
    ]
    for each in evaluation.comparisons:
        wins = [(query, difference) for query, difference in each.by_query if difference > 0][:_LISTED]
        losses = [(query, difference) for query, difference in reversed(each.by_query) if difference < 0][:_LISTED]
        for title, rows in (("wins", wins), ("losses", losses)):
            if rows:
                lines += [f"Largest {title} on {each.data}:", "", "| query | | difference |", "|---|---|--:|"]
                texts = evaluation.queries[each.data]
                lines += [f"| {_cell(query)} | {_cell(texts[query])} | {gain:+.4f} |" for query, gain in rows]
                lines.append("")
    return lines


def _pruning(figures: Sequence[Measured]) -> list[str]:
    curves = [each.pruning for each in figures if each.pruning]
    if not curves:
        return []
    lines = [
        f"nDCG@10 of {figures[0].system} (mean of the sets) where vectors keep their k largest entries:",
        "",
        "| k | documents pruned | their active dims | FLOPS | queries pruned | their active dims | FLOPS |",
        "|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for at in range(len(curves[0].documents)):
        documents, queries = [curve.documents[at] for curve in curves], [curve.queries[at] for curve in curves]
        lines.append(
            f"| {documents[0].k} | {fmean(each.ndcg_at_10 for each in documents):.4f} "
            f"| {fmean(each.sparsity.document_dims for each in documents):.1f} "
            f"| {fmean(each.sparsity.flops for each in documents):.3f} "
            f"| {fmean(each.ndcg_at_10 for each in queries):.4f} "
            f"| {fmean(each.sparsity.query_dims for each in queries):.1f} "
            f"| {fmean(each.sparsity.flops for each in queries):.3f} |"
        )
    return [*lines, ""]


def _cell(text: str) -> str:
    flat = " ".join(text.split()).replace("|", "\\|")
    return flat if len(flat) <= _QUERY_CHARACTERS else flat[: _QUERY_CHARACTERS - 1] + "…"
