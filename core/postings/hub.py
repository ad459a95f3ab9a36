"""Names of models and data sets on the Hugging Face hub."""

from __future__ import annotations


def is_hub_id(name: str) -> bool:
    """Whether a name has the form of a hub id, ``owner/name``, rather than that of a path.

    Example:
        >>> is_hub_id("sentence-transformers/NanoBEIR-en"), is_hub_id("./models/tiny"), is_hub_id("tiny")
        (True, False, False)
    """
    return name.count("/") == 1 and not name.startswith((".", "/", "~"))
