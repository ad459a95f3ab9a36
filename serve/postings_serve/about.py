"""What the service says of itself and of who asks."""

from __future__ import annotations

from typing import Any

import postings
from postings_query.judgements import Judgements
from postings_serve.guard import Caller
from postings_serve.services import Services


def about_service(services: Services) -> dict[str, Any]:
    """What the service has, for everybody who may ask."""
    return {
        "version": postings.__version__,
        "collection": services.settings.collection,
        "index": "folder" if services.settings.index_folder else "server",
        "reranker": services.reranker is not None,
    }


def about_caller(services: Services, caller: Caller) -> dict[str, Any]:
    """A caller as ``/v1/whoami`` shows it."""
    settings = services.settings
    # Where tenants share the index, judgements are those of one.
    is_somebodys = (settings.tenant_field is None) == (caller.tenant is None and settings.tenant is None)
    return {
        "name": caller.name,
        "scopes": sorted(caller.scopes),
        "tenant": caller.tenant,
        "keys": services.keys.required,
        "judgements": is_somebodys and Judgements.path(settings) is not None,
        **about_service(services),
    }
