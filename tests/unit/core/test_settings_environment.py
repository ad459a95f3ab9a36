"""Settings as environment variables, for another process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import SecretStr

from postings import Settings

WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=20)
PORTS = st.integers(0, 65535)
PASSWORDS = st.text(st.characters(min_codepoint=ord("!"), max_codepoint=ord("~"), exclude_characters="@/?#:[]\\,;%"))
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "model": WORDS | WORDS.map(Path),
    "device": WORDS,
    "backend": st.sampled_from(["auto", "torch", "onnx"]),
    "precision": st.sampled_from(["float32", "int8"]),
    "index_url": st.sampled_from(["data", "edge:a folder/ünder", "http://a:6333,http://b:6333"]) | WORDS.map(Path),
    "index_api_key": st.none() | st.text(st.characters(min_codepoint=33, max_codepoint=126)).map(SecretStr),
    "index_ca": st.none() | WORDS.map(Path),
    "index_grpc_port": st.none() | PORTS,
    "index_timeout": st.integers(1, 10**9),
    "index_on_disk": st.booleans(),
    "index_payload_on_disk": st.booleans(),
    "index_fields": st.dictionaries(WORDS | st.just('"{'), st.sampled_from(["keyword", "integer", "text"]), max_size=3),
    "index_replicas": st.none() | st.integers(1, 9),
    "collection": st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}", fullmatch=True),
    "passage_tokens": st.none() | st.integers(8, 10**6),
    "redis_url": PASSWORDS.map(lambda password: SecretStr(f"redis://user:{password}@localhost:6379/3")),
    "redis_ca": st.none() | WORDS.map(Path),
    "broker_url": st.none() | PASSWORDS.map(lambda password: SecretStr(f"amqp://user:{password}@rabbit:5672//")),
    "worker_port": st.none() | PORTS,
    "worker_events": st.booleans(),
    "log_json": st.booleans(),
}


@given(st.fixed_dictionaries({}, optional=FIELDS))
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_settings_read_from_the_environment_are_the_same(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, given: dict[str, Any]
) -> None:
    settings = Settings(**given)
    with monkeypatch.context() as context:
        context.chdir(tmp_path)
        for name, value in settings.to_environment().items():
            context.setenv(name, value)
        assert Settings() == settings


def test_what_files_say_is_in_the_environment_and_a_default_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("POSTINGS_REDIS_URL=redis://:secret@localhost/0\nPOSTINGS_COLLECTION=env\n")
    (tmp_path / "postings.toml").write_text('collection = "toml"\nindex_fields = {lang = "keyword"}\n')
    assert Settings(worker_threads=3).to_environment() == {
        "POSTINGS_COLLECTION": "env",
        "POSTINGS_INDEX_FIELDS": '{"lang": "keyword"}',
        "POSTINGS_REDIS_URL": "redis://:secret@localhost/0",
        "POSTINGS_WORKER_THREADS": "3",
    }


def test_a_process_in_another_folder_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (folder := tmp_path / "folder").mkdir()
    (folder / ".env").write_text("POSTINGS_COLLECTION=from-the-file\n")
    monkeypatch.chdir(folder)
    environment = {"PATH": "", "PYTHONPATH": ":".join(sys.path), **Settings(passage_tokens=64).to_environment()}
    code = "from postings import Settings; s = Settings(); print(s.collection, s.passage_tokens)"
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, check=True)
    assert run.stdout.decode().split() == ["from-the-file", "64"]
