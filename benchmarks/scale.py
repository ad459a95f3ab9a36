"""How does search do as a collection grows? Time, memory and disk at 20 thousand, 200 thousand and a million passages.

    python -m benchmarks.scale [--passages 20000 200000 1000000] [--index-url URL] [--seismic PYTHON] [--folder DIR]

The embedded engine, and with ``--index-url`` a Qdrant server, beside exact scoring by columns (scipy) and Seismic, on
the same vectors: those of ``tiny`` on BEIR folders, and mixtures of two of them (``benchmarks.scale_data``). Seismic
runs where ``pyseismic-lsr`` is installed, which is no dependency of Postings:

    python -m venv seismic && seismic/bin/pip install pyseismic-lsr
    python -m benchmarks.scale --seismic seismic/bin/python

A million passages take 15 GB on the disk, 6 GB of memory, and 20 minutes without Seismic. Writes
``benchmarks/results/scale.md``; exit status 1 if embedded search finds less than .995 of the best ten passages, or if
the last tenth of the passages is written at less than half of the speed of the first.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from benchmarks import scale_data, scale_roles
from benchmarks.data import BEIR, ROOT, present
from postings import Encoder, Settings

RESULT = Path(__file__).parent / "results" / "scale.md"
SIZES = (20_000, 200_000, 1_000_000)
PRUNED_DIMS = 64
PRUNED_UP_TO = 200_000
HALF = 0.5
FOUND = 0.995
"""Search is exact, but passages with nearly equal scores may change places."""
INSTALL = "Seismic isn't measured: python -m venv seismic && seismic/bin/pip install pyseismic-lsr, then --seismic"

Measured = dict[str, Any]


def in_process(role: str, folder: Path, passages: int, *options: str) -> Measured:
    """Measure in a process of its own, whose memory is nothing else."""
    command = [sys.executable, "-m", "benchmarks.scale", "--only", role, "--folder", str(folder)]
    command += ["--passages", str(passages), *options]
    print(f"{passages:,} passages: {' '.join((role, *options))}", file=sys.stderr)
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    found: Measured = json.loads(done.stdout)
    return found


def only(role: str, folder: Path, passages: int, arguments: argparse.Namespace) -> Measured:
    if role == "prepare":
        scale_data.prepare(present(arguments.data), folder)
        return {}
    if role == "extend":
        scale_data.extend(folder, passages)
        return {}
    if role == "exact":
        return scale_roles.exact(folder, passages)
    given = {"index_api_key": arguments.api_key, "index_grpc_port": arguments.grpc_port}
    settings = Settings(
        index_url=arguments.index_url or str(folder / f"index-{arguments.dims or 'all'}-{arguments.datatype}"),
        index_datatype=arguments.datatype,
        collection=f"scale-{passages}-{arguments.dims or 'all'}",
        **{name: value for name, value in given.items() if value is not None},
    )
    name = "pruned" if arguments.dims else Encoder.load("tiny", "cpu").fingerprint
    if role == "build":
        return scale_roles.build(folder, passages, settings, name, arguments.dims)
    if role == "rewrite":
        return scale_roles.rewrite(folder, passages, settings, name)
    return scale_roles.search(folder, settings, name)


def measured(folder: Path, passages: int, *options: str) -> Measured:
    found = in_process("build", folder, passages, *options)
    found |= in_process("search", folder, passages, *options)
    if "--dims" not in options:
        found["rewrite"] = in_process("rewrite", folder, passages, *options)
    return found


def seismic(folder: Path, passages: int, python: str) -> list[Measured]:
    """Seismic in another interpreter: a row for each setting of its search."""
    script = str(Path(__file__).with_name("scale_seismic.py"))
    answers = []
    for action in ([], ["open"]):
        command = [python, script, str(folder), str(passages), *action]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
        answers.append(json.loads(done.stdout.splitlines()[-1]))
    built, opened = answers
    best = json.loads((folder / "best.json").read_text())["model"]
    return [
        built
        | {name: opened[name] for name in ("open", "memory", "disk")}
        | scale_roles.summary(run["times"])
        | {
            "setting": f"{run['cut']} terms, heap factor {run['factor']}",
            "overlap": float(np.mean([len({*a} & {*b}) for a, b in zip(run["ids"], best, strict=True)]))
            / scale_roles.LIMIT,
        }
        for run in opened["runs"]
    ]


def engine_rows(name: str, found: Measured) -> list[str]:
    ways, cells = found["ways"], []
    sizes = (
        f"{found['build']:.0f} | {found['memory']:.0f} | {found.get('disk', float('nan')):.0f} | {found['open']:.1f}"
    )
    for way in ("model", "hybrid", "filter"):
        row = ways[way]
        cells.append(f"| {name}, {way} | {sizes} | {row['p50']:.1f} | {row['p99']:.1f} | {row['overlap']:.3f} |")
    return cells


def table(passages: int, exact: Measured, engines: dict[str, Measured], peers: Sequence[Measured]) -> list[str]:
    times = scale_roles.summary(exact["times"])
    lines = [
        f"## {passages:,} passages",
        "",
        "| | build s | memory MB | disk MB | open s | p50 ms | p99 ms | overlap@10 |",
        "|---|--:|--:|--:|--:|--:|--:|--:|",
        f"| exact, model | {exact['build']:.0f} | {exact['memory']:.0f} | | | {times['p50']:.1f} | {times['p99']:.1f} "
        "| 1.000 |",
    ]
    for name, found in engines.items():
        lines += engine_rows(name, found)
    for peer in peers:
        lines.append(
            f"| Seismic, {peer['setting']} | {peer['build']:.0f} | {peer['memory']:.0f} | {peer['disk']:.0f} "
            f"| {peer['open']:.1f} | {peer['p50']:.1f} | {peer['p99']:.1f} | {peer['overlap']:.3f} |"
        )
    for name, found in engines.items():
        lines += ["", *notes(name, found)]
    return [*lines, "", *pruning(engines["embedded"]), ""]


def notes(name: str, found: Measured) -> list[str]:
    lines = [
        f"* {name}: {found['first']:,.0f} points/s in the first tenth, {found['last']:,.0f} in the last; "
        f"a call of {scale_roles.CALL} takes {found['median call']:.0f} ms, the slowest "
        f"{found['slowest call'] / 1000:.1f} s; closing {found['closing']:.1f} s; "
        f"at most {found['peak']:.0f} MB while writing."
    ]
    if "private" in found:
        lines.append(
            f"* {name}: of the memory, {found['private']:.0f} MB are the process's own, the rest is a cache of files."
        )
    if explain := found.get("explain"):
        lines.append(
            f"* {name}: a search by text takes {explain['without']:.1f} ms, with an explanation {explain['with']:.1f}."
        )
    if again := found.get("rewrite"):
        lines.append(
            f"* {name}: once opened again, passages are rewritten at {again['rate']:,.0f} points/s; "
            f"a search after each call takes {again['search']:.1f} ms."
        )
    return lines


def pruning(found: Measured) -> list[str]:
    ways = found["ways"]
    lines = ["| embedded, pruned | memory MB | p50 ms | p99 ms | overlap@10 |", "|---|--:|--:|--:|--:|"]
    everything = f"{scale_roles.ALL_TERMS} terms"
    for way in (everything, "24 terms", "16 terms", "8 terms", "16 terms, 50 candidates"):
        row, label = ways[way], "all terms" if way == everything else way
        lines.append(f"| {label} | | {row['p50']:.1f} | {row['p99']:.1f} | {row['overlap']:.3f} |")
    for name in ("pruned", "float16", "uint8"):
        if other := found.get(name):
            row = other["ways"]["model"]
            label = f"passages of {PRUNED_DIMS} dims" if name == "pruned" else f"weights as {name}"
            lines.append(
                f"| {label} | {other['memory']:.0f} | {row['p50']:.1f} | {row['p99']:.1f} | {row['overlap']:.3f} |"
            )
    return lines


def page(tables: Sequence[Sequence[str]], folder: Path) -> str:
    documents, queries = (len(scale_data.Rows.load(folder, f"{name}-model")) for name in ("documents", "queries"))
    return "\n".join(
        [
            "# Search as a collection grows",
            "",
            f"`python -m benchmarks.scale` on {os.cpu_count()} CPU cores ({platform.machine()}), Python "
            f"{platform.python_version()}, qdrant-edge-py {version('qdrant-edge-py')}.",
            "",
            *(line for lines in tables for line in lines),
            f"{documents:,} documents of BEIR folders, encoded by `tiny`, and mixtures of two of them; {queries} "
            f"queries of these folders for the best {scale_roles.LIMIT}, by turns in each way, the fastest of "
            f"{scale_roles.REPEATS}. Model: the model's vectors alone. Hybrid: its score plus {scale_roles.WEIGHT} x "
            "that of exact words. Filter: the model's, in a tenth of the passages, by a field of the metadata. "
            "Overlap: with exact float32 scoring of the same. Memory: of a process that opened the collection and "
            "searched, above what it held before; caches of files included. Each passage has a model's vector, a "
            "words' vector, and the text of a document. Pruned: the terms of a query with the largest weights, put "
            "to the engine alone, without the order of equal scores; with candidates, the best of these terms are "
            "scored by all.",
            "",
        ]
    )


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--passages", type=int, nargs="+", default=SIZES, help="sizes (default: %(default)s)")
    parser.add_argument("--index-url", help="a Qdrant server, measured too")
    parser.add_argument("--api-key", help="its API key")
    parser.add_argument("--grpc-port", type=int, help="its port for gRPC")
    parser.add_argument("--seismic", metavar="PYTHON", help="an interpreter with pyseismic-lsr")
    parser.add_argument("--data", type=Path, default=BEIR, help="the BEIR folders")
    parser.add_argument("--folder", type=Path, help="where to put vectors and indexes, kept; by default temporary")
    for hidden, kind in (("--only", str), ("--dims", int)):
        parser.add_argument(hidden, type=kind, help=argparse.SUPPRESS)
    parser.add_argument("--datatype", default="float32", help=argparse.SUPPRESS)
    return parser.parse_args()


def size(folder: Path, passages: int, arguments: argparse.Namespace) -> tuple[list[str], bool]:
    in_process("extend", folder, passages)
    exact = in_process("exact", folder, passages)
    engines = {"embedded": measured(folder, passages)}
    if passages <= PRUNED_UP_TO:
        engines["embedded"]["pruned"] = measured(folder, passages, "--dims", str(PRUNED_DIMS))
        for datatype in ("float16", "uint8"):
            found = in_process("build", folder, passages, "--datatype", datatype)
            engines["embedded"][datatype] = found | in_process("search", folder, passages, "--datatype", datatype)
    if arguments.index_url:
        options = ["--index-url", arguments.index_url]
        for name in ("api_key", "grpc_port"):
            if (value := getattr(arguments, name)) is not None:
                options += [f"--{name.replace('_', '-')}", str(value)]
        engines["server"] = measured(folder, passages, *options)
    peers = seismic(folder, passages, arguments.seismic) if arguments.seismic else []
    for index in folder.glob("index-*"):
        shutil.rmtree(index)
    found = engines["embedded"]
    kept = found["ways"]["model"]["overlap"] >= FOUND and found["last"] >= HALF * found["first"]
    return table(passages, exact, engines, peers), kept


def main() -> int:
    arguments = parsed()
    if arguments.only:
        print(json.dumps(only(arguments.only, arguments.folder, arguments.passages[0], arguments)))
        return 0
    if not arguments.seismic:
        print(INSTALL, file=sys.stderr)
    with TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        if not (folder / "queries-words.offsets").exists():
            in_process("prepare", folder, 0, "--data", str(arguments.data))
        sizes = [size(folder, passages, arguments) for passages in arguments.passages]
        text = page([lines for lines, _ in sizes], folder)
    print(text)
    RESULT.write_text(text, encoding="utf-8")
    return int(not all(kept for _, kept in sizes))


if __name__ == "__main__":
    sys.exit(main())
