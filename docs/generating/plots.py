"""The plots of the benchmarks, drawn from the tables in ``benchmarks/results/``."""

from __future__ import annotations

import re
from pathlib import Path

from generating.charts import bars, lines

_RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"


def page(argument: str) -> str:
    """The plot of this name."""
    return {
        "chaos": _chaos,
        "csr": _csr,
        "encoding": _encoding,
        "scale": _scale,
        "serve": _serve,
        "training": _training,
        "words": _words,
    }[argument]()


def rows(name: str) -> list[list[str]]:
    """The cells of all rows of the tables in a file, in order."""
    text = (_RESULTS / f"{name}.md").read_text(encoding="utf-8")
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("|")]


def number(text: str) -> float:
    """The first number of a cell.

    Example:
        >>> number("1,009.5 ms")
        1009.5
    """
    found = re.search(r"-?[\d,]+(?:\.\d+)?", text)
    if found is None:
        raise ValueError(f"expected a cell with a number, got {text!r}")
    return float(found[0].replace(",", ""))


def _encoding() -> str:
    found = [row for row in rows("encode") if row[2:3] == ["onnx"] and "dense" not in row[0]]
    return bars(
        "Encoding on two cores, against sentence-transformers at its best batch size",
        " x",
        [(f"{row[0]}, {row[1]}", number(row[6]), True) for row in found],
    )


def _serve() -> str:
    found = [row for row in rows("serve") if len(row) == 6 and re.match(r"[\d,]+$", row[1])]
    return bars(
        "Searches a second over HTTP, 32 clients on two cores that they share with the service",
        "/s",
        [(row[0].replace("`", ""), number(row[1]), row[0].startswith("`postings")) for row in found],
    )


def _scale() -> str:
    text = (_RESULTS / "scale.md").read_text(encoding="utf-8")
    sizes = [number(each) for each in re.findall(r"^## ([\d,]+) passages", text, re.MULTILINE)]
    series = {
        name: list(zip(sizes, [number(row[5]) for row in rows("scale") if row[0] == label], strict=True))
        for name, label in (
            ("model", "embedded, model"),
            ("hybrid", "embedded, hybrid"),
            ("exact scan", "exact, model"),
        )
    }
    return lines("Median time of a search as a collection grows", ("passages", "ms"), series, logarithmic=True)


def _chaos() -> str:
    values = [
        (f"{row[0]} ({workers})", number(row[2]), True)
        for name, workers in (("chaos", "one worker"), ("chaos_workers", "four workers"))
        for row in rows(name)
        if re.match(r"\d", row[1])
    ]
    return bars("Seconds until the next document is done after a failure, median", " s", values)


def _words() -> str:
    head, *sets = rows("words")  # of the first table, in which documents are in passages
    mean = next(row for row in sets if row[0] == "mean")
    weights = [(0.0, number(mean[1]))] + [
        (float(name), number(cell)) for name, cell in zip(head, mean, strict=True) if re.fullmatch(r"[\d.]+", name)
    ]
    return lines(
        "Mean nDCG@10 on seven BEIR sets, by the weight of exact words",
        ("weight of exact words", "nDCG@10"),
        {"model + words": weights},
        least=0.66,
    )


def _csr() -> str:
    dims = [number(cell) for cell in rows("csr")[0] if cell.endswith(" active")]
    kept = [
        [number(cell) for cell in row if cell]
        for row in [each[1:] for each in rows("csr") if each[0] == "of the dense mean"]
    ]
    names = ("queries whole", "queries cut too")
    return lines(
        "What CSR keeps of its dense base's nDCG@10",
        ("active dims of a document", "%"),
        {name: list(zip(dims, line, strict=True)) for name, line in zip(names, kept, strict=True)},
        logarithmic=True,
    )


def _training() -> str:
    found = [row for row in rows("training") if re.match(r"[\d.]+$", row[1])]
    return bars(
        "Training steps a second, batches of 32 pairs on two cores",
        "/s",
        [(row[0], number(row[1]), row[0] == "postings") for row in found],
    )
