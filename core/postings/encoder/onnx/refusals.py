"""Models that can't be exported: what was found out once, so that it isn't tried at each load."""

from __future__ import annotations

import json
import logging
import uuid
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

log = logging.getLogger(__name__)

# Another version of one of them may export what this one can't.
_PACKAGES = (
    *("postings", "torch", "transformers", "sentence-transformers", "tokenizers"),
    *("onnx", "onnxscript", "onnxruntime", "onnxruntime-gpu"),
)


def read_refusal(graphs: Path, precision: str) -> str | None:
    """Why a model couldn't be exported to a folder, with the packages that are installed now; ``None`` if it could."""
    try:
        noted = json.loads(_file(graphs, precision).read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(noted, dict) or noted.get("versions") != _versions():
        return None
    return str(noted.get("reason"))


def note_refusal(graphs: Path, precision: str, reason: str) -> None:
    """Keep that a model can't be exported, where there is room for it."""
    file = _file(graphs, precision)
    try:
        graphs.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(f".{uuid.uuid4().hex}")
        partial.write_text(json.dumps({"reason": reason, "versions": _versions()}, indent=1) + "\n", encoding="utf-8")
        partial.replace(file)
    except OSError as error:
        log.debug("can't keep in %s that the model can't be exported: %s", file, error)


def _file(graphs: Path, precision: str) -> Path:
    return graphs / f"refused-{precision}.json"


def _versions() -> dict[str, str | None]:
    return {package: _version(package) for package in _PACKAGES}


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
