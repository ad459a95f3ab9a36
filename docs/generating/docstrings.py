"""Docstrings as Markdown: roles such as ``:class:`.Document``` become code letters, and an example a block of code."""

from __future__ import annotations

import re
from typing import Any

import griffe

_ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc):`[.~]?([^`]+)`")
_LITERAL = re.compile(r"``([^`]+)``")
_EXAMPLE = re.compile(r"^( *)Example:$", re.MULTILINE)


class PlainDocstrings(griffe.Extension):
    """Rewrites each docstring when it is read."""

    def on_instance(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rewrite one object's docstring."""
        if obj.docstring is not None:
            text = _ROLE.sub(r"`\1`", obj.docstring.value)
            text = _LITERAL.sub(r"`\1`", text)
            obj.docstring.value = _EXAMPLE.sub(r"\1Examples:", text)
