"""Copying the files of an embedded collection, and putting them into an archive.

The engine reserves space: a small collection has files of 200 MB that are almost only holes. Blocks of zeros are
therefore skipped when files are written, and compressed in an archive.
"""

from __future__ import annotations

import gzip
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from postings.errors import InvalidInput
from postings.whole_files import Progress

_BLOCK = 2**16
_ZEROS = bytes(_BLOCK)


def copy_folder(source: Path, target: Path) -> None:
    """Copy the files of a folder to a new folder."""
    target.mkdir()
    for path in sorted(source.rglob("*")):
        copied = target / path.relative_to(source)
        if path.is_dir():
            copied.mkdir()
        else:
            with path.open("rb") as file:
                _write(_blocks(file), copied)


def pack(folder: Path, first: str, output: IO[bytes], progress: Progress) -> None:
    """Write the files of a folder as a compressed tar archive that begins with the file ``first``."""
    paths = [folder / first, *sorted(path for path in folder.rglob("*") if path != folder / first)]
    total = sum(path.stat().st_size for path in paths)
    done = 0
    with (
        gzip.GzipFile(fileobj=output, mode="wb", compresslevel=1, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|") as archive,
    ):
        for path in paths:
            archive.add(path, str(path.relative_to(folder)), recursive=False)
            done += path.stat().st_size
            progress(done, total)


def unpack(file: Path, first: str, folder: Path, progress: Progress) -> None:
    """Extract an archive that :func:`pack` wrote into an existing folder; only files and folders inside of it.

    Raises:
        InvalidInput: this isn't such an archive, or it is damaged.
        OSError: a file can't be read or written.
    """
    total = file.stat().st_size
    try:
        with file.open("rb") as raw, gzip.GzipFile(fileobj=raw) as compressed:
            with tarfile.open(fileobj=compressed, mode="r|") as archive:
                for number, member in enumerate(archive):
                    if number == 0 and member.name != first:
                        raise InvalidInput(f"{file} isn't a snapshot of an embedded collection")
                    _extract(archive, member, folder)
                    progress(raw.tell(), total)
            # The checksum is at the end.
            while compressed.read(2**20):
                pass
        progress(total, total)
    except gzip.BadGzipFile as error:  # its message may show the file's first bytes
        raise InvalidInput(f"{file} isn't a snapshot of an embedded collection, or is damaged") from error
    except (EOFError, zlib.error, tarfile.TarError) as error:
        raise InvalidInput(f"{file} isn't a snapshot of an embedded collection, or is damaged: {error}") from error


def _extract(archive: tarfile.TarFile, member: tarfile.TarInfo, folder: Path) -> None:
    name = PurePosixPath(member.name)
    content = archive.extractfile(member) if member.isfile() else None
    if name.is_absolute() or ".." in name.parts or not (content or member.isdir()):
        raise tarfile.ExtractError(f"{member.name!r:.100} isn't a file in the folder of a collection")
    if content is None:
        (folder / name).mkdir(exist_ok=True)
    else:
        _write(_blocks(content), folder / name)


def _blocks(file: IO[bytes]) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _write(blocks: Iterator[bytes], target: Path) -> None:
    size = 0
    with target.open("xb") as written:
        for block in blocks:
            size += len(block)
            if block == _ZEROS[: len(block)]:
                written.seek(size)
            else:
                written.write(block)
        written.truncate(size)
