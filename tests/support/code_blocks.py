"""The code blocks of the documentation: what each is, whether it runs, and what its commands are.

A block of ``sh`` or ``python`` runs. One that can't has the reason above it: ``<!-- not run: it needs a server -->``.
Each line of a block below ``<!-- output -->`` is one that the block before it printed.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
    *sorted(ROOT.glob("deploy/*.md")),
    *sorted(ROOT.glob("skills/*/SKILL.md")),
]

_FENCE = re.compile(
    r"(?:^[ ]*<!-- (?:not run: (?P<reason>[^\n]+?)|(?P<output>output)) -->\n+)?"
    r"^(?P<indent>[ ]*)```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^[ ]*```[ ]*$",
    re.DOTALL | re.MULTILINE,
)
_HEREDOC = re.compile(r"<<\s*'?(\w+)'?.*?\n.*?^\1$", re.DOTALL | re.MULTILINE)
_ENDS = set(";|&()\n")


@dataclass(frozen=True, slots=True)
class Block:
    """A block of code.

    Attributes:
        page: its file.
        line: of the page, where it begins.
        language: as it is named.
        code: without indentation.
        reason: why it isn't run; ``None`` if it is.
        output: whether it shows what the block before it prints.
    """

    page: Path
    line: int
    language: str
    code: str
    reason: str | None
    output: bool

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def runs(self) -> bool:
        return self.language in {"sh", "python"} and self.reason is None


def blocks_of(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for match in _FENCE.finditer(text):
        indent = len(match["indent"])
        code = "".join(line[indent:] if line.strip() else line for line in match["code"].splitlines(keepends=True))
        line = text.count("\n", 0, match.start("language")) + 1
        found.append(Block(page, line, match["language"], code, match["reason"], bool(match["output"])))
    return found


def commands(code: str) -> Iterator[list[str]]:
    """The words of each simple command of a shell script, without what heredocs hold.

    Example:
        >>> list(commands("FOO=1 a 'b c' | d &  # e"))
        [['FOO=1', 'a', 'b c'], ['d']]
    """
    script = _HEREDOC.sub("", code).replace("\\\n", " ")
    for line in _logical_lines(script):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&()<>")
        lexer.whitespace_split = True
        lexer.commenters = "#"
        words: list[str] = []
        for word in lexer:
            if set(word) <= _ENDS:
                if words:
                    yield words
                words = []
            else:
                words.append(word)
        if words:
            yield words


def _logical_lines(script: str) -> Iterator[str]:
    """Lines, or several where a quotation goes over their ends."""
    pending = ""
    for line in script.splitlines():
        pending += line
        try:
            shlex.split(pending, comments=True)
        except ValueError:
            pending += "\n"
            continue
        yield pending
        pending = ""


def of_postings(code: str) -> Iterator[list[str]]:
    """The arguments of each ``postings`` command, whatever starts it."""
    for words in commands(code):
        if "--" in words:  # what stands after it is what another program starts
            words = words[words.index("--") + 1 :]
        for at, word in enumerate(words if words[0] != "pip" else ()):
            if word == "postings" and (at == 0 or not words[at - 1].startswith("-")):
                arguments = words[at + 1 :]
                if "<" in arguments or ">" in arguments:
                    arguments = arguments[: min(arguments.index(each) for each in "<>" if each in arguments)]
                yield arguments
                break
