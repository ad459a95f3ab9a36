"""The pictures in ``docs/pictures/``: the page on Python's docstrings, which every machine has (``make pictures``)."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from postings import Encoder, Settings, open_index
from postings_cli.commands.demo import standard_library
from postings_ingest import Pipeline
from tests.support.browser import Visits, chromium
from tests.support.built_page import ROOT, build_page
from tests.support.served import served
from tests.support.shown import settled

_WIDTH, _HEIGHT = 1240, 860
_SEARCH = "/?q=how+do+I+read+a+csv+file"
_PICTURES = {
    "light": (_SEARCH, {}),
    "dark": (_SEARCH, {"dark": True}),
    "why": (f"{_SEARCH}&why=1-2", {}),
    "compare": ("/?view=compare&q=wait+until+a+thread+ends&b.words=0", {}),
    "phone": (_SEARCH, {"width": 390, "height": 844, "dark": True}),
}


def main() -> None:
    build_page()
    with TemporaryDirectory() as folder:
        settings = Settings(index_url=str(Path(folder) / "index"), collection="demo")
        with open_index(settings) as index:
            Pipeline(Encoder.load("tiny"), index, settings).run(list(standard_library()))
        with served(settings) as url, chromium() as browser:
            visits = Visits(browser, url)
            settled(visits(_SEARCH))  # the first search waits for the model
            for name, (path, options) in _PICTURES.items():
                page = visits(path, **{"width": _WIDTH, "height": _HEIGHT, **options})
                settled(page).screenshot(path=ROOT / "docs" / "pictures" / f"page-{name}.png")
            visits.close()


if __name__ == "__main__":
    main()
