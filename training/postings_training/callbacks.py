"""The callback that long operations report their progress to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

OnProgress: TypeAlias = Callable[[str, int, int], None]
"""Called with the name of the operation, the number of items done, and their total, 0 if that isn't known."""
