"""HTML: the visible text, with one line per paragraph, and the page's title."""

from __future__ import annotations

import codecs
import re
from typing import Any

from postings.errors import InvalidDocument

_HIDDEN = {"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "title", "select", "datalist"}
_LINES = {
    *("address", "article", "aside", "blockquote", "body", "br", "dd", "details", "dialog", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr"),
    *("html", "legend", "li", "main", "menu", "nav", "ol", "p", "pre", "section", "summary", "table"),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
"""Elements that begin and end a line; others, such as ``b`` and ``a``, are within one."""
_ENDS = {
    "p": _LINES - {"br"},
    "li": {"li"},
    "dt": {"dt", "dd"},
    "dd": {"dt", "dd"},
    "tr": {"tr", "tbody", "tfoot"},
    "td": {"td", "th", "tr", "tbody", "tfoot"},
    "th": {"td", "th", "tr", "tbody", "tfoot"},
}
"""Elements that need no end tag, with the elements whose start tags end them; the parser nests the latter inside."""
MAX_TAGS = 500_000
"""The most tags of a page: the longest text has one for 8 characters. Each takes the parser 25 µs and 0.7 kB."""
_TAG = re.compile("<[a-zA-Z/!?]")
_NOT_DISPLAYED = re.compile(r"(?:^|;)\s*display\s*:\s*none\s*(?:!\s*important\s*)?(?:;|$)", re.IGNORECASE)


def parse_html(content: bytes) -> tuple[str, str | None]:
    r"""Extract a page's text, and its title from ``<title>``, or else from the first ``<h1>``.

    The encoding comes from the byte order mark, or else from the page's declaration if it is known, or else is UTF-8.

    Raises:
        UnicodeDecodeError: the bytes aren't in this encoding.
        InvalidDocument: there are too many tags.

    Example:
        >>> parse_html(b"<title>Lions</title><p>A lion<b>ess</b> hunts.<p>It sleeps.")
        ('A lioness hunts.\nIt sleeps.', 'Lions')
    """
    import warnings

    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "XHTML parsed as HTML", "looks like a URL"
        page = BeautifulSoup(_checked(_decoded(content)), "html.parser")
    own = (element for element in page.find_all("title") if element.find_parent(["svg", "math"]) is None)
    titles = (_text(element) for element in (next(own, None), _heading(page)) if element is not None)
    return _text(page), next(filter(None, titles), None)


def _checked(markup: str) -> str:
    """The markup without a tag that never ends, which browsers leave out, and the parser looks for again and again."""
    tags = markup.count("<")
    if tags > MAX_TAGS:
        raise InvalidDocument(f"the page has {tags:,} tags, and {MAX_TAGS:,} is the most that is read")
    unfinished = _TAG.search(markup, markup.rfind(">") + 1)
    return markup[: unfinished.start()] if unfinished else markup


def _decoded(content: bytes) -> str:
    from bs4.dammit import EncodingDetector

    bare, encoding = EncodingDetector.strip_byte_order_mark(content)
    if encoding is None:
        encoding = EncodingDetector.find_declared_encoding(bare, is_html=True) or "utf-8"
        try:
            name = codecs.lookup(encoding).name
        except LookupError:
            name = encoding = "utf-8"
        # As browsers do: ignore an unknown encoding, read ASCII and Latin-1 as Windows-1252, their superset, and don't
        # believe in UTF-16 if the declaration could be read as ASCII.
        encoding = "cp1252" if name in ("ascii", "iso8859-1") else "utf-8" if name.startswith("utf-16") else encoding
    return bare.decode(encoding)


def _is_hidden(element: Any) -> bool:
    """Whether an element is invisible by its own tag and attributes; style sheets are ignored."""
    if element.name in ("html", "body"):
        return False  # if the whole page is hidden, its script shows it
    if element.name in _HIDDEN or element.get("hidden", "until-found").lower() != "until-found":
        return True
    return _NOT_DISPLAYED.search(element.get("style") or "") is not None


def _heading(page: Any) -> Any:
    """The first visible ``<h1>``."""
    from bs4 import Tag

    waiting: list[Any] = [page]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Tag):
            hidden = _is_hidden(node)
            if node.name == "h1" and not hidden:
                return node
            waiting += reversed(_behind(node) if hidden else node.contents)
    return None


def _behind(element: Any) -> list[Any]:
    """The nodes that the parser nested inside an element although it ended before them."""
    ends = _ENDS.get(element.name, set())
    waiting = list(reversed(element.contents)) if ends else []
    while waiting:
        node = waiting.pop()
        if node.name in ends:
            return [node, *reversed(waiting)]
        if node.name in _ENDS:
            waiting += reversed(node.contents)
    return []


def _text(element: Any) -> str:
    """The text of an element. White space becomes one space, except in ``<pre>``; each block has its own lines."""
    from bs4 import Tag
    from bs4.element import PreformattedString

    lines = [""]
    waiting: list[Any] = [(element, False)]
    while waiting:
        node, as_it_is = waiting.pop()
        if node is None:
            lines.append("")
        elif isinstance(node, Tag):
            if node is not element and _is_hidden(node):
                waiting += [(child, as_it_is) for child in reversed(_behind(node))]
                continue
            if node.name in _LINES:
                lines.append("")
                waiting.append((None, False))
            inside = as_it_is or node.name in ("pre", "textarea")
            waiting += [(child, inside) for child in reversed(node.contents)]
        elif not isinstance(node, PreformattedString):  # comments, declarations
            first, *others = str(node).split("\n") if as_it_is else [re.sub(r"\s+", " ", node)]
            lines[-1] += first
            lines += others
    return "\n".join(line for each in lines if (line := each.strip(" \t\r\n")))
