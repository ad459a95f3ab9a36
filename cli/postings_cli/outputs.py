"""Files that commands write: never one of their inputs, and under their name only when they are whole."""

from __future__ import annotations

import gzip
import os
import shutil
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self, TextIO

from postings import Settings
from postings.errors import ReaderError

_UNWRITTEN = (".bz2", ".xz", ".zip", ".zst")


def refuse_inputs(
    option: str, output: Path, inputs: Iterable[str | Path], settings: Settings, *, folder: bool = False
) -> None:
    """Refuse to write what is read: that would destroy it, or the next run would read what this one wrote.

    Args:
        option: that named the output, for the message.
        output: what is written; it needn't be there yet.
        inputs: files and folders that are read, ``-`` for standard input. What isn't there is no input.
        settings: of the command: their files, the model's folder and the index are inputs too.
        folder: the output is a folder, which gets files of its own names.

    Raises:
        ReaderError: the output is an input, by whatever name or link, or a file in a folder that is read.
    """
    place, same = Path(os.path.realpath(output)), _identity(output)
    for read in map(str, [*inputs, *_named_by(settings)]):
        if read == "-":
            if same is not None and same == _standard_input():
                raise ReaderError(f"{option} {output} is what standard input is read from: name another file")
            continue
        source = Path(os.path.realpath(read))
        if not source.exists():
            continue
        if place == source or (same is not None and same == _identity(source)):
            raise ReaderError(f"{option} {output} is {read}, which is read: name another place")
        inside = source in place.parents or (same is not None and same in _below(source))
        if not folder and inside:
            raise ReaderError(f"{option} {output} is in {read}, which is read: name another place")


def check_place(option: str, output: Path) -> None:
    """Check before long work that the folder of an output is there, and that its name asks for no other compression.

    Raises:
        ReaderError: it isn't, or it does.
    """
    _check_name(option, output)
    folder = Path(os.path.realpath(output)).parent
    if not folder.is_dir():
        raise ReaderError(f"{option} {output} can't be written: there is no folder {folder}")


def _check_name(option: str, output: Path) -> None:
    if output.suffix in _UNWRITTEN:
        raise ReaderError(f"{option} {output} can't be written: only .gz is compressed; give it another name")


class OutputFile:
    """A text file that is written beside its name and takes it when it is whole: as a context, or by :meth:`keep`.

    What stood there before stays until then, also if the command fails. A link stays one; what is no regular file,
    such as ``/dev/null`` or a pipe, is written as it is, and so is what standard output or error goes to. A regular
    file called ``.gz`` is compressed, because whoever reads it expects that.

    Args:
        option: that named the file, for messages.
        path: the file.

    Raises:
        ReaderError: it can't be written.
    """

    def __init__(self, option: str, path: Path) -> None:
        _check_name(option, path)
        self._named = f"{option} {path}"
        self._target = Path(os.path.realpath(path))
        stream = _stream_to(self._target)
        special = stream is not None or (self._target.exists() and not self._target.is_file())
        self._partial = None if special else self._target.with_name(f".{self._target.name[:60]}.{os.getpid()}.partial")
        with self._reported():
            self._file: TextIO = self._opened(stream, compressed=path.suffix == ".gz")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *exc_info: object) -> None:
        if kind is None:
            self.keep()
        else:
            self.drop()

    def write(self, text: str) -> None:
        """Append to the file."""
        with self._reported():
            self._file.write(text)

    def flush(self) -> None:
        """Bring to the disk's file what was written."""
        with self._reported():
            self._file.flush()

    def keep(self) -> None:
        """End the file, and give it its name."""
        try:
            with self._reported():
                self._file.close()
                if self._partial is not None:
                    with suppress(OSError):
                        shutil.copymode(self._target, self._partial)
                    self._partial.replace(self._target)
        except ReaderError:
            self.drop()
            raise

    def drop(self) -> None:
        """Leave what stood there before."""
        with suppress(OSError):
            self._file.close()
        if self._partial is not None:
            self._partial.unlink(missing_ok=True)

    def _opened(self, stream: int | None, *, compressed: bool) -> TextIO:
        if stream is not None:
            return os.fdopen(os.dup(stream), "w", encoding="utf-8")
        if self._partial is None:
            return self._target.open("w", encoding="utf-8")
        # A new file: whatever bears this name already isn't ours to empty.
        if compressed:
            return gzip.open(self._partial, "xt", encoding="utf-8")
        return self._partial.open("x", encoding="utf-8")

    @contextmanager
    def _reported(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ReaderError(f"{self._named} can't be written: {error.strerror or error}") from error


@contextmanager
def output_folder(option: str, folder: Path) -> Iterator[Path]:
    """A folder to write files to, which are moved to the folder that was named when all of them are whole.

    Raises:
        ReaderError: it can't be written.
    """
    target = Path(os.path.realpath(folder))
    partial = target.with_name(f".{target.name[:60]}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        target.mkdir(exist_ok=True)
        for file in partial.iterdir():
            file.replace(target / file.name)
    except OSError as error:
        raise ReaderError(f"{option} {folder} can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """A new folder to write to, which takes its name when it is whole; after an error, there is none.

    Raises:
        ReaderError: it can't be written, or there is one of this name, which isn't empty.
    """
    target = Path(os.path.realpath(folder))
    if os.path.lexists(target) and not (target.is_dir() and not any(target.iterdir())):
        raise ReaderError(f"{folder} is there already: name a new folder, or delete it first")
    partial = target.with_name(f".{target.name[:60]}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(target)
    except OSError as error:
        raise ReaderError(f"{folder} can't be written: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _named_by(settings: Settings) -> Iterator[str | Path]:
    """The places that settings are read from, and those that they name."""
    yield from map(str, (Settings.model_config.get("toml_file"), Settings.model_config.get("env_file")))
    yield Path(settings.model).expanduser()
    if settings.index_folder is not None:
        yield from (settings.index_folder, settings.index_folder / settings.collection)
    yield from filter(None, (settings.index_ca, settings.redis_ca))


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    # Every command may write to the same terminal or null device that it reads.
    return (found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode) else None


def _standard_input() -> tuple[int, int] | None:
    try:
        return _place_of(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):
        return None


def _stream_to(path: Path) -> int | None:
    """The number of standard output or error, if that is where it goes: replaced, the rest of it would be lost."""
    same = _identity(path)
    for stream in (1, 2):
        with suppress(OSError):
            if same is not None and same == _place_of(stream):
                return stream
    return None


def _place_of(descriptor: int) -> tuple[int, int]:
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino


def _below(folder: Path) -> Iterator[tuple[int, int] | None]:
    for path, _, names in os.walk(folder):
        yield from (_identity(Path(path, name)) for name in names)
