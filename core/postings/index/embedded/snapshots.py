"""Snapshots of embedded collections: a compressed tar archive with the files of the collection's folder."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import qdrant_edge as edge

from postings.errors import IndexCorrupt, IndexRejected, InvalidInput
from postings.index.embedded.errors import edge_errors
from postings.index.embedded.files import pack, unpack
from postings.index.embedded.folder import RECORD, check_disk_space, models_of
from postings.whole_files import Progress, whole_file


def write_snapshot(copy_to: Callable[[Path], None], collection: Path, file: Path, progress: Progress) -> None:
    """Write a snapshot.

    Args:
        copy_to: copies the collection to a new folder; writers wait only meanwhile.
        collection: the collection's folder.
        file: where to write.
        progress: called with bytes read, and their total.

    Raises:
        OutputLost: ``file`` can't be written.
        StorageFull: the disk of the index is too full for a copy of the collection.
    """
    with temporary_folder(collection.parent, "snapshot") as folder, whole_file(file) as output:
        copy_to(folder / collection.name)
        pack(folder / collection.name, RECORD, output, progress)


def read_snapshot(file: Path, folder: Path, progress: Progress) -> None:
    """Extract a snapshot into an existing folder, and check that it is a collection that can be opened.

    Raises:
        InvalidInput: ``file`` isn't a snapshot of an embedded collection, or is damaged.
        StorageFull: the disk is too full.
    """
    try:
        check_disk_space(folder, file.stat().st_size)
        with edge_errors(str(folder.parent)):
            unpack(file, RECORD, folder, progress)
        models_of(folder)
        with edge_errors(str(file), otherwise=IndexCorrupt):
            edge.EdgeShard.load(str(folder / "shard")).close()
    except IndexCorrupt as error:
        raise InvalidInput(f"{file} isn't a snapshot of an embedded collection, or is damaged: {error}") from error


def check_file(file: Path) -> None:
    """Raise :class:`InvalidInput` if there is no file to restore from."""
    if not file.is_file():
        raise InvalidInput(f"there is no file {file}")


@contextmanager
def temporary_folder(root: Path, purpose: str) -> Iterator[Path]:
    """A folder in the index folder for a collection that isn't complete; deleted at the end.

    Raises:
        IndexRejected: it can't be created.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=f".{purpose}-", dir=root))
    except OSError as error:
        raise IndexRejected(f"{root}: can't create a folder: {error.strerror or error}") from error
    try:
        folder.chmod(0o755)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
