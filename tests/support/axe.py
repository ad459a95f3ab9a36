"""What axe-core finds wrong in a view, for people who can't see it well or use no pointer."""

from __future__ import annotations

import functools

from playwright.sync_api import Page

from tests.support.built_page import PACKAGES

_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_RUN = """(rules) => axe.run(document, {runOnly: rules, resultTypes: ["violations"]}).then(({violations}) =>
    violations.flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => `${id}: ${html}\\n${failureSummary}`)))"""


@functools.cache
def _axe() -> str:
    return (PACKAGES / "axe-core" / "axe.min.js").read_text("utf-8")


def violations(page: Page) -> list[str]:
    """Each with the element, and what it takes."""
    page.evaluate("Promise.all(document.getAnimations().map((each) => each.finished))")
    page.evaluate(_axe())
    found: list[str] = page.evaluate(_RUN, _RULES)
    return found
