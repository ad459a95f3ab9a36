"""How soon is the page of `postings serve` there, and how smoothly does it scroll?

    python -m benchmarks.page [--loads 50]

Opens the page with a query in headless Chromium, each time without a cache, on the docstrings that `postings demo`
indexes: the time from the navigation to the first paint and to the first hits. Then scrolls through 100 hits with their
evidence, and drags the weight of a term. Writes ``benchmarks/results/page.md``; exit status 1 if a goal is missed.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser
from tests.support.browser import chromium
from tests.support.built_page import build_page

from benchmarks.data import ROOT
from benchmarks.serve import Figure
from benchmarks.serve_systems import service
from postings import Encoder, Settings, open_index
from postings_cli.commands.demo import standard_library
from postings_ingest import Pipeline

RESULT = Path(__file__).parent / "results" / "page.md"
QUERY = "how do I read a csv file"
PAINT, HITS, LONG_TASK, BYTES = 100, 150, 50, 60_000
STEPS = 40

WATCH = """
    new MutationObserver((_, watch) => {
        if (!document.querySelector(".hit")) return;
        window.hitsAt = performance.now();
        watch.disconnect();
        console.log("hits");
    }).observe(document, {childList: true, subtree: true});
    window.tasks = [];
    new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map((each) => each.duration)))
        .observe({type: "longtask"});
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"


def loads(browser: Browser, url: str, number: int) -> tuple[list[float], list[float]]:
    """Milliseconds to the first paint and to the first hits, of each load."""
    paints, hits = [], []
    for _ in range(number):
        context = browser.new_context(bypass_csp=True)  # for what waits in the page
        context.add_init_script(WATCH)
        page = context.new_page()
        # What waits in the page runs scripts in it, between the answer and the hits.
        with page.expect_console_message(lambda message: message.text == "hits"):
            page.goto(f"{url}/?q={QUERY}", wait_until="commit")
        page.wait_for_function(PAINTED)
        paints.append(page.evaluate(PAINTED))
        hits.append(page.evaluate("window.hitsAt"))
        context.close()
    return paints, hits


def long_tasks(browser: Browser, url: str) -> tuple[list[float], list[float]]:
    """Milliseconds of tasks over 50 ms while 100 hits are scrolled, and while a term's weight is dragged."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, bypass_csp=True)
    context.add_init_script(WATCH)
    page = context.new_page()
    page.goto(f"{url}/?q={QUERY}&limit=100")
    page.wait_for_function("document.querySelectorAll('.hit').length === 100")
    page.wait_for_load_state("networkidle")
    found = []
    page.mouse.move(500, 500)
    page.evaluate("window.tasks = []")
    for _ in range(STEPS):
        page.mouse.wheel(0, 600)
        page.wait_for_timeout(30)
    found.append(page.evaluate("window.tasks"))
    page.evaluate("scrollTo(0, 0); window.tasks = []")
    slider = page.locator(".terms input[type=range]").first
    for step in range(STEPS):
        slider.fill(str(step / STEPS))
        page.wait_for_timeout(30)
    page.wait_for_load_state("networkidle")
    found.append(page.evaluate("window.tasks"))
    context.close()
    return found[0], found[1]


def shown(values: Sequence[float]) -> str:
    return f"{median(values):.0f} ms, p95 {quantiles(values, n=20)[-1]:.0f} ms"


def longest(tasks: Sequence[float]) -> str:
    return f"{len(tasks)} tasks, the longest {max(tasks):.0f} ms" if tasks else "none"


def measured(number: int) -> list[Figure]:
    build_page()
    script = sum(path.stat().st_size for path in (ROOT / "serve/postings_serve/page").glob("*.js"))
    with TemporaryDirectory() as temporary:
        folder = Path(temporary)
        settings = Settings(index_url=str(folder / "index"))
        with open_index(settings) as index:
            Pipeline(Encoder.load("tiny"), index, settings).run(list(standard_library()))
        with service(folder) as system, chromium() as browser:
            url = f"http://127.0.0.1:{system.port}"
            loads(browser, url, 3)
            paints, hits = loads(browser, url, number)
            scrolled, dragged = long_tasks(browser, url)
    return [
        Figure("first paint, p50", shown(paints), f"< {PAINT} ms", median(paints) < PAINT),
        Figure("first hits, p50", shown(hits), f"< {HITS} ms", median(hits) < HITS),
        Figure(f"tasks over {LONG_TASK} ms while 100 hits are scrolled", longest(scrolled), "none", not scrolled),
        Figure(f"… while a weight is dragged with 100 hits, {STEPS} steps", longest(dragged)),
        Figure("JavaScript", f"{script:,} B", f"< {BYTES:,} B", script < BYTES),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.page", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--loads", type=int, default=50)
    number = parser.parse_args().loads
    figures = measured(number)
    command = " ".join(["python -m benchmarks.page", *sys.argv[1:]])
    text = "\n".join(
        [
            "# The page in a browser",
            "",
            f"`{command}`: {number} loads without a cache, headless Chromium; {platform.machine()}, {os.cpu_count()} "
            "cores, which browser and service share.",
            "",
            "| | measured | goal |",
            "|---|--:|--:|",
            *(figure.markdown() for figure in figures),
            "",
        ]
    )
    print(text)
    RESULT.write_text(text, encoding="utf-8")
    return int(not all(figure.reached for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
