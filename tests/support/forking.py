"""Processes that fork: what they and their children print."""

from __future__ import annotations

import os
import signal
import subprocess
import sys


def said_by(code: str, *arguments: str) -> list[str]:
    """Run Python code that forks; its lines. Should parent or child hang, both are killed and the test fails."""
    command = [sys.executable, "-W", "ignore", "-c", code, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            said, _ = process.communicate(timeout=120)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            raise
    return said.splitlines()
