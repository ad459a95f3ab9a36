"""Encoding in a process that is short of memory."""

from __future__ import annotations

import subprocess
import sys

import pytest


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
