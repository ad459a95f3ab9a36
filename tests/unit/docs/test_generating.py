"""What the site says of the code, and the plots of the benchmarks."""

from __future__ import annotations

import doctest
import re

import pytest
from pydantic import Field, create_model

from generating import cli, figures, http_api, plots, python, recipe, settings, tables
from postings.settings import Settings

PLOTS = ("chaos", "csr", "encoding", "scale", "serve", "training", "words")


@pytest.mark.parametrize("module", [tables, plots], ids=lambda module: module.__name__)
def test_examples_hold(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]


def test_types_of_settings_are_said_in_words() -> None:
    class_ = create_model(
        "Some",
        count=(int | None, Field(None, ge=1, le=32)),
        share=(float, Field(0.5, gt=0)),
        names=(dict[str, str], Field(default_factory=dict)),
    )
    assert [settings.shown_type(each) for each in class_.model_fields.values()] == [
        "integer, 1 to 32",
        "number, above 0",
        "JSON object",
    ]


def test_each_setting_is_described_once() -> None:
    page = settings.page().replace("<wbr>", "")
    for name in Settings.model_fields:
        assert page.count(f"<code>POSTINGS_{name.upper()}</code>") == 1, name


def test_options_have_their_limits_in_words() -> None:
    (row,) = re.findall(r"^\| `-n, --limit.*$", cli.page().partition("## postings search")[2], re.MULTILINE)[:1]
    assert row.endswith("| Maximum number of hits. | `10`; at least 1 |")


def test_descriptions_cannot_be_taken_for_tags() -> None:
    assert not re.search(r"<key>(?![^`\n]*`)", cli.page() + http_api.page() + settings.page() + recipe.page("sections"))


def test_public_names_are_read_where_they_are_defined() -> None:
    assert "postings_query.client.SearchClient" in python.public("postings_query")
    assert "postings_adapters.haystack.retriever.PostingsRetriever" in python.public("postings_adapters.haystack")


@pytest.mark.parametrize("name", PLOTS)
def test_a_plot_shows_what_the_table_says(name: str) -> None:
    drawn = plots.page(name)
    assert drawn.count("<rect") + drawn.count("<circle") >= 2
    assert "nan" not in drawn


def test_a_plot_of_words_has_a_point_for_each_weight() -> None:
    assert plots.page("words").count("<circle") == 8


def test_only_drawings_of_the_folder_become_a_part_of_the_page(tmp_path: object) -> None:
    from pathlib import Path

    folder = Path(str(tmp_path))
    (folder / "a.svg").write_text("<svg></svg>")
    text = figures.inline("![what](a.svg)\n![no](b.svg)", folder)
    assert text == "<figure>\n<svg></svg>\n<figcaption>what</figcaption>\n</figure>\n![no](b.svg)"
