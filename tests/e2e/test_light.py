"""What encodes without PyTorch, and what without ONNX Runtime either."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from string import ascii_lowercase

from postings import Document, Encoder, Settings, open_index
from postings.encoder.export.model import export_model
from postings_ingest import Pipeline
from postings_query import SearchClient
from tests.support.models import save

WORDS = f"the quick brown fox jumps over the lazy dog {' '.join(ascii_lowercase)}"
"""Of the vocabulary, a tenth of which any text activates in a model with random weights."""

HEAVY = {"torch", "transformers", "sentence_transformers", "onnx", "scipy"}


def modules_after(code: str, *arguments: str, printed: list[str] | None = None) -> set[str]:
    """The modules that code has imported; the lines that it printed are added to ``printed``."""
    code = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    *lines, modules = ran.stdout.splitlines()
    if printed is not None:
        printed += lines
    return set(json.loads(modules))


def test_the_bundled_model_encodes_without_pytorch() -> None:
    code = (
        "from postings import Encoder; e = Encoder.load('tiny');"
        "(v,) = e.encode_documents(['a lion']); e.evidence(['a lion'], [v.indices]); e.encode_queries(['x'])"
    )
    loaded = modules_after(code)
    assert "onnxruntime" in loaded
    assert not HEAVY & loaded


def test_an_inference_free_query_needs_neither(tmp_path: Path) -> None:
    code = "from postings import Encoder; assert len(Encoder.load(sys.argv[1]).encode_queries(['the lion'])[0])"
    assert not (HEAVY | {"onnxruntime"}) & modules_after(code, str(save("inference_free", tmp_path)))


def test_an_inference_free_query_is_explained_without_either(tmp_path: Path) -> None:
    encoder = Encoder.load(save("inference_free", tmp_path), "cpu", "torch")
    settings = Settings(index_url=str(tmp_path / "index"), words=0)
    with open_index(settings) as index:
        Pipeline(encoder, index, settings).run([Document("1", "the fox and the dog", "A lion")])
        (expected,) = SearchClient(index=index, encoder=encoder, settings=settings).search(WORDS, explain=True)
    code = """
from postings import Settings
from postings_query import SearchClient
with SearchClient(settings=Settings(index_url=sys.argv[1])) as client:
    (hit,) = client.search(sys.argv[2], explain=True)
print(sorted({hit.text[start:end] for part in hit.contributions for start, end in part.evidence}))
"""
    shown: list[str] = []
    loaded = modules_after(code, settings.index_url, WORDS, printed=shown)
    assert not (HEAVY | {"onnxruntime"}) & loaded
    spans = [span for part in expected.contributions for span in part.evidence]
    assert spans
    assert shown == [str(sorted({expected.text[start:end] for start, end in spans}))]


def test_indexing_and_searching_load_no_pytorch(tmp_path: Path) -> None:
    (tmp_path / "documents.jsonl").write_text('{"id": "1", "text": "A cheetah hunts."}\n')
    code = """
from postings_cli.main import run
for line in ("ingest documents.jsonl", "search cheetah --explain"):
    assert run([*line.split(), "--index", "index"]) == 0
"""
    code = f"import os; os.chdir({str(tmp_path)!r})" + code
    assert not HEAVY & modules_after(code)


def test_an_exported_model_encodes_without_pytorch(tmp_path: Path) -> None:
    folder = save("inference_free", tmp_path)
    (graphs,) = export_model(folder)
    assert graphs.parent.parent == folder
    code = (
        "import os; os.environ['XDG_CACHE_HOME'] = os.devnull; from postings import Encoder;"
        "e = Encoder.load(sys.argv[1]); (v,) = e.encode_documents(['the lion']); assert len(v)"
    )
    assert not HEAVY & modules_after(code, str(folder))
