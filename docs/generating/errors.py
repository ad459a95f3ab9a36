"""The tree of errors, from :mod:`postings.errors`: what each means, whether to retry, and its name over HTTP."""

from __future__ import annotations

import re

from generating.tables import code, table
from postings import errors
from postings.errors import PostingsError


def page(argument: str = "") -> str:  # noqa: ARG001
    """The tree as it is drawn, and a table of its errors."""
    drawn = re.search(r"::\n\n(.*?)\n\n", errors.__doc__ or "", re.DOTALL)
    tree = drawn[1] if drawn else ""
    lines = "\n".join(line.removeprefix("    ") for line in tree.splitlines())
    rows = [
        [
            f'<a id="{each.__name__.lower()}"></a>{code(each.__name__)}',
            _plain((each.__doc__ or "").partition("\n")[0]),
            "yes" if each.retry else "no",
            ", ".join(code(base.__name__) for base in each.__bases__),
        ]
        for each in descendants(PostingsError)
    ]
    return f"```text\n{lines}\n```\n\n" + table(["error", "meaning", "retry", "is a"], rows)


def descendants(error: type[PostingsError]) -> list[type[PostingsError]]:
    """An error and all below it, in the order in which they are defined."""
    found = [error]
    for each in error.__subclasses__():
        if each.__module__ == errors.__name__:
            found += descendants(each)
    return found


def _plain(docstring: str) -> str:
    return re.sub(r":\w+:`\.?~?([^`]+)`", r"`\1`", docstring).replace("``", "`")
