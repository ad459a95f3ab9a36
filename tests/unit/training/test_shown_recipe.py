"""A recipe that is printed is a recipe."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings_cli.main import run
from postings_training.recipes.loading import load_recipe, recipe_names
from postings_training.recipes.section import Section
from postings_training.recipes.shown import as_toml

READ_BACK = "again.toml"


@pytest.mark.parametrize("name", recipe_names())
def test_what_is_printed_is_the_same_recipe_and_says_what_each_setting_is_for(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["train", name, "--data", "a b.jsonl", "--set", "training.seed=7", "--show"]) == 0
    printed = capsys.readouterr().out
    Path(READ_BACK).write_text(printed, encoding="utf-8")
    recipe = load_recipe(READ_BACK)
    assert recipe == load_recipe(name, ["training.seed=7", "data.sources=['a b.jsonl']"])
    for _, section in recipe:
        for setting, field in type(section).model_fields.items() if isinstance(section, Section) else ():
            assert f"{setting} =" in printed
            assert field.description
    assert run(["train", READ_BACK, "--show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == recipe.model_dump(mode="json")
    assert [*tmp_path.iterdir()] == [tmp_path / READ_BACK], "nothing is trained"


def test_settings_with_a_few_values_name_them() -> None:
    assert '# One of "splade", "inference-free", "csr"\nkind = "splade"\n' in as_toml(load_recipe("tiny"))


@given(
    texts=st.lists(st.text(min_size=1), min_size=1, max_size=3),
    prompt=st.text(),
    number=st.floats(1e-300, 1e300),
    k=st.none() | st.integers(1, 10**12),
)
def test_any_value_is_read_back(
    texts: list[str], prompt: str, number: float, k: int | None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    recipe = load_recipe(
        "tiny", data__sources=texts, model__query_prompt=prompt, training__learning_rate=number, data__rows=k
    )
    path = tmp_path_factory.mktemp("recipe") / READ_BACK
    path.write_bytes(as_toml(recipe).encode())
    assert load_recipe(str(path)) == recipe
