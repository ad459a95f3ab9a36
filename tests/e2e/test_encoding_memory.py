"""What encoding holds, and what it does where memory is short."""

from __future__ import annotations

import random
import resource
import sys
from pathlib import Path

import pytest

from postings import Encoder
from postings.encoding_options import Backend
from tests.support.preloaded import result_of


def pages(field: int) -> int:
    """Bytes of this process: of addresses (0), or in memory (1)."""
    return int(Path("/proc/self/statm").read_text().split()[field]) * resource.getpagesize()


def encoded_short_of_memory(backend: Backend) -> tuple[list[float], int, int]:
    encoder = Encoder.load("tiny", "cpu", backend)
    texts = ["word " * 250] * 80
    expected = encoder.encode_documents(texts[:1])[0]
    passes = encoder._passes("document")
    passes.route.pass_size = 10**6
    resource.setrlimit(resource.RLIMIT_AS, (pages(0) + 64 * 2**20, resource.RLIM_INFINITY))
    differences = [vector.largest_difference(expected) for vector in encoder.encode_documents(texts)]
    return differences, passes.work.halvings, passes.route.pass_size


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_a_process_short_of_memory_encodes_in_smaller_passes(backend: Backend) -> None:
    differences, halvings, pass_size = result_of(encoded_short_of_memory, backend)
    assert len(differences) == 80
    assert max(differences) < 1e-4
    assert halvings > 0
    assert pass_size < 10**6


def held_after_400_texts(backend: Backend) -> int:
    """By how many bytes the process grows, after as many texts before."""
    # Lengths of all kinds, in another order each time: blocks of all sizes are freed, with vectors between them.
    encoder = Encoder.load("tiny", "cpu", backend)
    lengths = random.Random(3).choices(range(1, 60), k=800)
    words = ["lion", "guitar", "river", "a", "of"]
    texts = [" ".join(random.Random(n).choices(words, k=k)) for n, k in enumerate(lengths)]
    kept = [encoder.encode_documents(texts[start : start + 200]) for start in (0, 200)]
    before = pages(1)
    kept += [encoder.encode_documents(texts[start : start + 200]) for start in (400, 600)]
    return pages(1) - before


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory as Linux shows it")
@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_many_texts_leave_their_vectors_and_little_else(backend: Backend) -> None:
    """A row of the vocabulary for each text would be 49 MB."""
    assert result_of(held_after_400_texts, backend) < 24 * 2**20


def peak_and_rest_of_one_large_pass() -> tuple[int, int]:
    """By how many bytes the process grows during the pass, and what of it stays."""
    encoder = Encoder.load("tiny", "cpu", "onnx")
    texts = ["word " * 250] * 160
    encoder.encode_documents(texts[:16])
    before = pages(1)
    encoder._passes("document").route.pass_size = 10**6
    encoder.encode_documents(texts)
    status = Path("/proc/self/status").read_text().splitlines()
    peak = int(next(line.split()[1] for line in status if line.startswith("VmHWM"))) * 1024
    return peak - before, pages(1) - before


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory as Linux shows it")
def test_what_one_large_pass_took_is_given_back() -> None:
    peak, after = result_of(peak_and_rest_of_one_large_pass)
    assert peak > 100 * 2**20
    assert after < peak / 3
