"""What does a passage take on the disk, and what for? The constants of ``postings size``.

    python -m benchmarks.sizing [--passages 200000] [--folder DIR]

The collections of ``benchmarks.scale`` on the embedded engine, with float32, float16 and uint8 weights, and the bytes
of their files by what is in them. Writes ``benchmarks/results/sizing.md``.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from statistics import mean
from tempfile import TemporaryDirectory

from benchmarks.data import BEIR
from benchmarks.index import DATATYPES
from benchmarks.scale import in_process
from benchmarks.scale_data import SIDES, Rows

RESULT = Path(__file__).parent / "results" / "sizing.md"
KINDS = {
    "vector_index": "index",
    "vector_storage": "vectors",
    "payload_storage": "payload",
    "payload_index": "fields",
    "wal": "log",
    "": "other",
}
"""By the beginning of a folder's name: what its files hold."""


def by_kind(collection: Path) -> Counter[str]:
    """The bytes of a collection's files on the disk, by what they hold."""
    found: Counter[str] = Counter()
    for file in collection.rglob("*"):
        if file.is_file():
            parts = file.relative_to(collection).parts
            kind = next((each for part in parts if (each := part.partition("-")[0]) in KINDS), "")
            found[KINDS[kind]] += 512 * file.stat().st_blocks
    return found


def row(folder: Path, passages: int, datatype: str) -> str:
    in_process("build", folder, passages, "--datatype", datatype)
    root = folder / f"index-all-{datatype}"
    found = by_kind(root)
    # Segments that don't change any more have index files, and eight bytes in this one for each of their points.
    indexed = sum(file.stat().st_size // 8 for file in root.rglob("id_tracker.versions"))
    shutil.rmtree(root)
    cells = [found[kind] / passages for kind in KINDS.values() if kind != "index"]
    return (
        f"| {datatype} | {indexed:,} | "
        + " | ".join(f"{each:,.0f}" for each in (found["index"] / max(indexed, 1), *cells, found.total() / passages))
        + " |"
    )


def page(folder: Path, passages: int, rows: list[str]) -> str:
    dims, words = (Rows.load(folder, f"passages-{side}").offsets[passages] / passages for side in SIDES)
    texts = json.loads((folder / "texts.json").read_text())["texts"]
    characters = mean(len(title) + len(text) for title, text in texts)
    return "\n".join(
        [
            "# What a passage takes on the disk",
            "",
            f"`python -m benchmarks.sizing --passages {passages}`, qdrant-edge-py {version('qdrant-edge-py')}, "
            f"{os.cpu_count()} CPU cores ({platform.machine()}): bytes a passage, by what they are for.",
            "",
            f"| weights | in index files | {' | '.join(KINDS.values())} | sum |",
            "|---|" + "--:|" * (len(KINDS) + 2),
            *rows,
            "",
            f"{passages:,} passages of `benchmarks.scale`, with {dims:.1f} active dims, {words:.1f} words and "
            f"{characters:.0f} characters in the mean, without evidence. In index files: so many of the passages; the "
            "index of the others is in memory. Index: bytes of these files, for each passage in them. Vectors: dims "
            "and words by passage, of which the index is made. Payload: texts and metadata. Fields: the index of ids "
            "and versions. Log: what the engine writes ahead, of which it keeps the last tens of MB.",
            "",
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sizing", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, default=200_000)
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    parser.add_argument("--folder", type=Path, help="where to put vectors and indexes, kept; by default temporary")
    arguments = parser.parse_args()
    with TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "queries-words.offsets").exists():
            in_process("prepare", folder, 0, "--data", str(arguments.data))
        in_process("extend", folder, arguments.passages)
        rows = [row(folder, arguments.passages, datatype) for datatype in DATATYPES]
        text = page(folder, arguments.passages, rows)
    print(text)
    RESULT.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
