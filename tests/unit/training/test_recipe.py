"""Recipes: the examples' settings, changes to them, and errors that name the setting."""

from __future__ import annotations

from pathlib import Path

import pytest

from postings.errors import ConfigurationError
from postings_training.recipes.loading import load_recipe, recipe_names
from postings_training.recipes.recipe import Recipe


@pytest.mark.parametrize(
    ("name", "base", "source", "batch_size", "learning_rate", "every", "log_every"),
    [
        ("splade-gooaq", "distilbert/distilbert-base-uncased", "gooaq", 32, 2e-5, 610, 100),
        ("splade-nq", "distilbert/distilbert-base-uncased", "natural-questions", 12, 2e-5, 1650, 200),
        ("csr-nq", "mixedbread-ai/mxbai-embed-large-v1", "natural-questions", 64, 4e-5, 300, 100),
    ],
)
def test_the_recipes_have_the_settings_of_the_examples_they_are_named_after(
    name: str, base: str, source: str, batch_size: int, learning_rate: float, every: int, log_every: int
) -> None:
    recipe = load_recipe(name)
    assert recipe.base == base
    assert recipe.data.sources == (f"sentence-transformers/{source}",)
    assert (recipe.data.rows, recipe.data.held_out) == (100_000, 1_000)
    settings = recipe.training
    assert (settings.epochs, settings.batch_size, settings.learning_rate) == (1, batch_size, learning_rate)
    assert (settings.save_every, settings.log_every, settings.seed) == (every, log_every, 42)
    if recipe.model.kind == "csr":
        assert (recipe.loss.scale, recipe.loss.similarity, recipe.loss.gamma) == (20, "cosine", 0.1)
        assert recipe.evaluation.active_dims == (4, 8, 16, 32, 64, 128, 256)
    else:
        assert (recipe.loss.query_weight, recipe.loss.document_weight) == (5e-5, 3e-5)
        assert recipe.model.max_length == 256
        assert recipe.evaluation.sets == ("nano-msmarco", "nano-nfcorpus", "nano-nq")


def test_every_bundled_recipe_is_one() -> None:
    assert recipe_names() == [
        "csr-distill",
        "csr-nq",
        "distill",
        "inference-free",
        "judged",
        "splade-gooaq",
        "splade-nq",
        "tiny",
    ]
    assert all(isinstance(load_recipe(name), Recipe) for name in recipe_names())


def test_a_change_is_read_as_toml_and_what_is_not_toml_is_a_string() -> None:
    changes = [
        "training.epochs=3",
        "data.sources=['a', 'b']",
        "training.device=cpu",
        "publish.name = A = B",
        "base=x/y",
    ]
    recipe = load_recipe("tiny", changes)
    assert recipe.training.epochs == 3
    assert recipe.data.sources == ("a", "b")
    assert (recipe.training.device, recipe.publish.name, recipe.base) == ("cpu", "A = B", "x/y")


def test_what_is_passed_wins_and_nothing_changes_nothing() -> None:
    recipe = load_recipe("tiny", ["base=x/y"], base="z/y", data__sources=["a"], evaluation__sets=None)
    assert (recipe.base, recipe.data.sources, recipe.evaluation.sets) == ("z/y", ("a",), ())


def test_a_recipe_may_be_a_file_anywhere(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text('base = "tiny"\n[loss]\nkind = "kl"\n')
    assert load_recipe(str(path)).loss.kind == "kl"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("training.epochs=-1", r"training\.epochs: .*greater than 0, got -1"),
        ("training.epochs=nan", r"training\.epochs: .*finite"),
        ("training.batch_size=1.5", r"training\.batch_size: .*integer.*1\.5"),
        ("training.warmup=1", r"training\.warmup: .*less than 1"),
        ("training.device=tpu", r"training\.device: .*'cuda'.*got 'tpu'"),
        ("training.bacth_size=3", r"recipe 'tiny': there is no setting 'training\.bacth_size': .* batch_size, "),
        ("learning_rate=3", r"there is no setting 'learning_rate': expected one of base, model, data, .*, publish$"),
        ("teachers=[{kin = 'bm25'}]", r"there is no setting 'teachers\.0\.kin': expected one of model, kind, scale, "),
        ("training=3", r"training: .*got 3"),
        ("training.steps.x=3", r"'steps' is a setting, not a section"),
        ("training.epochs", r"expected section\.setting=value, got 'training\.epochs'"),
        ("base=", r"base: .*at least 1 character"),
        ("loss.kind=triplet", r"loss\.kind: .*'margin-mse'"),
        ("evaluation.patience=3", r"evaluation\.patience: needs evaluation\.sets or data\.held_out"),
        ("evaluation.keep_best=true", r"evaluation\.keep_best: needs"),
        ("teachers=[{kind = 'cross-encoder'}]", r"teachers: 'in-batch-kl' scores each query for each document"),
        ("teachers=[]", r"teachers: 'in-batch-kl' needs at least one teacher"),
    ],
)
def test_a_wrong_setting_is_named(change: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load_recipe("tiny", [change])


@pytest.mark.parametrize(
    ("name", "changes", "reason"),
    [
        ("csr-nq", ["loss.kind=kl"], r"loss\.kind: a csr model is trained with 'contrastive' or 'in-batch-kl'"),
        ("distill", ["loss.kind=in-batch-kl"], r"a cross-encoder is too slow"),
        ("csr-nq", ["loss.mini_batch=4"], r"loss\.mini_batch doesn't apply to kind = 'csr'"),
        ("csr-nq", ["sparsity.document_target=64"], r"model\.k sets the active dims"),
        ("inference-free", ["sparsity.query_target=9"], r"sparsity\.query_target: "),
        (
            "tiny",
            ["teachers=[{kind = 'bm25'}]", "imitation.weight=1"],
            r"imitation\.weight: needs .* one teacher of kind 'sparse'",
        ),
        (
            "tiny",
            ["teachers=[{kind = 'sparse'}]", "imitation.weight=1", "imitation.related=1"],
            r"imitation\.related: needs one teacher of kind 'dense'",
        ),
        ("tiny", ["loss.similarity=cosine"], r"imitation\.weight: .*set loss\.similarity to 'dot'"),
        ("splade-nq", ["imitation.related=1"], r"imitation\.related: needs an imitation\.weight"),
        ("splade-nq", ["model.normalize=true"], r"model\.normalize applies only to kind = 'csr': SPLADE relies"),
        ("splade-nq", ["model.start=components"], r"model\.start applies only to kind = 'csr'"),
        ("splade-nq", ["model.k=64"], r"model\.k applies only to kind = 'csr'"),
        ("splade-nq", ["model.width=64"], r"model\.width applies only to kind = 'csr'"),
        ("inference-free", ["model.frozen=true"], r"model\.frozen applies only to kind = 'csr'"),
        ("splade-nq", ["model.frozen=false"], r"model\.frozen applies only to kind = 'csr'"),
        ("distill", ["loss.kind=contrastive"], r"teachers: loss\.kind 'contrastive' learns from no teacher"),
        ("splade-nq", ["teachers=[{kind = 'bm25'}]"], r"teachers: loss\.kind 'contrastive' learns from no teacher"),
        ("csr-nq", ["model.whole_queries=true"], r"model\.whole_queries applies only to .* start = 'components'"),
        ("splade-nq", ["data.sentences=0.5"], r"data\.sentences: needs loss\.kind 'in-batch-kl'"),
        ("distill", ["teachers=[{kind = 'dense'}]"], r"teachers: a teacher needs a model"),
        ("tiny", ["sparsity.document_target=9", "loss.document_weight=0"], r"sparsity\.document_target: "),
    ],
)
def test_settings_that_contradict_each_other_are_refused(name: str, changes: list[str], reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason):
        load_recipe(name, changes)


def test_changes_may_be_a_generator_but_no_string() -> None:
    assert load_recipe("tiny", iter(["training.epochs=3"])).training.epochs == 3.0
    with pytest.raises(ConfigurationError, match="changes must hold several values of type str, got one str"):
        load_recipe("tiny", "training.epochs=3")


def test_a_recipe_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_bytes(b'\xef\xbb\xbfbase = "tiny"\r\n')
    assert load_recipe(str(tmp_path / "mine.toml")).base == "tiny"


def test_what_is_not_a_recipe_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"no recipe 'nope' .*csr-nq, distill, .* or the path of a TOML file"):
        load_recipe("nope")
    (tmp_path / "bad.toml").write_text("base = ")
    with pytest.raises(ConfigurationError, match=r"bad\.toml isn't TOML: Invalid value"):
        load_recipe(str(tmp_path / "bad.toml"))
    (tmp_path / "empty.toml").write_text("")
    with pytest.raises(ConfigurationError, match=r"empty\.toml: base: Field required"):
        load_recipe(str(tmp_path / "empty.toml"))
