"""Which back end loads a model, and what is said of one that can't be loaded."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from postings import Encoder
from postings.encoder.cache import cache_folder
from postings.encoder.export.model import export_model
from postings.encoder.model_files.location import BUNDLED
from postings.encoder.model_files.modules import ModelFolder
from postings.encoder.routes.onnx.manifest import FORMAT, read_manifest
from postings.errors import ConfigurationError, ModelNotFound, ModelNotSupported
from tests.support.models import TEXTS, copy_of_tiny, csr_with_whole_queries, longformer, quiet_tiny, save
from tests.support.strategies import json_values


@pytest.mark.parametrize("model", ["tinny", "./nowhere", "/nowhere/at/all", "a/b/c"])
def test_an_unknown_model_is_named_with_what_was_expected(model: str) -> None:
    with pytest.raises(ModelNotFound, match=rf"there is no model '{model}': expected a bundled model \(tiny\)"):
        Encoder.load(model)


def test_a_folder_with_the_name_of_the_bundled_model_is_loaded_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    quiet_tiny(tmp_path).rename("tiny")
    bundled, *own = [Encoder.load(each, "cpu") for each in ("tiny", "./tiny", "tiny/", Path("tiny"), tmp_path / "tiny")]
    assert bundled.location == "tiny"
    assert bundled.fingerprint not in {each.fingerprint for each in own}
    assert {each.location for each in own} == {str(tmp_path / "tiny")}


def test_a_folder_that_is_no_model_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (tmp_path, ""):  # nothing is the working directory
        with pytest.raises(ModelNotFound, match="isn't a model folder: it has neither modules"):
            Encoder.load(folder)


def test_weights_that_are_not_safetensors_are_refused(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
    with pytest.raises(ModelNotSupported, match=r"has no \*\.safetensors weights"):
        Encoder.load(copy)


def test_damaged_weights_are_reported(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / "model.safetensors").write_bytes(b"not weights")
    with pytest.raises(ModelNotSupported, match="can't be loaded"):
        Encoder.load(copy)


def test_a_dense_model_is_refused(tmp_path: Path) -> None:
    parts = save("csr", tmp_path)
    modules = json.loads((parts / "modules.json").read_text())
    (parts / "modules.json").write_text(json.dumps(modules[:-1]))
    with pytest.raises(ModelNotSupported, match="isn't a sparse encoder"):
        Encoder.load(parts)


def test_queries_of_any_sign_are_refused(tmp_path: Path) -> None:
    parts = tmp_path / "saved"
    csr_with_whole_queries(tmp_path, torch.nn.Tanh()).save_pretrained(str(parts))
    with pytest.raises(ModelNotSupported, match=r"is Dense, expected .* for queries of CSR a Dense with a R"):
        Encoder.load(parts)


def test_a_model_that_compares_by_cosine_is_refused(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    config = json.loads((copy / "config_sentence_transformers.json").read_text())
    (copy / "config_sentence_transformers.json").write_text(json.dumps({**config, "similarity_fn_name": "cosine"}))
    with pytest.raises(ModelNotSupported, match="by cosine, but Qdrant scores sparse vectors by dot product"):
        Encoder.load(copy)


@pytest.mark.parametrize(
    ("backend", "precision", "device", "message"),
    [
        ("tensorflow", "float32", "cpu", "one of the backends auto, torch, onnx, .* got 'tensorflow' and 'float32'"),
        ("auto", "float8", "cpu", "one of the precisions bfloat16, float16, float32, int8; got 'auto' and 'float8'"),
        ("torch", "int8", "cpu", "torch encodes in bfloat16 or float16 or float32, got 'int8'"),
        ("onnx", "bfloat16", "cpu", "onnx encodes in float32 or int8, got 'bfloat16'"),
        ("onnx", "float32", "cuda", "onnx encodes on the device cpu, got 'cuda'"),
    ],
)
def test_what_does_not_go_together_is_refused(backend: str, precision: str, device: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Encoder.load("tiny", device, backend, precision)  # type: ignore[arg-type]


def test_the_bundled_model_runs_on_onnx_and_others_on_what_they_need(tmp_path: Path) -> None:
    assert Encoder.load("tiny", "cpu").backend == "onnx"
    assert Encoder.load("tiny", "cpu", precision="int8").backend == "onnx"
    assert Encoder.load("tiny", "cpu", precision="bfloat16").backend == "torch"
    assert Encoder.load(save("csr", tmp_path), "cpu").backend == "torch"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A cache folder, and in it the graphs that were exported of the bundled model, with nothing written beside it."""
    cache = tmp_path_factory.mktemp("cache")
    before = {file: file.stat().st_mtime_ns for file in BUNDLED.rglob("*")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(cache))
        (graphs,) = export_model("tiny")
    assert {file: file.stat().st_mtime_ns for file in BUNDLED.rglob("*")} == before
    return cache, graphs


def test_a_model_of_the_package_is_exported_to_the_cache(exported: tuple[Path, Path]) -> None:
    cache, graphs = exported
    assert graphs.is_relative_to(cache)
    assert (graphs / "transformer.onnx").is_file()


def test_graphs_of_other_weights_are_not_taken(
    exported: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(exported[0]))  # they have been exported there
    copy = copy_of_tiny(tmp_path)
    facts = copy / "onnx" / "transformer.json"
    facts.write_text(facts.read_text().replace(Encoder.load(copy).fingerprint, "0" * 16))
    (copy / "onnx" / "transformer.onnx").write_bytes(b"another model's")
    encoder = Encoder.load(copy, "cpu")
    assert encoder.backend == "onnx"
    assert (cache_folder() / "onnx" / f"{encoder.fingerprint}-{FORMAT}" / "transformer.onnx").exists()
    (vector,), (expected,) = encoder.encode_documents(TEXTS[:1]), Encoder.load("tiny").encode_documents(TEXTS[:1])
    assert vector.largest_difference(expected) <= 1e-4


def test_graphs_are_exported_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = save("distilbert", tmp_path)
    assert Encoder.load(folder, "cpu").backend == "onnx"
    (graph,) = (tmp_path / "cache").rglob("transformer.onnx")
    written = graph.stat().st_mtime_ns
    assert Encoder.load(folder, "cpu").encode_documents(TEXTS)
    assert graph.stat().st_mtime_ns == written


def test_damaged_graphs_and_a_cache_that_cannot_be_written_leave_pytorch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / "onnx" / "selected.onnx").write_bytes(b"damaged")
    assert Encoder.load(copy, "cpu").backend == "torch"
    assert "encoding with PyTorch: " in caplog.text
    assert "selected.onnx can't be loaded" in caplog.text
    caplog.clear()
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    for graph in (copy / "onnx").iterdir():
        graph.unlink()
    assert Encoder.load(copy, "cpu").backend == "torch"
    assert "the model's graphs can't be written to" in caplog.text
    with pytest.raises(ConfigurationError, match="graphs can't be written to"):
        Encoder.load(copy, "cpu", "onnx")


def test_a_model_that_cannot_be_exported_is_tried_once(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    caplog.set_level("INFO", "postings")
    folder = save(longformer, tmp_path)
    capfd.readouterr()
    caplog.clear()
    assert Encoder.load(folder, "cpu").backend == "torch"
    (warning,) = [
        each for each in caplog.records if each.levelname == "WARNING" and each.name.startswith("postings.encoder")
    ]
    assert "encoding with PyTorch: the model can't be exported to ONNX: " in warning.getMessage()
    assert not any(capfd.readouterr())
    assert caplog.text.count("exporting ") == 1
    encoder = Encoder.load(folder, "cpu")
    assert encoder.backend == "torch"
    assert encoder.encode_documents(TEXTS)
    assert caplog.text.count("exporting ") == 1
    with pytest.raises(ModelNotSupported, match="can't be exported to ONNX"):
        Encoder.load(folder, "cpu", "onnx")
    assert caplog.text.count("exporting ") == 1

    (noted,) = (tmp_path / "cache").rglob("refused-float32.json")
    noted.write_text(noted.read_text().replace('"torch": "', '"torch": "0.'))
    assert Encoder.load(folder, "cpu").backend == "torch"
    assert caplog.text.count("exporting ") == 2  # what another version couldn't, this one may


def test_a_graph_that_fails_is_an_error_of_the_model(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    facts = copy / "onnx" / "transformer.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "length": 600}))
    encoder = Encoder.load(copy, "cpu")
    assert encoder.backend == "onnx"
    with pytest.raises(ModelNotSupported, match="the model's graph can't be run"):
        encoder.encode_documents(["word " * 600])


def test_graphs_of_another_format_are_not_taken(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    facts = copy / "onnx" / "transformer.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "format": FORMAT - 1}))
    assert read_manifest(copy / "onnx", "float32") is None
    facts.write_text("[]")
    assert read_manifest(copy / "onnx", "float32") is None
    assert read_manifest(BUNDLED / "tiny" / "onnx", "float32")


def test_a_model_without_maximum_is_refused_on_onnx(tmp_path: Path) -> None:
    with pytest.raises(ModelNotSupported, match="can't run on ONNX: expected a masked-language model with max pooling"):
        Encoder.load(save("sum_pooling", tmp_path), "cpu", "onnx")
    with pytest.raises(ModelNotSupported, match="has nothing to export: expected a Transformer and a SpladePooling"):
        export_model(tmp_path / "sum_pooling")


def test_the_shipped_graphs_hold_no_weights_and_no_paths() -> None:
    graphs = [file for file in (BUNDLED / "tiny" / "onnx").iterdir() if file.suffix == ".onnx"]
    assert sum(graph.stat().st_size for graph in graphs) < 1_000_000
    assert not [graph for graph in graphs if b"/home/" in graph.read_bytes() or b".py" in graph.read_bytes()]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("modules.json", '[{"type": "a.b"}]'),
        ("modules.json", '[{"type": "a.b", "path": 1}]'),
        ("modules.json", '[{"type": "a.Router", "path": "x"}]'),
        ("modules.json", '{"a": 1}'),
        ("modules.json", "[1]"),
        ("modules.json", "[]"),
        ("modules.json", "[" * 100_000),
        ("config_sentence_transformers.json", "[]"),
        ("config_sentence_transformers.json", '{"prompts": ["query: "]}'),
        ("config_sentence_transformers.json", '{"prompts": {"query": 1}}'),
        ("config_sentence_transformers.json", '{"max_active_dims": "8"}'),
        ("config_sentence_transformers.json", '{"max_active_dims": -1}'),
        ("1_SpladePooling/config.json", "[]"),
        ("sentence_bert_config.json", "{"),
        ("tokenizer_config.json", "{"),
        ("config.json", "\x00"),
    ],
)
def test_a_damaged_configuration_is_an_error_of_the_model(tmp_path: Path, name: str, content: str) -> None:
    copy = copy_of_tiny(tmp_path)
    (copy / name).write_text(content)
    with pytest.raises(ModelNotSupported, match=r"copy"):
        Encoder.load(copy)


def test_a_module_outside_of_the_models_folder_is_an_error_of_the_model(tmp_path: Path) -> None:
    copy = copy_of_tiny(tmp_path)
    modules = json.loads((copy / "modules.json").read_text())
    for path in (str(BUNDLED / "tiny"), "\0"):
        (copy / "modules.json").write_text(json.dumps([modules[0] | {"path": path}, *modules[1:]]))
        with pytest.raises(ModelNotSupported, match=r"malformed configuration|Invalid model path"):
            Encoder.load(copy)


@pytest.fixture(scope="module")
def tiny_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_of_tiny(tmp_path_factory.mktemp("models"))


names = st.sampled_from(["a.Router", "a.SpladePooling", "a.Normalize"]) | json_values
entries = (
    st.fixed_dictionaries({"type": names, "path": st.sampled_from(["", "1_SpladePooling"]) | json_values}) | json_values
)
routes = st.dictionaries(st.sampled_from(["types", "structure", "parameters", "document"]), json_values)


@given(
    st.lists(entries, max_size=3) | json_values,
    st.dictionaries(st.sampled_from(["prompts", "max_active_dims", "similarity_fn_name"]), json_values) | json_values,
    routes | json_values,
)
def test_any_json_is_read_or_is_an_error_of_the_model(
    tiny_copy: Path, modules: Any, settings: Any, router: Any
) -> None:
    written = {"modules": modules, "config_sentence_transformers": settings, "router_config": router}
    for name, content in written.items():
        (tiny_copy / f"{name}.json").write_text(json.dumps(content))
    try:
        folder = ModelFolder.read(tiny_copy)
    except ModelNotSupported:
        return
    assert folder.document
    assert all(isinstance(prompt, str) for prompt in folder.prompts.values())
