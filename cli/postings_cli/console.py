"""Where the commands print: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from typing import Any

from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
err = Console(highlight=False, soft_wrap=True, stderr=True)

_CONTROLS = {code: "\N{REPLACEMENT CHARACTER}" for code in [*range(32), *range(127, 160)] if chr(code) not in "\n\t"}


def printable(text: str) -> str:
    """Make a stored text safe for a terminal: control characters could move the cursor or change its colours."""
    return text.translate(_CONTROLS)


def print_json(data: Any) -> None:
    """Print one JSON value to stdout, the same on a terminal and in a pipe."""
    sys.stdout.write(json.dumps(data, ensure_ascii=False, indent=2) + "\n")
