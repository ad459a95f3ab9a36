"""What encoding holds, and what it does where memory is short."""

from __future__ import annotations

import subprocess
import sys

import pytest

HELD = """
import random, resource, sys
from postings import Encoder

def held():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits the address space as Linux does")
@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_a_process_short_of_memory_encodes_in_smaller_passes(backend: str) -> None:
    code = """
import resource, sys
from pathlib import Path
from postings import Encoder
encoder = Encoder.load("tiny", "cpu", sys.argv[1])
texts = ["word " * 250] * 200
expected = encoder.encode_documents(texts[:1])[0]
passes = encoder._passes("document")
passes.route.pass_size = 10**6
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + 64 * 2**20, resource.RLIM_INFINITY))
differences = [vector.largest_difference(expected) for vector in encoder.encode_documents(texts)]
print(len(differences), max(differences) < 1e-4, passes.work.halvings > 0, passes.route.pass_size < 10**6)
"""
    ran = subprocess.run([sys.executable, "-c", code, backend], capture_output=True, text=True, check=False)
    assert ran.stdout == "200 True True True\n", ran.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory as Linux shows it")
@pytest.mark.parametrize("backend", ["onnx", "torch"])
def test_many_texts_leave_their_vectors_and_little_else(backend: str) -> None:
    # Lengths of all kinds, in another order each time: blocks of all sizes are freed, with vectors between them.
    code = f"""{HELD}
encoder = Encoder.load("tiny", "cpu", sys.argv[1])
lengths = random.Random(3).choices(range(1, 120), k=1600)
texts = [" ".join(random.Random(n).choices(["lion", "guitar", "river", "a", "of"], k=k)) for n, k in enumerate(lengths)]
kept = [encoder.encode_documents(texts[start : start + 400]) for start in (0, 400)]
before = held()
kept += [encoder.encode_documents(texts[start : start + 400]) for start in (800, 1200)]
print(held() - before)
"""
    ran = subprocess.run([sys.executable, "-c", code, backend], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 32 * 2**20


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory as Linux shows it")
def test_what_one_large_pass_took_is_given_back() -> None:
    code = f"""{HELD}
encoder = Encoder.load("tiny", "cpu", "onnx")
texts = ["word " * 250] * 160
encoder.encode_documents(texts[:16])
before = held()
encoder._passes("document").route.pass_size = 10**6
encoder.encode_documents(texts)
peak = int(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))) * 1024
print(peak - before, held() - before)
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    peak, after = map(int, ran.stdout.split())
    assert after < peak / 3
