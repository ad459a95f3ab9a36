"""Rejected records: counts them, shows the first few, and writes all of them to a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Self

from postings_cli.console import SHOWN, say
from postings_cli.outputs import OutputFile
from postings_ingest import Rejection


class Rejected:
    """Counts rejections, shows the first few, and writes all of them to a file.

    If the command fails, an existing file is kept, unless there are new rejections.
    """

    def __init__(self, path: Path | None) -> None:
        self.count = 0
        self._path = path
        self._file: OutputFile | None = None

    def __enter__(self) -> Self:
        if self._path is not None:
            self._file = OutputFile("--rejects", self._path)
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if self.count > SHOWN:
            hint = "; --rejects FILE writes all to a file" if self._path is None else ""
            say(f"… and {self.count - SHOWN:,} more rejected{hint}")
        if self._file is not None:
            if kind is None or self.count:
                self._file.keep()
            else:
                self._file.drop()

    def __call__(self, rejection: Rejection) -> None:
        """Take a rejection."""
        self.count += 1
        if self._file is not None:
            self._file.write(json.dumps(rejection.to_json(), ensure_ascii=False) + "\n")
            self._file.flush()
        if self.count <= SHOWN:
            place = f"{rejection.file}:{rejection.line}" if rejection.line else rejection.file
            say(f"rejected {place}: {rejection.reason}")
