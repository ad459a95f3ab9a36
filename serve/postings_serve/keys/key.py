"""An API key: a secret, what it allows, and for which tenant."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, get_args

from postings.errors import ConfigurationError
from postings.tenant_names import is_tenant

Scope: TypeAlias = Literal["read", "write", "admin"]
"""``read`` searches and shows; ``write`` ingests, deletes and judges; ``admin`` switches models and handles dead
letters. None includes another."""

SCOPES: tuple[Scope, ...] = get_args(Scope)

_PREFIX = "postings"
_ID_BYTES = 6
_SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Key:
    """An API key, as it is stored: without its secret.

    Attributes:
        id: names the key in lists, logs and rate limits; part of the key itself.
        name: what the key is for.
        scopes: what it allows.
        tenant: whose documents alone it shows and changes; ``None`` for all.
        digest: SHA-256 of the whole key, in hexadecimal digits. The key has 256 random bits, so that nobody can guess
            it from its digest, and a slow hash would protect nothing.
        created_at: in seconds since the epoch.
    """

    id: str
    name: str
    scopes: frozenset[Scope]
    tenant: str | None
    digest: str
    created_at: int

    @classmethod
    def create(cls, name: str, scopes: frozenset[Scope], tenant: str | None = None) -> tuple[Self, str]:
        """A new key, and its text, which can't be had again.

        Raises:
            ConfigurationError: the name is empty, there is no scope, or no tenant can have this name.

        Example:
            >>> key, text = Key.create("shop", frozenset({"read"}))
            >>> text.startswith(f"postings_{key.id}_")
            True
        """
        if not name.strip():
            raise ConfigurationError("a key needs a name, which says what it is for")
        if not scopes or not scopes <= {*SCOPES}:
            raise ConfigurationError(f"a key needs scopes among {', '.join(SCOPES)}, got {sorted(scopes)}")
        if tenant is not None and not is_tenant(tenant):
            raise ConfigurationError(f"expected the name of a tenant, got {tenant!r:.100}")
        id = secrets.token_hex(_ID_BYTES)
        text = f"{_PREFIX}_{id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        return cls(id, name, scopes, tenant, digest(text), int(time.time())), text

    def to_json(self) -> dict[str, Any]:
        """The key as a JSON object."""
        return {
            "id": self.id,
            "name": self.name,
            "scopes": sorted(self.scopes),
            "tenant": self.tenant,
            "digest": self.digest,
            "created_at": self.created_at,
        }

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """The key of :meth:`to_json`.

        Raises:
            ValueError: a field is missing, or isn't what :meth:`to_json` writes.
        """
        match fields:
            case {
                "id": str(id),
                "name": str(name),
                "scopes": list(scopes),
                "tenant": str() | None as tenant,
                "digest": str(found),
                "created_at": int(created_at),
            } if scopes and all(each in SCOPES for each in scopes):
                return cls(id, name, frozenset(scopes), tenant, found, created_at)
        raise ValueError(f"expected a key with the fields {', '.join(cls.__dataclass_fields__)}")


def digest(text: str) -> str:
    """SHA-256 of a key."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def id_of(text: str) -> str:
    """The id in a key; empty if this can't be one."""
    prefix, _, rest = text.partition("_")
    id, _, secret = rest.partition("_")
    return id if prefix == _PREFIX and secret else ""
