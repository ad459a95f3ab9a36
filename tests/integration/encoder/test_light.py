"""What encodes without PyTorch, and what without ONNX Runtime either."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from postings.encoder.export.model import export_model
from tests.support.models import save

HEAVY = {"torch", "transformers", "sentence_transformers", "onnx", "scipy"}


def modules_after(code: str, *arguments: str) -> set[str]:
    code = f"import json, sys\n{code}\nprint(json.dumps(sorted(sys.modules)))"
    ran = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True)
    return set(json.loads(ran.stdout.splitlines()[-1]))


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
