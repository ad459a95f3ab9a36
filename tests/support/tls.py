"""Certificates of the tests' own, for servers that speak TLS."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")


@dataclass(frozen=True)
class Certificate:
    """Of a server, with its key, and of the authority that signed it."""

    file: Path
    key: Path
    ca: Path


def certificate(folder: Path, name: str) -> Certificate:
    """Make an authority, and a server's certificate for a name, such as ``DNS:localhost``, or several with commas."""
    made = Certificate(folder / "server.crt", folder / "server.key", folder / "ca.crt")
    ca_key, request, names = folder / "ca.key", folder / "server.csr", folder / "names"
    names.write_text(f"subjectAltName={name}\n")
    _openssl("req", "-x509", *_KEY, "-subj", "/CN=Tests' authority", "-keyout", ca_key, "-out", made.ca)
    _openssl("req", *_KEY, "-subj", "/CN=Tests' server", "-keyout", made.key, "-out", request)
    signed = ("-CA", made.ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", names)
    _openssl("x509", "-req", "-in", request, *signed, "-out", made.file)
    return made


def _openssl(*arguments: str | Path) -> None:
    try:
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
    except FileNotFoundError:
        pytest.skip("no openssl to make a certificate with")
