"""What pages of other sites may make a browser do here: nothing."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers

from postings_serve.http.problems import Problem


def check_origin(headers: Headers, *, keys: bool, any_host: bool) -> None:
    """Refuse a request that a page of another site made.

    A page of another site can post a form here, or give its own name the address 127.0.0.1 (DNS rebinding). Browsers
    say in ``Origin`` which page asks, and in ``Host`` by which name. Where keys are needed, such a page has none.

    Args:
        headers: of the request.
        keys: whether requests need an API key.
        any_host: whether the service is there for other machines, which have names for it.

    Raises:
        Problem: 403, the page is another site's; 421, the name isn't this machine's.

    Example:
        >>> check_origin(Headers({"host": "localhost:8000"}), keys=False, any_host=False)
    """
    if keys:
        return
    host, origin = headers.get("host", ""), headers.get("origin")
    if origin is not None and origin.lower() not in (f"http://{host.lower()}", f"https://{host.lower()}"):
        raise Problem(403, "other-origin", f"a page of {origin!r:.100} asked, and only pages of this service may")
    if not any_host and not _is_this_machine(host):
        raise Problem(421, "other-host", f"without API keys, the host must be this machine's, got {host!r:.100}")


def _is_this_machine(host: str) -> bool:
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name in ("localhost", "") or name.endswith(".localhost")
    return True
