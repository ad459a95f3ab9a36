"""Peak memory of encoding, above the loaded model, in bytes: ``python -m benchmarks.encode_memory FOLDER WHICH …``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

PEAK_TEXTS = 64
PEAK_LENGTH = 256


def main(folder: str, backend: str, precision: str) -> None:
    # Special tokens included.
    texts = [" ".join(["word"] * (PEAK_LENGTH - 2 - at % 2)) + " x" * (at % 2) for at in range(PEAK_TEXTS)]
    if backend in {"torch", "onnx"}:
        from postings import Encoder

        encode = Encoder.load(folder, "cpu", backend, precision).encode_documents  # type: ignore[arg-type]
    else:
        from sentence_transformers import SparseEncoder

        encode = SparseEncoder(folder, device="cpu").encode_document  # type: ignore[assignment]
    encode(["a warm up"])
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts anew
    before = _memory("VmRSS")
    encode(texts)
    sys.stdout.write(f"{_memory('VmHWM') - before}\n")


def _memory(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))


if __name__ == "__main__":
    main(*sys.argv[1:])
