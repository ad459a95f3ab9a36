"""What a tenant may be called, and the metadata field that names it."""

from __future__ import annotations

import re

MAX_LENGTH = 256
"""Characters that a tenant's name may have: as many as every passage stores of a string in the metadata."""

NEEDS_FIELD = "a tenant needs POSTINGS_TENANT_FIELD too: the metadata field that names the tenant of a document"

_FIELD = re.compile(r"[A-Za-z0-9_-]{1,100}")


def checked_tenant(name: str | None) -> str | None:
    """Return a name that a tenant may have; else raise ``ValueError``.

    Example:
        >>> checked_tenant("acme")
        'acme'
    """
    if name is not None and not is_tenant(name):
        raise ValueError(f"expected the name of a tenant, of 1 to {MAX_LENGTH} characters")
    return name


def is_tenant(value: object) -> bool:
    """Whether a value of the metadata may be the name of a tenant.

    Settings have no white space around them, so no process could be bound to a tenant that has.
    """
    return isinstance(value, str) and 0 < len(value) <= MAX_LENGTH and value == value.strip()


def checked_tenant_field(name: str | None) -> str | None:
    """Return a key of the metadata that may name the tenant; else raise ``ValueError``."""
    if name is not None and not _FIELD.fullmatch(name):
        raise ValueError("expected a key of the metadata, of letters, digits, '_' and '-'")
    return name
