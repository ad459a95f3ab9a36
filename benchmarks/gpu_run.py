"""What the parts of :mod:`benchmarks.gpu` share: the device with its clock and its memory, texts, models."""

from __future__ import annotations

import argparse
import os
import platform
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch

from benchmarks.gpu_results import Results
from postings.cards import Card, check_device

if TYPE_CHECKING:
    from sentence_transformers import SparseEncoder

_SPECIAL = 2  # tokens that BERT puts around a text


@dataclass(frozen=True, slots=True)
class Run:
    """One part's run.

    Attributes:
        dry: on the processor, with tiny sizes.
        results: where to write.
        ends: when the part must have ended, by ``time.monotonic``.
    """

    dry: bool
    results: Results
    ends: float

    @property
    def device(self) -> str:
        return "cpu" if self.dry else "cuda:0"

    @property
    def left(self) -> float:
        """Seconds that are left."""
        return self.ends - time.monotonic()

    def seconds(self, work: Callable[[], object], at_least: float = 0.5) -> float:
        """The median time of some work that was done once before; repeated for so many seconds."""
        work()
        taken: list[float] = []
        while not taken or (not self.dry and (len(taken) < 2 or sum(taken) < at_least)):
            self.wait()
            began = time.perf_counter()
            work()
            self.wait()
            taken.append(time.perf_counter() - began)
        return median(taken)

    def wait(self) -> None:
        """Wait until the card has done what it was told."""
        if not self.dry:
            torch.cuda.synchronize()

    def peak(self, work: Callable[[], object]) -> float | None:
        """The most memory of the card that some work needs, in MiB above what was in use."""
        if self.dry:
            work()
            return None
        torch.cuda.empty_cache()
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        work()
        return (torch.cuda.max_memory_allocated() - before) / 2**20


def loaded(folder: Path, device: str, dtype: str, attention: str = "sdpa") -> SparseEncoder:
    """A model of sentence-transformers."""
    from sentence_transformers import SparseEncoder

    kwargs = {"dtype": getattr(torch, dtype), "attn_implementation": attention}
    return SparseEncoder(str(folder), device=device, model_kwargs=kwargs, local_files_only=True).eval()


def texts_of(model: SparseEncoder, count: int, tokens: int, seed: int = 0) -> list[str]:
    """Texts of random words of one token each, so that each text has exactly so many tokens."""
    words = sorted(word for word in model.tokenizer.get_vocab() if word.isascii() and word.isalpha() and len(word) > 2)
    chosen = random.Random(seed)
    return [" ".join(chosen.choices(words, k=tokens - _SPECIAL)) for _ in range(count)]


def run_part(name: str, measure: Callable[[Run], None]) -> None:
    """Run a part in this process.

    Raises:
        ConfigurationError: there is no card.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.gpu_{name}")
    parser.add_argument("--out", type=Path, required=True, help="the file to which results are appended")
    parser.add_argument("--dry-run", action="store_true", help="on the processor, with tiny sizes")
    parser.add_argument("--seconds", type=float, default=600, help="after which nothing more is begun")
    arguments = parser.parse_args()
    results = Results(arguments.out)
    run = Run(arguments.dry_run, results, time.monotonic() + arguments.seconds)
    check_device(run.device)
    libraries = {name: version(name) for name in ("torch", "transformers", "sentence-transformers")}
    results.machine(
        on=str(Card.of(run.device) or f"a processor ({platform.machine()})"),
        cores=str(os.cpu_count()),
        Python=platform.python_version(),
        **libraries,
    )
    measure(run)
