"""The page of settings names what there is, with the defaults that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

from postings import Settings

PAGE = Path(__file__).parents[3] / "docs" / "settings.md"
ROWS = re.findall(r"^\| `POSTINGS_(\w+)` \| (.*?) ?\|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def test_the_page_has_a_table() -> None:
    assert len(ROWS) > 10


@pytest.mark.parametrize(("name", "shown"), ROWS, ids=[name for name, _ in ROWS])
def test_a_default_is_the_settings_own(name: str, shown: str) -> None:
    default = Settings.model_fields[name.lower()].default
    if default is None:
        assert not shown.startswith("`"), "there is no default; words say what happens"
        return
    value = default.get_secret_value() if isinstance(default, SecretStr) else default
    assert str(value).removesuffix(".0") == (shown.strip("`") if shown.startswith("`") else shown.replace(",", ""))
