"""HTML: the text that a reader sees, a line for each paragraph, and the page's title."""

from __future__ import annotations

import codecs
import re
from typing import Any

_UNSEEN = {"script", "style", "template", "noscript", "svg", "math", "iframe", "object", "title"}
_LINES = {
    *("address", "article", "aside", "blockquote", "body", "br", "dd", "details", "dialog", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr"),
    *("html", "legend", "li", "main", "menu", "nav", "ol", "option", "p", "pre", "section", "summary", "table"),
    *("tbody", "td", "tfoot", "th", "thead", "tr", "ul"),
}
"""Elements that begin and end a line; others, such as ``b`` and ``a``, stand within one."""


def parse_html(content: bytes) -> tuple[str, str | None]:
    r"""Give the text of a page and its title: that of ``<title>``, else of the first ``<h1>``.

    The encoding is that of a byte order mark, else the one that the page declares, else UTF-8.

    Raises:
        UnicodeDecodeError: the bytes aren't in this encoding.
        LookupError: nobody knows the encoding.

    Example:
        >>> parse_html(b"<title>Lions</title><p>A lion<b>ess</b> hunts.<p>It sleeps.")
        ('A lioness hunts.\nIt sleeps.', 'Lions')
    """
    import warnings

    from bs4 import BeautifulSoup

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that XHTML is read as HTML, that a text looks like an address
        page = BeautifulSoup(_decoded(content), "html.parser")
    titles = (_text(element) for element in (page.title, page.h1) if element is not None)
    return _text(page), next(filter(None, titles), None)


def _decoded(content: bytes) -> str:
    from bs4.dammit import EncodingDetector

    bare, encoding = EncodingDetector.strip_byte_order_mark(content)
    if encoding is None:
        encoding = EncodingDetector.find_declared_encoding(bare, is_html=True) or "utf-8"
        name = codecs.lookup(encoding).name
        # As browsers do: what calls itself ASCII or Latin-1 is Windows' superset, and a page whose declaration could
        # be read as ASCII isn't UTF-16.
        encoding = "cp1252" if name in ("ascii", "iso8859-1") else "utf-8" if name.startswith("utf-16") else encoding
    return bare.decode(encoding)


def _text(element: Any) -> str:
    """The text of an element: white space is one space, but in ``<pre>``; each block has lines of its own."""
    from bs4 import Tag
    from bs4.element import PreformattedString

    lines = [""]
    waiting: list[Any] = [(element, False)]
    while waiting:
        node, as_it_is = waiting.pop()
        if node is None:
            lines.append("")
        elif isinstance(node, Tag):
            if node.name in _UNSEEN and node is not element:
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
