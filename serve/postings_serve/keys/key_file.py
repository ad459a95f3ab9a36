"""The file of the API keys."""

from __future__ import annotations

import fcntl
import hmac
import json
import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from postings.errors import ConfigurationError
from postings_serve.keys.key import Key, digest, id_of

if TYPE_CHECKING:
    from postings import Settings

log = logging.getLogger(__name__)

_NOBODY = digest("")


class KeyFile:
    """API keys in a JSON file that several processes may share; a change is seen by the next request.

    Only the owner can read the file, which has no secrets: of a key, it has the digest.

    Args:
        path: the file; it needn't exist. ``None`` if there can't be keys.

    Raises:
        ConfigurationError: it can't be read.

    Example:
        >>> keys = KeyFile(folder / "keys.json")
        >>> key, text = Key.create("shop", frozenset({"read"}))
        >>> keys.add(key)
        >>> keys.find(text).name
        'shop'
        >>> keys.revoke(key.id).name, keys.find(text)
        ('shop', None)
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._seen: tuple[int, int, int] | None = None
        self._required = False
        self._keys: Mapping[str, Key] = {}
        self._lock = threading.Lock()
        self._opened = False
        self._trouble = ""
        self.all()
        self._opened = True

    @classmethod
    def of_settings(cls, settings: Settings) -> KeyFile:
        """The file that the settings name; by default ``.keys.json`` in the index folder, if it is one.

        Raises:
            ConfigurationError: the file can't be read, or the index is a file.
        """
        folder = settings.index_folder
        if settings.serve_keys is None and folder is not None and folder.is_file():
            raise ConfigurationError(f"the index needs a folder, but {folder} is a file")
        return cls(settings.serve_keys or (folder / ".keys.json" if folder else None))

    @property
    def required(self) -> bool:
        """Whether requests need a key: from the first key on, also when all were revoked or the file is gone."""
        self._current()
        return self._required

    def all(self) -> list[Key]:
        """All keys, the oldest first."""
        return list(self._current().values())

    def find(self, text: str) -> Key | None:
        """The key of this text; ``None`` if there is none.

        It takes the same time whatever the text is: a digest is made and compared in either case.
        """
        key = self._current().get(id_of(text))
        same = hmac.compare_digest(digest(text), key.digest if key else _NOBODY)
        return key if same else None

    def add(self, key: Key) -> None:
        """Add a key."""
        with self._changing() as keys:
            keys[key.id] = key

    def revoke(self, id: str) -> Key:
        """Delete a key, which is refused from now on.

        Raises:
            ConfigurationError: there is no such key.
        """
        with self._changing() as keys:
            if id not in keys:
                raise ConfigurationError(f"there is no key {id!r:.100} in {self.path}: `postings keys list` shows them")
            return keys.pop(id)

    def _current(self) -> Mapping[str, Key]:
        try:
            seen = self._look()
            self._required |= seen is not None
            if seen != self._seen:
                with self._lock:
                    self._keys, self._seen = self._read(), seen
            self._trouble = ""
        except ConfigurationError as error:
            # Somebody edits the file, or its disk is away: the keys that were there still hold.
            if not self._opened:
                raise
            if str(error) != self._trouble:
                self._trouble = str(error)
                log.error("the keys that were read before still hold: %s", error)
        return self._keys

    def _look(self) -> tuple[int, int, int] | None:
        if self.path is None:
            return None
        try:
            found = self.path.stat()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigurationError(f"{self.path} can't be read: {error.strerror}") from error
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _read(self) -> dict[str, Key]:
        try:
            found = json.loads(self._named().read_bytes())
            match found:
                case {"keys": list(keys)}:
                    return {key.id: key for key in map(Key.from_json, keys)}
            raise ValueError('expected {"keys": […]}, as `postings keys create` writes it')
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise ConfigurationError(f"{self.path} can't be read: {error.strerror}") from error
        except ValueError as error:
            raise ConfigurationError(f"{self.path} isn't a file of API keys: {error}") from error

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Key]]:
        """The keys, written when the block ends; changes of other processes wait."""
        path = self._named()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.with_name(f"{path.name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                keys = self._read()
                yield keys
                partial = path.with_name(f"{path.name}.partial")
                partial.unlink(missing_ok=True)
                with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                    json.dump({"keys": [key.to_json() for key in keys.values()]}, file, indent=1)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(path)
        except OSError as error:
            raise ConfigurationError(f"{path} can't be written: {error.strerror}") from error

    def _named(self) -> Path:
        if self.path is None:
            raise ConfigurationError("say where to keep API keys: set POSTINGS_SERVE_KEYS to a file")
        return self.path
