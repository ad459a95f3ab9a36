"""Links of the repository's pages, which work in a checkout, made into links of the site."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_LINK = re.compile(r"(!?\[(?:[^\[\]]|\[[^\]]*\])*\])\(([^()\s]+)\)")
_FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)


def elsewhere(root: Path) -> Iterator[str]:
    """Pages and pictures outside of ``docs/`` that the site has too."""
    yield from ("CONTRIBUTING.md", "CHANGELOG.md", "deploy/README.md", "deploy/sizing.md")
    yield from (str(path.relative_to(root)) for path in sorted(root.glob("benchmarks/results/*.*")))
    yield "core/postings/models/NOTICE.md"


def for_site(markdown: str, place: Path, root: Path, pages: set[str]) -> tuple[str, list[str]]:
    """Rewrite the relative links of a page.

    A file that the site doesn't have, such as one of code, is named instead: there is nowhere to lead to.

    Args:
        markdown: the page.
        place: its file.
        root: the repository.
        pages: what the site has, by path.

    Returns:
        The page, and links to what isn't there.
    """
    dead = []
    here = _site_path(place, root)

    def rewritten(found: re.Match[str]) -> str:
        label, link = found.groups()
        path, mark, anchor = link.partition("#")
        if re.match(r"[a-z]+:", link) or not path:
            return found[0]
        target = Path(os.path.normpath(place.parent / path))
        if not target.exists():
            dead.append(link)
            return found[0]
        page = _site_path(target, root)
        if page == "README.md":
            page = "index.md"
        if page in pages:
            return f"{label}({os.path.relpath(page, Path(here).parent)}{mark}{anchor})"
        return label[1:-1] if "`" in label else f"`{target.relative_to(root)}`"

    parts, end = [], 0
    for fence in _FENCE.finditer(markdown):
        parts += [_LINK.sub(rewritten, markdown[end : fence.start()]), fence[0]]
        end = fence.end()
    parts.append(_LINK.sub(rewritten, markdown[end:]))
    return "".join(parts), dead


def _site_path(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix().removeprefix("docs/")
