"""Publishing: cards of all shapes, checkpoints that are whole, and a hub that is away."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from postings import Encoder
from postings.errors import TrainingFailure
from postings_training.leaks.provenance import RECORD, Source
from postings_training.models.from_base import build_model
from postings_training.models.truncation import truncated_to
from postings_training.publishing.card import card
from postings_training.publishing.folder import Record, publish
from postings_training.publishing.places import without_places
from postings_training.recipes.loading import load_recipe, recipe_names
from postings_training.recipes.sections import ModelSettings
from postings_training.runs.checkpoints import drop_partial, is_full, last_checkpoint, refuse_small_disk


def checkpoint(folder: Path, step: int, state: str | None = "{}") -> Path:
    path = folder / f"checkpoint-{step}"
    path.mkdir(parents=True)
    (path / "model.safetensors").write_bytes(b"weights")
    if state is not None:
        (path / "trainer_state.json").write_text(state)
    return path


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_has_a_card(name: str) -> None:
    recipe = load_recipe(name)
    sources = (Source("a|b/pairs.jsonl", "sha256 ab", 1234, "CC0"),)
    record = Record("f" * 32, recipe, sources, 10, 3.5, {"ndcg@10": 0.51234}, {"torch": "2"})
    text = card(json.loads(json.dumps(record.to_json())))
    assert text.startswith('---\nlanguage: "en"\nlicense: ')
    assert f"# {recipe.publish.name}\n" in text
    assert "| ndcg@10 | 0.5123 |" in text
    assert "| pairs.jsonl | 1,234 | CC0 | `sha256 ab` |" in text
    assert f"| training.seed | {recipe.training.seed} |" in text


def test_a_card_names_ids_as_a_whole_and_folders_without_where_they_lie(tmp_path: Path) -> None:
    teachers = [{"model": "~/models/judge"}, {"model": "cross-encoder/ms-marco-MiniLM-L6-v2"}]
    sets = [f"{tmp_path}/testset", "nano-nq", "ir-datasets:beir/scifact/test"]
    own = {"data__sources": [f"{tmp_path}/gone/pairs.jsonl"], "data__leave_out": [f"{tmp_path}/testset"]}
    recipe = load_recipe("distill", base="~/models/my-base", teachers=teachers, evaluation__sets=sets, **own)
    sources = (
        Source("ir-datasets:beir/nfcorpus/train", "sha256 a", 5),
        Source("sentence-transformers/gooaq", "datasets b", 5),
        Source(str(tmp_path / "gone" / "pairs.jsonl"), "sha256 c", 1),
    )
    record = Record("f", recipe, sources, 1, 1.0, {}, {}).to_json()
    text = card(record)
    assert "base_model" not in text
    for public in (text, json.dumps(without_places(json.loads(json.dumps(record))))):
        assert not any(where in public for where in ("~", str(tmp_path), str(Path.home())))
    for shown in (
        *("| ir-datasets:beir/nfcorpus/train |", "| sentence-transformers/gooaq |", "| pairs.jsonl |"),
        *("| base | my-base |", "'judge'", "'cross-encoder/ms-marco-MiniLM-L6-v2'"),
        "('testset', 'nano-nq', 'ir-datasets:beir/scifact/test')",
    ):
        assert shown in text
    on_the_hub = card(Record("f", load_recipe("distill"), (), 1, 1.0, {}, {}).to_json())
    assert 'base_model: "distilbert/distilbert-base-uncased"' in on_the_hub


def test_norwegian_is_no_false_in_a_card() -> None:
    recipe = load_recipe("tiny", ["publish.language=no"])
    text = card(Record("f", recipe, (), 1, 1.0, {}, {}).to_json())
    assert yaml.safe_load(text.split("---")[1])["language"] == "no"


def test_a_card_says_so_where_nothing_was_measured_or_stated() -> None:
    recipe = load_recipe("tiny", ["publish.license=''", "publish.base_license=''", "publish.name=''"])
    text = card(Record("f", recipe, (Source("x", "d", 1),), 1, 1.0, {}, {}).to_json())
    assert "## Results\n\nNone.\n" in text
    assert "License of the model: not stated; of its base tiny: not stated." in text
    assert "| x | 1 | not stated | `d` |" in text
    assert "license:" not in text


def test_a_published_tokenizer_does_not_cut_as_training_did(tmp_path: Path) -> None:
    model = build_model("tiny", ModelSettings(), "cpu")
    with truncated_to(model, 16):
        model.encode(["one " * 30, "two"], show_progress_bar=False)
    record = publish(model, tmp_path / "out", load_recipe("tiny"), (), 1, 1.0, {})
    saved = json.loads((tmp_path / "out" / "tokenizer.json").read_text())
    assert saved["truncation"] is saved["padding"] is None
    assert Encoder.load(tmp_path / "out", "cpu", "torch").fingerprint == record.fingerprint


class _Interrupting:
    def keys(self) -> Any:
        raise KeyboardInterrupt


@pytest.mark.parametrize(("results", "error"), [({"x": object()}, TypeError), (_Interrupting(), KeyboardInterrupt)])
def test_what_is_not_published_as_a_whole_leaves_nothing(
    tmp_path: Path, results: Any, error: type[BaseException]
) -> None:
    with pytest.raises(error):
        publish(build_model("tiny", ModelSettings(), "cpu"), tmp_path / "out", load_recipe("tiny"), (), 1, 1.0, results)
    assert not [*tmp_path.iterdir()]


def test_whoever_may_read_the_record_may_read_the_weights(tmp_path: Path) -> None:
    publish(build_model("tiny", ModelSettings(), "cpu"), tmp_path / "out", load_recipe("tiny"), (), 1, 1.0, {})
    modes = {path.name: path.stat().st_mode for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert len(set(modes.values())) == 1, modes


def test_the_last_checkpoint_is_the_newest_that_is_whole(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    checkpoint(tmp_path, 9)
    newest = checkpoint(tmp_path, 10)
    broken = [checkpoint(tmp_path, 11, state=None), checkpoint(tmp_path, 12, state='{"step": ')]
    assert last_checkpoint(tmp_path) == newest
    drop_partial(tmp_path)
    assert not any(path.exists() for path in broken)
    assert newest.exists()


def test_what_else_lies_beside_checkpoints_is_let_alone(tmp_path: Path) -> None:
    newest = checkpoint(tmp_path, 10)
    shutil.copytree(newest, tmp_path / "checkpoint-10-backup")
    shutil.copytree(newest, tmp_path / "checkpoint-best")
    (tmp_path / "checkpoint-notes").mkdir()
    assert last_checkpoint(tmp_path) == newest
    drop_partial(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "checkpoint-10",
        "checkpoint-10-backup",
        "checkpoint-best",
        "checkpoint-notes",
    }


def test_a_disk_that_is_too_small_is_seen_before_the_run(tmp_path: Path) -> None:
    refuse_small_disk(tmp_path, 1000, 1000, 2)
    with pytest.raises(TrainingFailure, match=r"free space, .* take .* GiB: .* lower training\.keep"):
        refuse_small_disk(tmp_path, 10**15, 10**15, 2)


def test_checkpoints_that_are_there_need_no_room(tmp_path: Path) -> None:
    fourth = shutil.disk_usage(tmp_path).free // 4
    for number in range(3):
        (tmp_path / f"checkpoint-{number}").mkdir()
    with pytest.raises(TrainingFailure, match=r"lower training\.keep"):
        refuse_small_disk(tmp_path / "checkpoint-0", fourth // 6, fourth // 6, 3)
    refuse_small_disk(tmp_path, fourth // 6, fourth // 6, 3)


def test_a_full_disk_is_known_by_its_number_or_its_words() -> None:
    assert is_full(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert is_full(RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"))
    assert is_full(RuntimeError("[enforce fail at inline_container.cc:603] . unexpected pos 64 vs 0"))
    assert not is_full(OSError(errno.EACCES, "no"))
    assert not is_full(RuntimeError("shapes differ"))


def test_a_hub_that_does_not_take_the_model_leaves_it_where_it_is(tmp_path: Path) -> None:
    record = Record("f", load_recipe("tiny"), (), 1, 1.0, {}, {}).to_json()
    (tmp_path / RECORD).write_text(json.dumps(record))
    push = "from pathlib import Path; from postings_training.publishing.upload import push"
    code = f"{push}; push(Path({str(tmp_path)!r}), 'a/b')"
    # The hub's client reads its address when it is imported.
    environment = {**os.environ, "HF_ENDPOINT": "http://127.0.0.1:9", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert "ConfigurationError: the hub didn't accept a/b (" in done.stderr
    said = (
        f"); the model is in {tmp_path}: hf upload a/b {tmp_path} uploads it, with the paths of your data in {RECORD}"
    )
    assert done.stderr.rstrip().endswith(said)
