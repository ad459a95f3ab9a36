"""A browser, and what it complains about."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    ViewportSize,
    expect,
    sync_playwright,
)

QUIET = ["--disable-background-networking", "--disable-component-update", "--disable-sync"]

_REFUSED = re.compile(r"Failed to load resource: (?:the server responded with a status of (\d+)|net::ERR_)")

Visit = Callable[..., Page]
"""Opens a view; see :class:`Visits`."""

expect.set_options(timeout=20_000)  # it says that something ended, not that it was fast


@contextmanager
def chromium() -> Iterator[Browser]:
    """Chromium as Debian installs it, without a window."""
    if (program := shutil.which("chromium-headless-shell") or shutil.which("chromium")) is None:
        pytest.skip("chromium isn't installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


class Visits:
    """Opens views of a service's page, each with nothing left of those before.

    Args:
        browser: shows them.
        url: the service.

    Attributes:
        complaints: what no visit may bring: an error of the page or of the browser, and a request to elsewhere.
    """

    def __init__(self, browser: Browser, url: str) -> None:
        self._browser = browser
        self._url = url
        self._opened: list[BrowserContext] = []
        self.complaints: list[str] = []

    def __call__(
        self,
        path: str = "/",
        *,
        key: str | None = None,
        width: int = 1280,
        height: int = 900,
        dark: bool = False,
        refused: AbstractSet[tuple[int, str]] = frozenset(),
    ) -> Page:
        """Open a view.

        Args:
            path: what the address says.
            key: an API key that the tab already has.
            width: of the window, in CSS pixels.
            height: of the window.
            dark: whether the user likes it dark.
            refused: answers that fail as they should, by status and path; the browser reports these as errors. Where
                none comes, the status is 0.
        """
        window = ViewportSize(width=width, height=height)
        context = self._browser.new_context(
            base_url=self._url, viewport=window, color_scheme="dark" if dark else "light", reduced_motion="reduce"
        )
        context.set_default_timeout(20_000)
        self._opened.append(context)
        if key is not None:
            context.add_init_script(f"sessionStorage.setItem('postings-key', {key!r})")
        page = context.new_page()
        self._watch(page, refused)
        page.goto(path)
        return page

    def close(self) -> None:
        """Close all of them."""
        for each in self._opened:
            each.close()

    def _watch(self, page: Page, refused: AbstractSet[tuple[int, str]]) -> None:
        def asked(request: Request) -> None:
            if not request.url.startswith((f"{self._url}/", "data:")):
                self.complaints.append(f"a request to {request.url}")

        def said(message: ConsoleMessage) -> None:
            failed = _REFUSED.match(message.text)
            path = unquote(urlsplit(message.location["url"]).path)
            if message.type in ("error", "warning") and not (failed and (int(failed[1] or 0), path) in refused):
                self.complaints.append(f"{message.type}: {message.text} ({path})")

        page.on("request", asked)
        page.on("console", said)
        page.on("pageerror", lambda error: self.complaints.append(f"an error that nothing caught: {error}"))
