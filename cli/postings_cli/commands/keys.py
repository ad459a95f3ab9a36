"""``postings keys``: the API keys of ``postings serve``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from postings.errors import MissingExtra
from postings.index.tenants import settings_of_tenant
from postings_cli.console import err, out, print_json, printable
from postings_cli.options import IndexUrl, Json, settings_from

if TYPE_CHECKING:
    from postings_serve.keys import Key, KeyFile


def create(
    name: Annotated[str, typer.Argument(help="What the key is for.", show_default=False)],
    scopes: Annotated[
        list[str] | None,
        typer.Option(
            "--scope",
            help="What it allows: read, write or admin; several if repeated.",
            show_default="read",
        ),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option("--tenant", help="The tenant whose documents alone it shows and changes.", show_default=False),
    ] = None,
    index: IndexUrl = None,
    as_json: Json = False,
) -> None:
    """Create an API key, and print it.

    It can't be shown again: only its SHA-256 is kept, in POSTINGS_SERVE_KEYS or the index folder. Once there is a key,
    every request needs one. `read` searches and shows, `write` ingests, deletes and judges, `admin` switches
    models and handles dead letters.

    Example: postings keys create shop --scope read --scope write
    """
    keys = _keys(index, tenant)
    from postings_serve.keys import Key

    key, text = Key.create(name, frozenset(scopes or ["read"]), tenant)  # type: ignore[arg-type]
    keys.add(key)
    if as_json:
        print_json({**_fields(key), "key": text})
    else:
        out.print(text)
        err.print(printable(f"key {key.id} for {name!r} may {' and '.join(sorted(key.scopes))}; it isn't shown again"))


def list_keys(index: IndexUrl = None, as_json: Json = False) -> None:
    """List the API keys.

    Example: postings keys list
    """
    keys = _keys(index)
    found = keys.all()
    if as_json:
        print_json([_fields(key) for key in found])
        return
    for key in found:
        tenant = "" if key.tenant is None else f"  tenant {key.tenant}"
        created = datetime.fromtimestamp(key.created_at, UTC).date()
        out.print(printable(f"{key.id}  {', '.join(sorted(key.scopes))}  {created}  {key.name}{tenant}"))
    if not found:
        # Otherwise, to revoke the last key would open the service to everybody.
        needed = f"but requests need one, until {keys.path} is deleted" if keys.required else "requests need none"
        err.print(printable(f"no keys: {needed}"))


def revoke(
    id: Annotated[str, typer.Argument(metavar="ID", help="The key's id, as `list` prints it.", show_default=False)],
    index: IndexUrl = None,
) -> None:
    """Revoke an API key: it is refused from now on.

    Example: postings keys revoke 5f0c2a9b41d7
    """
    key = _keys(index).revoke(id)
    out.print(printable(f"key {key.id} for {key.name!r} is revoked"))


def _keys(index: str | None, tenant: str | None = None) -> KeyFile:
    settings = settings_of_tenant(settings_from(index_url=index), tenant)
    try:
        from postings_serve.keys import KeyFile
    except ImportError as error:
        raise MissingExtra("serve", "API keys") from error
    return KeyFile.of_settings(settings)


def _fields(key: Key) -> dict[str, Any]:
    """The key without its digest, which is nobody's business."""
    return {name: value for name, value in key.to_json().items() if name != "digest"}
