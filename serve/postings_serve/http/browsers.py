"""What pages of other sites may make a browser do here: nothing."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from postings_serve.http.problems import Problem


def refusal(headers: Headers, *, keys: bool) -> Problem | None:
    """Why a request isn't answered, if a page of another site made it.

    A page of another site can post a form here, or give its own name the address 127.0.0.1 (DNS rebinding). Browsers
    say in ``Origin`` which page asks, and in ``Host`` by which name. Where keys are needed, such a page has none.

    Args:
        headers: of the request.
        keys: whether requests need an API key.

    Example:
        >>> refusal(Headers({"host": "127.0.0.1:8000", "origin": "https://example.com"}), keys=False).status
        403
        >>> refusal(Headers({"host": "localhost:8000"}), keys=False) is None
        True
    """
    if keys:
        return None
    host, origin = headers.get("host", ""), headers.get("origin")
    if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
        return Problem(403, "other-origin", f"a page of {origin!r:.100} asked, and only pages of this service may")
    if not _is_this_machine(urlsplit(f"//{host}").hostname or ""):
        return Problem(421, "other-host", f"without API keys, the host must be this machine's, got {host!r:.100}")
    return None


def _is_this_machine(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host in ("localhost", "") or host.endswith(".localhost")
    return True
