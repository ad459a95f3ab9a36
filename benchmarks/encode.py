"""How fast is encoding, against sentence-transformers and against the bare matrix products?

    python -m benchmarks.encode [--data DIR] [--repeats 3] [MODEL …]

All contenders take turns in one process; figures are medians. Writes ``benchmarks/results/encode.md`` and
``encode.png``; exit status 1 if a vector differs from sentence-transformers' by more than 1e-4.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch
from sentence_transformers import SparseEncoder

from benchmarks import gemm
from benchmarks.data import BEIR, ROOT, present
from benchmarks.encode_memory import PEAK_LENGTH, PEAK_TEXTS
from benchmarks.shapes import SHAPES, model_folder
from postings import Encoder, SparseVector

RESULTS = ROOT / "benchmarks" / "results"
TEXTS = {"nfcorpus": ("title", "text"), "wikiqa": ("text",)}
COUNTS = {128: (160, 640), 384: (48, 240), 768: (16, 80)}
MODELS = [name for name, shape in SHAPES.items() if shape.width in COUNTS]
BATCH_SIZES = (1, 2, 4, 8, 16, 64)
AS_IT_COMES = "sentence-transformers"
BEST = "sentence-transformers, best batch size"
CONTENDERS = {"torch": ("torch", "float32"), "onnx": ("onnx", "float32"), "onnx int8": ("onnx", "int8")}
TOLERANCE = 1e-4


@dataclass(frozen=True, slots=True)
class Row:
    """One contender on one model and set of texts."""

    model: str
    texts: str
    contender: str
    documents_per_second: float
    tokens_per_second: float
    against_default: float
    against_best: float
    share_of_limit: float
    difference: float
    mebibytes: float

    def markdown(self) -> str:
        return (
            f"| {self.model} | {self.texts} | {self.contender} | {self.documents_per_second:,.1f} "
            f"| {self.tokens_per_second:,.0f} | {self.against_default:.1f}x | {self.against_best:.1f}x "
            f"| {self.share_of_limit:.0%} | {self.difference:.0e} | {self.mebibytes:,.0f} |"
        )


def measure(name: str, folder: Path, texts_name: str, texts: list[str], repeats: int) -> list[Row]:
    reference = SparseEncoder(str(folder), device="cpu")
    best = best_batch_size(reference, texts)
    runs: dict[str, Callable[[], object]] = {
        AS_IT_COMES: lambda: reference.encode_document(texts),
        BEST: lambda: reference.encode_document(texts, batch_size=best),
    }
    encoders = {label: Encoder.load(folder, "cpu", *how) for label, how in CONTENDERS.items()}
    for label, encoder in encoders.items():
        runs[label] = lambda encoder=encoder: encoder.encode_documents(texts)  # type: ignore[misc]
        encoder.encode_documents(texts[:8])
    seconds: dict[str, list[float]] = {label: [] for label in runs}
    for _, (label, run) in itertools.product(range(repeats), runs.items()):
        began = time.perf_counter()
        run()
        seconds[label].append(time.perf_counter() - began)
        print(f"{name} {texts_name} {label}: {len(texts) / seconds[label][-1]:.1f} docs/s", file=sys.stderr)
    expected = reference.encode_document(texts, batch_size=best, convert_to_sparse_tensor=False).numpy()
    lengths = [len(ids) for ids in reference.tokenizer(texts, truncation=True)["input_ids"]]
    differences = {
        label: largest_difference(encoder.encode_documents(texts), expected) for label, encoder in encoders.items()
    }
    products = gemm.limit(SHAPES[name], lengths)
    default, fastest = median(seconds[AS_IT_COMES]), min(median(seconds[AS_IT_COMES]), median(seconds[BEST]))
    return [
        Row(
            model=name,
            texts=f"{texts_name} ({mean(lengths):.0f} tokens)",
            contender=f"{AS_IT_COMES}, batches of {best}" if label == BEST else label,
            documents_per_second=len(texts) / median(taken),
            tokens_per_second=sum(lengths) / median(taken),
            against_default=default / median(taken),
            against_best=fastest / median(taken),
            share_of_limit=products / median(taken),
            difference=differences.get(label, 0.0),
            mebibytes=peak(folder, label),
        )
        for label, taken in seconds.items()
    ]


def best_batch_size(reference: SparseEncoder, texts: list[str]) -> int:
    """The batch size that sentence-transformers is fastest with, of those that a user would try."""
    sample = texts[:: max(len(texts) // 64, 1)]
    taken = {}
    for size in BATCH_SIZES:
        began = time.perf_counter()
        reference.encode_document(sample, batch_size=size)
        taken[size] = time.perf_counter() - began
    return min(taken, key=taken.__getitem__)


def largest_difference(vectors: Sequence[SparseVector], expected: np.ndarray) -> float:
    return max(
        vector.largest_difference(SparseVector.from_dense(row)) for vector, row in zip(vectors, expected, strict=True)
    )


def peak(folder: Path, label: str) -> float:
    """Peak memory above the loaded model in MiB, measured in a process of its own."""
    how = CONTENDERS.get(label, (AS_IT_COMES, ""))
    command = [sys.executable, "-m", "benchmarks.encode_memory", str(folder), *how]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return float(done.stdout) / 2**20


def corpus(folder: Path, fields: Sequence[str], count: int) -> list[str]:
    """Documents from all over a corpus."""
    with (folder / "corpus.jsonl").open(encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    chosen = documents[:: max(len(documents) // count, 1)][:count]
    return [" ".join(document[field] for field in fields if document.get(field)) for document in chosen]


def page(rows: Sequence[Row], arguments: Sequence[str]) -> str:
    return "\n".join(
        [
            "# Encoding",
            "",
            f"`python -m benchmarks.encode {' '.join(arguments)}`".replace(" `", "`")
            + f" on {os.cpu_count()} CPU cores ({processor()}), Python {platform.python_version()}, "
            + ", ".join(f"{name} {version(name)}" for name in ("sentence-transformers", "torch", "onnxruntime"))
            + ".",
            "",
            "![Documents per second against sentence-transformers](encode.png)",
            "",
            "| model | texts | encoder | docs/s | tokens/s | against default | against best | share of limit "
            "| max difference | peak MiB |",
            "|---|---|---|--:|--:|--:|--:|--:|--:|--:|",
            *(row.markdown() for row in rows),
            "",
            "Against default: `SparseEncoder.encode_document` with its batch size of 32. Against best: with the batch "
            f"size of {', '.join(map(str, BATCH_SIZES))} that a trial found the fastest.",
            "Share of limit: the time of the bare matrix products in float32, on the faster of PyTorch and ONNX "
            "Runtime, without padding. More than 100 % is possible: the head's product is first done in eight bits "
            "(ONNX) or bfloat16 (PyTorch), and in float32 only for what can be active.",
            f"Peak: memory above the loaded model while {PEAK_TEXTS} texts of {PEAK_LENGTH} tokens are encoded.",
            'MiniLM-L6 and BERT-base have random weights and a bias that leaves about 150 active dims; "dense" has no '
            "bias, so that nearly all 30,522 dims are active and nothing can be left out.",
            "",
        ]
    )


def processor() -> str:
    found = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    return found[0].partition(":")[2].strip() if found else platform.machine()


def plot(rows: Sequence[Row], file: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    groups = list(dict.fromkeys((row.model, row.texts) for row in rows))
    figure, axes = pyplot.subplots(figsize=(9, 4.5), layout="constrained")
    width = 0.8 / len(CONTENDERS)
    for at, label in enumerate(CONTENDERS):
        ratios = {(row.model, row.texts): row.against_default for row in rows if row.contender == label}
        heights = [ratios[group] for group in groups]
        bars = axes.bar([x + at * width for x in range(len(groups))], heights, width, label=f"postings, {label}")
        axes.bar_label(bars, fmt="%.1f", fontsize=7)
    axes.axhline(1, color="black", linewidth=1, linestyle="--")
    axes.set_xticks([x + 0.4 - width / 2 for x in range(len(groups))], [f"{m}\n{t}" for m, t in groups], fontsize=7)
    axes.set_ylabel("docs/s, sentence-transformers = 1")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(file, dpi=150)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.encode", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"of {', '.join(MODELS)}; default: all")
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    parser.add_argument("--repeats", type=int, default=3, help="turns of each contender")
    arguments = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    rows: list[Row] = []
    with TemporaryDirectory() as temporary:
        os.environ["XDG_CACHE_HOME"] = temporary
        for name in arguments.models or MODELS:
            folder = model_folder(name, Path(temporary))
            for (texts_name, fields), count in zip(TEXTS.items(), COUNTS[SHAPES[name].width], strict=True):
                texts = corpus(present(arguments.data / texts_name), fields, count)
                rows += measure(name, folder, texts_name, texts, arguments.repeats)
    text = page(rows, sys.argv[1:])
    print(text)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "encode.md").write_text(text, encoding="utf-8")
    plot(rows, RESULTS / "encode.png")
    exact = (row for row in rows if row.contender != "onnx int8")
    return int(any(row.difference > TOLERANCE for row in exact))


if __name__ == "__main__":
    sys.exit(main())
