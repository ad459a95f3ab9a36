"""Finding a model's folder: bundled with the package, anywhere on disk, or downloaded from the Hugging Face hub."""

from __future__ import annotations

from pathlib import Path

from postings.errors import MissingExtra, ModelNotFound, ModelNotSupported, first_line
from postings.hub import is_hub_id

BUNDLED = Path(__file__).parents[2] / "models"
"""The models in the package, a folder each."""

# The only weights are safetensors: other formats can run code when they are read.
_DOWNLOADED = [
    *("*.json", "*.safetensors", "*.txt", "*.model", "*.tiktoken", "*.jinja"),
    *("*onnx/transformer*.onnx", "*onnx/dense.onnx", "*onnx/screen.onnx", "*onnx/selected.onnx"),
]


def model_name(model: str | Path) -> str:
    """The name or path that a model was asked for by; a ``Path`` is a folder, also one with a bundled model's name.

    Example:
        >>> model_name("tiny"), model_name(Path("./tiny")), model_name(Path("models/tiny"))
        ('tiny', './tiny', 'models/tiny')
    """
    return f"./{model}" if isinstance(model, Path) and _is_bundled(str(model)) else str(model)


def model_folder(model: str) -> Path:
    """Find a model's folder; download it if ``model`` is a hub id.

    Args:
        model: a bundled name (``tiny``), a folder that sentence-transformers saved, or a hub id ``owner/name``. Of a
            folder called ``tiny``, the path is ``./tiny``.

    Raises:
        ModelNotFound: there is no such model.
        ModelNotSupported: the folder has no safetensors weights.
        MissingExtra: ``model`` is a hub id, and huggingface-hub isn't installed.

    Example:
        >>> model_folder("tiny").name
        'tiny'
    """
    folder = Path(model).expanduser()
    if _is_bundled(model):
        folder = BUNDLED / model
    elif not folder.is_dir():
        folder = _download(model)
    if not (folder / "config.json").is_file() and not (folder / "modules.json").is_file():
        raise ModelNotFound(f"{folder} isn't a model folder: it has neither modules.json nor config.json")
    if not any(folder.rglob("*.safetensors")):
        raise no_weights(folder)
    return folder


def lasting_name(model: str) -> str:
    """The name by which a model is found from any working folder: that of a folder is its absolute path.

    Example:
        >>> lasting_name("tiny")
        'tiny'
    """
    folder = Path(model).expanduser()
    if _is_bundled(model) or not folder.is_dir():
        return model
    return str(folder.resolve())


def _is_bundled(model: str) -> bool:
    # The bare name only: "./tiny" is the user's folder, and joined with ours it would be the bundled model.
    return model in _bundled()


def _bundled() -> list[str]:
    return sorted(path.name for path in BUNDLED.iterdir() if (path / "config.json").is_file())


def no_weights(folder: Path) -> ModelNotSupported:
    """The error for a folder without safetensors weights."""
    return ModelNotSupported(f"{folder} has no *.safetensors weights: Postings loads no other format")


def _download(model: str) -> Path:
    expected = f"expected a bundled model ({', '.join(_bundled())}), a folder, or a Hugging Face hub id (owner/name)"
    if not is_hub_id(model):
        raise ModelNotFound(f"there is no model {model!r}: {expected}")
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtra("torch", f"downloading the model {model!r}") from error
    try:
        return Path(snapshot_download(model, allow_patterns=_DOWNLOADED))
    except Exception as error:  # the client raises its own errors, those of httpx and of the OS
        reason = first_line(error).removeprefix("Got: ")
        raise ModelNotFound(
            f"there is no folder {model!r}, and the hub didn't provide this model ({reason}): {expected}"
        ) from error
