"""Failed exports, recorded in the cache so that they aren't tried again each time the model is loaded."""

from __future__ import annotations

import json
import logging
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from postings.encoder.cache import write_json

log = logging.getLogger(__name__)

# Other versions of these may be able to export the model.
_PACKAGES = (
    *("postings", "torch", "transformers", "sentence-transformers", "tokenizers"),
    *("onnx", "onnxscript", "onnxruntime", "onnxruntime-gpu"),
)


def read_failure(graphs: Path, precision: str) -> str | None:
    """Why the export to a folder failed with the packages installed now; ``None`` if it wasn't tried or didn't fail."""
    try:
        record = json.loads(_file(graphs, precision).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("versions") != _versions():
        return None
    return str(record.get("reason"))


def record_failure(graphs: Path, precision: str, reason: str) -> None:
    """Record that the export to a folder failed, if the folder can be written to."""
    file = _file(graphs, precision)
    try:
        write_json(file, {"reason": reason, "versions": _versions()})
    except OSError as error:
        log.debug("the failed export can't be recorded in %s: %s", file, error)


def _file(graphs: Path, precision: str) -> Path:
    return graphs / f"refused-{precision}.json"


def _versions() -> dict[str, str | None]:
    return {package: _version(package) for package in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
