"""What does encoding keep? Memory while real abstracts of mixed lengths are encoded and ingested in one process.

    python -m benchmarks.memory [--texts N] [--data DIR] [onnx] [torch] [ingest]

``onnx`` and ``torch`` encode all abstracts in one call and keep the vectors; ``ingest`` brings them
into an embedded index, which the engine holds in the process's memory: what is left once the index is closed is what
ingesting itself keeps. Each runs in a process of its own. Writes ``benchmarks/results/memory.md``; exit status 1 if
encoding takes more than 1.5 times what its vectors, its tokens and one pass take, ``onnx`` more than 600 MB in all, or
if ``ingest``, with its index closed, holds more than it did after the first fifth.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import random
import subprocess
import sys
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.data import BEIR, ROOT, present
from postings import Document, Encoder, Settings, SparseVector, open_index
from postings_ingest import Pipeline, Report

ALLOWED, ALLOWED_MB = 1.5, 600
MB = 10**6
_PARTS = 5
_SAMPLE = 300


def abstracts(data: Path) -> list[str]:
    """The documents of all BEIR folders, in an order that mixes long and short ones."""
    texts = []
    for corpus in sorted(data.glob("*/corpus.jsonl")):
        with corpus.open(encoding="utf-8") as lines:
            rows = map(json.loads, lines)
            texts += [f"{row.get('title', '')} {row['text']}".strip() for row in rows]
    texts = list(filter(None, texts))  # an empty document is refused
    random.Random(1).shuffle(texts)
    return texts


def memory(name: str) -> float:
    """Of this process, in MB: ``VmRSS`` now, ``VmHWM`` at its peak."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name)) / MB


def size_of(vector: SparseVector) -> int:
    """An index and a weight of four bytes each, and the objects around them."""
    objects = sum(map(sys.getsizeof, (vector, vector.indices, vector.values)))
    return vector.indices.nbytes + vector.values.nbytes + objects


def encoding(texts: list[str], backend: str) -> dict[str, float]:
    encoder = Encoder.load("tiny", "cpu", backend)  # type: ignore[arg-type]
    encoder.encode_documents(["a warm up"])
    loaded = memory("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    # Of passes the largest: one of many short texts takes more than one of a long text.
    encoder.encode_documents(texts[:_SAMPLE])
    one_pass = memory("VmHWM") - loaded
    vectors = encoder.encode_documents(texts)
    peak = memory("VmHWM") - loaded
    stored = sum(map(size_of, vectors)) / MB
    tokens = 4 * encoder.work.tokens / MB
    return {
        "texts": len(texts),
        "vectors": stored,
        "tokens": tokens,
        "one pass": one_pass,
        "peak": peak,
        "share": peak / (stored + tokens + one_pass),
        "in all": memory("VmHWM"),
    }


def ingesting(texts: list[str]) -> dict[str, float]:
    held: list[float] = []

    def note(report: Report) -> None:
        if report.documents >= (len(held) + 1) * len(texts) // _PARTS:
            held.append(memory("VmRSS"))

    with TemporaryDirectory() as folder:
        with open_index(settings := Settings(index_url=folder)) as index:
            documents = (Document(str(number), text) for number, text in enumerate(texts))
            Pipeline(Encoder.load("tiny", "cpu"), index, settings).run(documents, note)
        ctypes.CDLL(None).malloc_trim(0)  # what the engine freed when it was closed isn't kept
        closed = memory("VmRSS")
    return {"texts": len(texts), "first": held[0], "last": held[-1], "closed": closed}


def measured(which: str, count: int | None, data: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.memory", "--data", str(data), "--only", which]
    ran = subprocess.run(
        [*command, *(["--texts", str(count)] if count else [])], cwd=ROOT, stdout=subprocess.PIPE, check=True
    )
    found: dict[str, float] = json.loads(ran.stdout)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.memory", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("which", nargs="*", default=["onnx", "torch", "ingest"], metavar="WHAT")
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    parser.add_argument("--texts", type=int, metavar="N", help="so many texts instead of all")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        texts = list(islice(abstracts(present(arguments.data)), arguments.texts))
        found = ingesting(texts) if arguments.only == "ingest" else encoding(texts, arguments.only)
        print(json.dumps(found))
        return 0
    rows = {which: measured(which, arguments.texts, present(arguments.data)) for which in arguments.which}
    encoded = {which: row for which, row in rows.items() if which != "ingest"}
    lines = [
        "# Memory of encoding and ingesting",
        "",
        "`python -m benchmarks.memory`: real abstracts of mixed lengths, the model `tiny`; sizes in MB.",
        "",
        "| encoder | texts | vectors | tokens | one pass | peak above the model | of their sum | in all |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        *(
            f"| {which} | {row['texts']:,.0f} | {row['vectors']:.0f} | {row['tokens']:.0f} | "
            f"{row['one pass']:.0f} | {row['peak']:.0f} | {row['share']:.2f} | {row['in all']:.0f} |"
            for which, row in encoded.items()
        ),
        "",
    ]
    if (row := rows.get("ingest")) is not None:
        lines += [
            f"`postings ingest`, in one process with the index: {row['texts']:,.0f} documents; "
            f"{row['first']:.0f} MB after the first fifth, {row['last']:.0f} MB at the end, "
            f"{row['closed']:.0f} MB once the index is closed.",
            "",
        ]
    page = "\n".join(lines)
    (ROOT / "benchmarks" / "results" / "memory.md").write_text(page, encoding="utf-8")
    print(page)
    kept = all(each["share"] <= ALLOWED for each in encoded.values())
    small = "onnx" not in rows or rows["onnx"]["in all"] <= ALLOWED_MB
    flat = "ingest" not in rows or rows["ingest"]["closed"] <= rows["ingest"]["first"]
    return int(not (kept and small and flat))


if __name__ == "__main__":
    sys.exit(main())
