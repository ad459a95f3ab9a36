"""Seismic on the vectors of ``benchmarks.scale``, which runs this file in an interpreter that has ``pyseismic-lsr``.

    python benchmarks/scale_seismic.py FOLDER PASSAGES

It builds, and with ``open`` after these opens and searches; beside Seismic it needs only numpy. The last line is JSON:
seconds to build; seconds to open, MB held and on the disk, and for each setting of its search the milliseconds of each
query and the passages found.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import numpy as np

LIMIT = 10
BUILD = {"centroid_fraction": 0.01, "doc_cut": 8}
"""A tenth of the default's clusters: with those, 20,000 passages take minutes."""
SETTINGS = ((10, 0.8), (20, 0.9), (40, 0.9), (40, 1.0))
"""How many dims of a query are looked up at most (``query_cut``), and how soon a block is passed over."""


def held() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1000


def main() -> None:
    folder, passages = Path(sys.argv[1]), int(sys.argv[2])
    offsets = np.fromfile(folder / "passages-model.offsets", np.int64)
    indices = np.memmap(folder / "passages-model.indices", np.uint32, "r")
    values = np.memmap(folder / "passages-model.values", np.float32, "r")
    raw = folder / "seismic.bin"
    index_class = import_module("seismic").SeismicIndexRaw
    if sys.argv[3:] != ["open"]:
        with raw.open("wb") as file:
            file.write(struct.pack("<I", passages))
            for start, end in pairwise(offsets[: passages + 1]):
                file.write(struct.pack("<I", end - start) + indices[start:end].tobytes() + values[start:end].tobytes())
        began = time.perf_counter()
        index_class.build(str(raw), **BUILD).save(str(folder / "seismic"))
        print(json.dumps({"build": time.perf_counter() - began}))
        raw.unlink()
        return
    saved = folder / "seismic"
    before, began = held(), time.perf_counter()
    index = index_class.load(str(saved))
    found = {"open": time.perf_counter() - began, "memory": held() - before, "disk": saved.stat().st_size / 1e6}
    asked = [np.fromfile(folder / f"queries-model.{kind}", type) for kind, type in _ARRAYS]
    parts = [slice(*pair) for pair in pairwise(asked[0])]
    queries = [(asked[1][part], asked[2][part]) for part in parts]
    found["runs"] = [run(index, queries, *setting) for setting in SETTINGS]
    print(json.dumps(found))


_ARRAYS = (("offsets", np.int64), ("indices", np.int32), ("values", np.float32))


def run(index: object, queries: list[tuple[object, object]], cut: int, factor: float) -> dict[str, object]:
    times, ids = [], []
    for dims, weights in queries:
        began = time.perf_counter()
        hits = index.search(dims, weights, LIMIT, cut, factor, 0, True)  # type: ignore[attr-defined] # noqa: FBT003
        times.append(1000 * (time.perf_counter() - began))
        ids.append([int(number) for _, number in hits])
    return {"cut": cut, "factor": factor, "times": times, "ids": ids}


if __name__ == "__main__":
    main()
