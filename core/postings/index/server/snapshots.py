"""Snapshots of collections on a server: a tar archive that Qdrant writes and reads, moved over REST.

qdrant-client can neither download a snapshot nor upload one, so the requests are sent with its HTTP library.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import tarfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

import httpx
from qdrant_client.http.exceptions import ResponseHandlingException, UnexpectedResponse

from postings.addresses import with_port
from postings.errors import ConfigurationError, IndexRejected, IndexUnavailable, InvalidInput, PostingsError
from postings.index.server.errors import index_error
from postings.secrets import redacted, safe_cause
from postings.settings import Settings
from postings.whole_files import Progress, whole_file

_PATIENCE = 3600.0  # seconds: a server answers only after it has written, or read, the whole snapshot
_CONFIG = "config.json"
_BLOCK = 2**20


def download(settings: Settings, file: Path, progress: Progress) -> None:
    """Have the server make a snapshot of the collection, write it to a file, and delete it on the server.

    Raises:
        IndexRejected: the server that answers doesn't hold all shards of the collection.
        OutputLost: ``file`` can't be written.
    """
    with whole_file(file) as output, _requests(settings) as send:
        _check_whole(send("GET", "/cluster", _result_with("local_shards")), settings.collection)
        made = send("POST", "/snapshots", _result_with("name"), params={"wait": "true"})
        path = f"/snapshots/{made['name']}"
        try:
            checksum = send("GET", path, lambda answer: _written(answer, output, progress))
        finally:
            with suppress(PostingsError):
                send("DELETE", path)
        if made.get("checksum") not in (None, checksum):
            raise IndexUnavailable(f"collection {settings.collection!r}: the snapshot was damaged on its way here")


def upload(settings: Settings, file: Path, progress: Progress) -> None:
    """Create the collection from a snapshot."""
    metadata = snapshot_metadata(file)
    with file.open("rb") as content, _requests(settings) as send:
        sent = cast("IO[bytes]", _Watched(content, file.stat().st_size, progress))
        send(
            "POST",
            "/snapshots/upload",
            params={"priority": "snapshot", "wait": "true"},
            files={"snapshot": (file.name, sent, "application/octet-stream")},
        )
        # A server that recovers a collection creates it without its metadata.
        send("PATCH", "", json={"metadata": metadata})


def snapshot_metadata(file: Path) -> Mapping[str, Any]:
    """Read the metadata of the collection from a snapshot, and check that the snapshot is whole.

    Raises:
        InvalidInput: ``file`` isn't a server's snapshot of a collection of Postings, or it is cut short.
    """
    if not file.is_file():
        raise InvalidInput(f"there is no file {file}")
    metadata: object = None
    try:
        with tarfile.open(file, "r:") as archive:
            for member in archive:
                if PurePosixPath(member.name) == PurePosixPath(_CONFIG) and (found := archive.extractfile(member)):
                    metadata = json.loads(found.read()).get("metadata")
            end = archive.offset
        with file.open("rb") as content:
            content.seek(end)
            whole = content.read(tarfile.BLOCKSIZE) == bytes(tarfile.BLOCKSIZE)
    except (OSError, tarfile.TarError, ValueError, AttributeError) as error:
        raise InvalidInput(f"{file} isn't a Qdrant server's snapshot, or is damaged: {error}") from error
    if not whole:
        raise InvalidInput(f"{file} is damaged: the end of the snapshot is missing")
    if not isinstance(metadata, Mapping) or "postings" not in metadata:
        raise InvalidInput(f"{file} isn't a Qdrant server's snapshot of a collection that Postings created")
    return metadata


def _result_with(*fields: str) -> Callable[[httpx.Response], Any]:
    """Reads the result of an answer, which must have these fields."""

    def read(answer: httpx.Response) -> Any:
        result = json.loads(answer.read())["result"]
        return {**result, **{name: result[name] for name in fields}} if fields else result

    return read


@contextmanager
def _requests(settings: Settings) -> Iterator[Callable[..., Any]]:
    """Send requests about the collection to the first node that answers; errors become those of Postings."""
    secrets = settings.secrets()
    source = ""

    def send(method: str, path: str, read: Callable[[httpx.Response], Any] = _result_with(), **content: Any) -> Any:
        try:
            with client.stream(method, f"/collections/{settings.collection}{path}", **content) as answer:
                if not answer.is_success:
                    answer.read()
                    raise UnexpectedResponse.for_response(answer)
                return read(answer)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise _mapped(ResponseHandlingException(error), source, settings) from safe_cause(error, secrets)
        except (UnexpectedResponse, ValueError, LookupError, TypeError) as error:
            raise _mapped(error, source, settings) from safe_cause(error, secrets)

    with _client(settings) as client:
        source = f"{redacted(str(client.base_url))}, collection {settings.collection!r}"
        yield send


def _mapped(error: Exception, source: str, settings: Settings) -> Exception:
    found = index_error(error, source, settings.secrets())
    return found or IndexUnavailable(f"{source}: the answer isn't from Qdrant, perhaps from a proxy")


def _client(settings: Settings) -> httpx.Client:
    key = settings.index_api_key
    try:
        verify = ssl.create_default_context(cafile=settings.index_ca) if settings.index_ca else True
    except OSError as error:
        raise ConfigurationError(f"setting 'index_ca': {settings.index_ca}: {error}") from error
    options: dict[str, Any] = {
        "headers": {"api-key": key.get_secret_value()} if key else {},
        "timeout": httpx.Timeout(_PATIENCE, connect=settings.index_timeout),
        "verify": verify,
    }
    *others, last = settings.index_urls
    for url in others:
        client = httpx.Client(base_url=with_port(url), **options)
        try:
            client.get("/", timeout=settings.index_timeout)
        except httpx.TransportError:
            client.close()
        else:
            return client
    return httpx.Client(base_url=with_port(last), **options)


def _check_whole(cluster: Mapping[str, Any], collection: str) -> None:
    here = {shard["shard_id"] for shard in cluster["local_shards"]}
    if elsewhere := {shard["shard_id"] for shard in cluster.get("remote_shards", [])} - here:
        raise IndexRejected(
            f"collection {collection!r}: {len(elsewhere)} of its shards are on other nodes of the cluster, and a "
            "snapshot holds only those of one node: use 'postings export', or a snapshot of each node"
        )


def _written(answer: httpx.Response, output: IO[bytes], progress: Progress) -> str:
    """Write an answer to a file, and return its SHA-256."""
    checksum = hashlib.sha256()
    total = int(answer.headers.get("content-length", 0))
    for block in answer.iter_bytes(_BLOCK):
        output.write(block)
        checksum.update(block)
        progress(answer.num_bytes_downloaded, total)
    return checksum.hexdigest()


class _Watched:
    """A file whose reading is reported."""

    def __init__(self, file: IO[bytes], total: int, progress: Progress) -> None:
        self._file, self._total, self._progress = file, total, progress

    def read(self, size: int = -1) -> bytes:
        block = self._file.read(size)
        self._progress(self._file.tell(), self._total)
        return block

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
