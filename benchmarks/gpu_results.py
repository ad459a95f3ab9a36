"""The results of :mod:`benchmarks.gpu`: written line by line, so that a kill loses nothing, and the page of them."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Goal:
    """What one part must reach.

    Attributes:
        part: that measures it.
        what: is measured.
        wanted: for the table.
        everywhere: whether a dry run must reach it too; a speed on a processor says nothing of a card.
    """

    part: str
    what: str
    wanted: str
    everywhere: bool = False


GOALS = {
    "float32": Goal("right", "largest difference of a vector in float32", "<= 1e-4", everywhere=True),
    "half": Goal("right", "models whose bfloat16 or float16 is less exact than the bound below", "0", everywhere=True),
    "routes": Goal("right", "SPLADE models that fall back to sentence-transformers' head", "0", everywhere=True),
    "behavior": Goal(
        "right", "checks of evidence, memory, threads, devices and repetition that fail", "0", everywhere=True
    ),
    "faster": Goal("fast", "BERT-base, 256 tokens, against `SparseEncoder` at its best", ">= 2x"),
    "products": Goal("fast", "BERT-base, 256 tokens, of the bare matrix products in bfloat16", ">= 50 %"),
    "worker": Goal("worker", "one worker, of bare encoding", ">= 95 %"),
    "gradients": Goal("training", "largest difference of a gradient in float32", "<= 1e-4", everywhere=True),
}


class Results:
    """Appends what a part finds to a file, a line of JSON each."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def machine(self, **facts: str) -> None:
        """What the part ran on."""
        self._write(machine=facts)

    def row(self, table: str, **cells: object) -> None:
        """A row of a table; the names of the cells are the columns, with ``_`` for a space."""
        self._write(table=table, cells={name.replace("_", " "): _shown(cell) for name, cell in cells.items()})

    def goal(self, name: str, shown: str, *, reached: bool) -> None:
        """What was measured for one of :data:`GOALS`."""
        self._write(goal=name, shown=shown, reached=bool(reached))

    def note(self, text: str) -> None:
        """A paragraph, or a block of code."""
        self._write(note=text)

    def _write(self, **record: object) -> None:
        with self._file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())


def read(file: Path) -> list[Record]:
    """The records of a part; the last line may be half written if the part was killed."""
    found = []
    for line in file.read_text(encoding="utf-8").splitlines() if file.exists() else ():
        try:
            found.append(json.loads(line))
        except ValueError:
            break
    return found


def judged(parts: Mapping[str, Sequence[Record]], *, dry: bool) -> dict[str, tuple[str, bool]]:
    """What was shown for each goal, and whether that will do; a goal that wasn't measured is missed."""
    found = {record["goal"]: record for records in parts.values() for record in records if "goal" in record}
    verdicts = {}
    for name, goal in GOALS.items():
        if goal.part in parts:
            shown = found.get(name, {"shown": "not measured", "reached": False})
            verdicts[name] = shown["shown"], shown["reached"] or (dry and not goal.everywhere)
    return verdicts


def page(parts: Mapping[str, Sequence[Record]], *, dry: bool) -> str:
    """The page in Markdown."""
    machine: dict[str, str] = {}
    for records in parts.values():
        machine |= next((record["machine"] for record in records if "machine" in record), {})
    verdicts = judged(parts, dry=dry)
    facts = ", ".join(f"{name} {fact}" for name, fact in machine.items()) or "nothing was measured"
    lines = ["# On a graphics card", "", f"`python -m benchmarks.gpu{' --dry-run' if dry else ''}`: {facts}."]
    if dry:
        lines += ["", "A dry run on a processor, with tiny sizes: its speeds say nothing."]
    lines += ["", "| | measured | goal | |", "|---|--:|--:|---|"]
    for name, (shown, reached) in verdicts.items():
        goal = GOALS[name]
        verdict = ("reached" if reached else "**missed**") if goal.everywhere or not dry else "not judged"
        lines.append(f"| {goal.what} | {shown} | {goal.wanted} | {verdict} |")
    for part, records in parts.items():
        lines += ["", f"## {part.capitalize()}", *_body(records)]
    return "\n".join([*lines, ""])


def _body(records: Sequence[Record]) -> list[str]:
    lines: list[str] = []
    tables: dict[str, list[dict[str, str]]] = {}
    for record in records:
        if "table" in record:
            tables.setdefault(record["table"], []).append(record["cells"])
    for name, rows in tables.items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        lines += ["", f"### {name}", "", f"| {' | '.join(columns)} |", f"|{'---|' * len(columns)}"]
        lines += [f"| {' | '.join(row.get(column, '') for column in columns)} |" for row in rows]
    for record in records:
        if "note" in record:
            lines += ["", record["note"]]
    return lines


def _shown(cell: object) -> str:
    if cell is None:
        return "—"
    if isinstance(cell, float):
        return f"{cell:,.0f}" if abs(cell) >= 100 else f"{cell:.3g}"
    return f"{cell:,}" if isinstance(cell, int) and not isinstance(cell, bool) else str(cell)
