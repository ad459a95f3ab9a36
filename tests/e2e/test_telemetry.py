"""Nothing is sent, looked up or written behind the user's back."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ENCODE = "from postings import Encoder; assert len(Encoder.load('tiny', 'cpu').encode_documents(['a lion'])[0])"


def environment(home: Path) -> dict[str, str]:
    """A new user's: nothing is said about telemetry, and every folder that a library might write to is empty."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    return {**kept, "HOME": str(home)}


def test_encoding_writes_no_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", ENCODE], env=environment(tmp_path), check=True)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace, which shows what a process asks of the system")
def test_encoding_opens_no_connection_and_looks_up_no_host(tmp_path: Path) -> None:
    # ONNX Runtime 1.32 would look its host up eight seconds after it was loaded.
    code = f"{ENCODE}; import time; time.sleep(12)"
    trace, home = tmp_path / "trace", tmp_path / "home"
    home.mkdir()
    command = ["strace", "-f", "-e", "trace=connect,sendto,sendmsg,openat", "-o", str(trace), sys.executable, "-c"]
    subprocess.run([*command, code], env=environment(home), check=True)
    called = trace.read_text()
    assert "onnxruntime" in called
    assert not re.findall(r"sa_family=AF_INET6?|/etc/(?:hosts|resolv\.conf)", called)
