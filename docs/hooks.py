"""What MkDocs asks while it builds the site: pages from elsewhere in the repository, and what the code says of itself.

A page in ``docs/reference/`` has a line such as ``<!-- generated: settings -->``: the table comes there, from the code
as it is, whenever the site is built. So it is never committed, and never out of date.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from generating import cli, errors, figures, http_api, json_output, links, plots, python, recipe, settings

ROOT = Path(__file__).parents[1]
# As warnings of `mkdocs`, they fail a strict build.
log = logging.getLogger("mkdocs.hooks.postings")

GENERATED: dict[str, Callable[[str], str]] = {
    "cli": cli.page,
    "errors": errors.page,
    "http": http_api.page,
    "json": json_output.page,
    "plot": plots.page,
    "python": python.page,
    "recipe": recipe.page,
    "settings": settings.page,
}

_MARK = re.compile(r"^<!-- generated: (\w+) ?(.*?) -->$", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the repository's other pages to those in ``docs/``, below the paths that they have there."""
    for path in links.elsewhere(ROOT):
        files.append(File.generated(config, path, abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001
    """Put in what is generated, and turn links into the repository into links of the site."""
    text = _MARK.sub(lambda found: GENERATED[found[1]](found[2]), markdown)
    inside = page.file.src_uri
    place = ROOT / (inside if (ROOT / inside).is_file() else f"docs/{inside}")
    text, dead = links.for_site(text, place, ROOT, {file.src_uri for file in files})
    text = figures.inline(text, place.parent)
    for link in dead:
        log.warning("%s: nothing is at %s", inside, link)
    return text
