"""Files that get their name when they are whole."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TypeAlias

from postings.errors import OutputLost

Progress: TypeAlias = Callable[[int, int], object]
"""Called with how much is done, and the total; 0 if it isn't known."""


def no_progress(done: int, total: int) -> None:
    """Do nothing: the default of functions that report their progress."""


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Write a file beside its name; it replaces the file of this name at the end, or is deleted after an error.

    Raises:
        OutputLost: the file can't be written, or what has its name isn't a file: a folder, or a device such as
            ``/dev/null``, which would be replaced.

    Example:
        >>> with whole_file(Path("new.bin")) as file:
        ...     _ = file.write(b"whole")
        >>> Path("new.bin").read_bytes()
        b'whole'
    """
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OutputLost(f"{path} can't be written: it isn't a file")
    partial = target.with_name(f".{target.name[:60]}.{uuid.uuid4().hex[:12]}.partial")
    try:
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise OutputLost(f"{path} can't be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)
