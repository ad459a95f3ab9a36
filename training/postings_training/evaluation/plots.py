"""The plots of a report, as PNG files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from postings.errors import MissingExtra
from postings_training.evaluation.measuring import Measured
from postings_training.evaluation.pruning import Pruned

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = (7.0, 4.5)
_DPI = 120
_LINES = ("-", "--")


def draw(systems: Sequence[Sequence[Measured]], folder: Path) -> dict[str, str]:
    """Draw nDCG@10 against active dims, and the pruning curves, of the systems for which they were measured.

    Args:
        systems: the measurements of each system, on the same sets.
        folder: for the files.

    Returns:
        Captions by file name.

    Raises:
        MissingExtra: matplotlib isn't installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("training", "the plots of a report") from error
    captions = {}
    if sparse := [figures for figures in systems if figures[0].sparsity]:
        captions["active_dims.png"] = "Quality against active dims"
        figure = Figure(figsize=_INCHES, layout="constrained")
        _active_dims(figure.subplots(), sparse)
        figure.savefig(folder / "active_dims.png", dpi=_DPI)
    if pruned := [figures for figures in systems if figures[0].pruning]:
        captions["pruning.png"] = "Quality of pruned vectors"
        figure = Figure(figsize=_INCHES, layout="constrained")
        _pruning(figure.subplots(), pruned)
        figure.savefig(folder / "pruning.png", dpi=_DPI)
    return captions


def _active_dims(axes: Axes, systems: Sequence[Sequence[Measured]]) -> None:
    for line, figures in zip(_LINES, systems, strict=False):
        for color, each in enumerate(figures):
            if each.sparsity is None:
                continue
            points = [(each.sparsity.document_dims, each.quality.ndcg_at_10)]
            if each.pruning:
                points += [(point.sparsity.document_dims, point.ndcg_at_10) for point in each.pruning.documents]
            xs, ys = zip(*sorted(points), strict=True)
            label = f"{each.data}, {each.system}" if len(systems) > 1 else each.data
            axes.plot(xs, ys, line, marker=".", color=f"C{color}", label=label)
            axes.plot(*points[0], marker="o", color=f"C{color}", markersize=8)
    axes.set(xlabel="active dims of a document (large dots: as the model gives them)", ylabel="nDCG@10")
    axes.set_ylim(bottom=0)
    axes.legend(fontsize="x-small")


def _pruning(axes: Axes, systems: Sequence[Sequence[Measured]]) -> None:
    for line, figures in zip(_LINES, systems, strict=False):
        curves = [each.pruning for each in figures if each.pruning]
        sides: dict[str, list[tuple[Pruned, ...]]] = {
            "documents": [curve.documents for curve in curves],
            "queries": [curve.queries for curve in curves],
        }
        for color, (side, points) in enumerate(sides.items()):
            kept = [point.k for point in points[0]]
            means = [fmean(row[at].ndcg_at_10 for row in points) for at in range(len(kept))]
            axes.plot(kept, means, line, marker="o", color=f"C{color}", label=f"{side} pruned, {figures[0].system}")
        whole = fmean(each.quality.ndcg_at_10 for each in figures)
        axes.axhline(whole, linestyle=line, color="grey", linewidth=1, label=f"nothing pruned, {figures[0].system}")
    axes.set_xscale("log", base=2)
    axes.set(xlabel="entries kept in each vector", ylabel="nDCG@10, mean of the sets")
    axes.legend(fontsize="small")
