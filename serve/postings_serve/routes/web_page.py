"""``/``: the web page, which uses only the API."""

from __future__ import annotations

import gzip
from functools import cache
from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from postings_serve.guard import PAGE_FILES
from postings_serve.http.problems import Problem

router = APIRouter(include_in_schema=False)

BUILT = Path(__file__).parents[1] / "page"
"""Where ``serve/page/build.js`` puts it."""

_NOT_BUILT = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>Postings</title>
<h1>Postings</h1>
<p>The API is here, and <a href="/openapi.json">described</a>. The web page isn't: this is a checkout in which it wasn't
built. With Node.js 20 or later, run <code>make page</code> in it, and load this again.
"""

_HEADERS = {
    # Only what comes from here, and no style or script within the page: a document's text can't become code.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
}
_FOR_EVER = "public, max-age=31536000, immutable"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".txt": "text/plain"}


@router.get("/")
async def page(request: Request) -> Response:
    """Show the page, whose address says what it shows."""
    if "index.html" not in _files():
        return Response(_NOT_BUILT, media_type="text/html", headers=_HEADERS)
    return _file(request, "index.html", "no-cache")


@router.get(f"{PAGE_FILES}{{name}}")
async def page_file(name: str, request: Request) -> Response:
    """Give a file of the page. A name with a hash is another file after each change."""
    if name not in _files():
        raise Problem(404, "not-found", f"the page has no file {name!r:.100}")
    return _file(request, name, _FOR_EVER if "-" in name else "no-cache")


def _files() -> dict[str, tuple[bytes, bytes]]:
    """The files by name, plain and compressed; none until the page is built."""
    return _read() if (BUILT / "index.html").exists() else {}


@cache
def _read() -> dict[str, tuple[bytes, bytes]]:
    found = {path.name: path.read_bytes() for path in BUILT.glob("*.*")}
    return {name: (content, gzip.compress(content, mtime=0)) for name, content in found.items()}


def _file(request: Request, name: str, caching: str) -> Response:
    plain, packed = _files()[name]
    headers = {**_HEADERS, "Cache-Control": caching, "Vary": "Accept-Encoding"}
    accepted = {each.partition(";")[0].strip() for each in request.headers.get("accept-encoding", "").split(",")}
    if "gzip" in accepted:
        plain, headers["Content-Encoding"] = packed, "gzip"
    return Response(plain, headers=headers, media_type=_TYPES[Path(name).suffix])
