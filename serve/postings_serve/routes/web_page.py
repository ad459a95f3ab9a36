"""``/``: the web page, which uses only the API."""

from __future__ import annotations

import base64
import gzip
import hashlib
import html
import re
from functools import cache, lru_cache
from pathlib import Path

from fastapi import APIRouter, Request
from pydantic_core import to_json
from starlette.responses import Response

from postings_serve.about import about_caller
from postings_serve.guard import PAGE_FILES, services_of, without_key
from postings_serve.http.problems import Problem

router = APIRouter(include_in_schema=False)

BUILT = Path(__file__).parents[1] / "page"
"""Where ``serve/page/build.js`` puts it."""

_NOT_BUILT = b"""<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Postings</title>
<h1>Postings</h1>
<p>The API is here, and <a href="/openapi.json">described</a>. The web page isn't: this is a checkout in which it wasn't
built. With Node.js 20 or later, run <code>make page</code> in it, and load this again.
"""

# Only what comes from here, no script within the page, and no style but its own: a document's text can't become code.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src {style}; connect-src 'self'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".txt": "text/plain"}


@router.get("/")
async def page(request: Request) -> Response:
    """Show the page, whose address says what it shows.

    Where no key is needed, it brings the answer of ``/v1/whoami``, so that it can search at once.
    """
    if not (content := _files().get("index.html")):
        return _sent(request, _NOT_BUILT, ".html")
    services = services_of(request)
    caller = without_key(services, request.scope)
    told = html.escape(to_json(about_caller(services, caller)).decode()) if caller else ""
    return _sent(request, content.replace(b"CALLER", told.encode()), ".html", style=_hash_of_style(content))


@router.get(f"{PAGE_FILES}{{name}}")
async def page_file(name: str, request: Request) -> Response:
    """Give a file of the page. A name with a hash is another file after each change."""
    if name not in _files():
        raise Problem(404, "not-found", f"the page has no file {name!r:.100}")
    return _sent(request, _files()[name], Path(name).suffix, caching=_FOR_EVER if "-" in name else "no-cache")


def _files() -> dict[str, bytes]:
    """The files by name; none until the page is built."""
    return _read() if (BUILT / "index.html").exists() else {}


@cache
def _read() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in BUILT.glob("*.*")}


def _sent(
    request: Request, content: bytes, suffix: str, *, style: str = "'none'", caching: str = "no-cache"
) -> Response:
    headers = {
        "Content-Security-Policy": _POLICY.format(style=style),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": caching,
        "Vary": "Accept-Encoding",
    }
    accepted = {each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
    if "gzip" in accepted:
        content, headers["Content-Encoding"] = _packed(content), "gzip"
    return Response(content, headers=headers, media_type=_TYPES[suffix])


@lru_cache(maxsize=16)
def _packed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


@cache
def _hash_of_style(content: bytes) -> str:
    """The style within the page, as the policy names it."""
    (style,) = re.findall(rb"<style>(.*?)</style>", content, re.DOTALL)
    return f"'sha256-{base64.b64encode(hashlib.sha256(style).digest()).decode()}'"
