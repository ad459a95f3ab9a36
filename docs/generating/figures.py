"""Drawings as a part of the page, so that they have its colors, light or dark."""

from __future__ import annotations

import re
from pathlib import Path

_DRAWING = re.compile(r"^!\[([^\]]*)\]\(([^()\s]+\.svg)\)$", re.MULTILINE)


def inline(markdown: str, folder: Path) -> str:
    """Replace each picture that is an SVG file of the page's folder by the drawing itself."""

    def drawing(found: re.Match[str]) -> str:
        file = folder / found[2]
        if not file.is_file():
            return found[0]
        return f"<figure>\n{file.read_text(encoding='utf-8').strip()}\n<figcaption>{found[1]}</figcaption>\n</figure>"

    return _DRAWING.sub(drawing, markdown)
