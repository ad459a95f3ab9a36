"""Settings: where they come from, and what is refused. Each case that reads files runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from postings import Settings
from postings.errors import ConfigurationError

PATHS = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}


def shown(folder: Path, expression: str, **environment: str) -> str:
    """What an expression over ``settings`` prints, in a folder and environment of its own."""
    code = f"from postings import Settings\nsettings = Settings()\nprint({expression})"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=PATHS | environment, capture_output=True, text=True, check=False
    )
    return ran.stdout.strip() or ran.stderr.strip().splitlines()[-1]


def test_the_environment_wins_over_dotenv_and_dotenv_over_toml(tmp_path: Path) -> None:
    (tmp_path / "postings.toml").write_text('model = "from-toml"\ncollection = "from-toml"\nindex_url = "from-toml"\n')
    (tmp_path / ".env").write_text("POSTINGS_MODEL=from-dotenv\nPOSTINGS_COLLECTION=from-dotenv\nOTHER_APP=1\n")
    expression = "settings.model, settings.collection, settings.index_url"
    assert shown(tmp_path, expression, POSTINGS_MODEL="from-env") == "from-env from-dotenv from-toml"


def test_secrets_are_not_printed(tmp_path: Path) -> None:
    printed = shown(tmp_path, "repr(settings), settings.model_dump()", POSTINGS_INDEX_API_KEY="hunter2")
    assert "index_api_key" in printed
    assert "hunter2" not in printed


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("modle = 'x'", "unknown ['modle']: the settings are backend, batch_seconds"),
        ("model = ", "postings.toml can't be read"),
        ("index_timeout = 0", "setting 'index_timeout'"),
        ("index_timeout = 'soon'", "got 'soon'"),
    ],
)
def test_a_wrong_settings_file_is_named(tmp_path: Path, toml: str, expected: str) -> None:
    (tmp_path / "postings.toml").write_text(toml)
    assert expected in shown(tmp_path, "settings.model")


def test_an_error_names_the_variable_and_where_it_stands(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTINGS_INDEX_TIMEOUT=soon\n")
    (tmp_path / "postings.toml").write_text("passage_overlap = -1\n")
    assert "'index_timeout' (POSTINGS_INDEX_TIMEOUT in .env): Input" in shown(tmp_path, "1")
    said = shown(tmp_path, "1", postings_index_timeout="never")
    assert "'index_timeout' (POSTINGS_INDEX_TIMEOUT in the environment): Input" in said
    assert said.endswith("got 'never'")
    right = shown(tmp_path, "1", POSTINGS_INDEX_TIMEOUT="30")
    assert "setting 'passage_overlap' (postings.toml): Input should be greater" in right


def test_a_value_that_is_no_json_names_where_it_stands(tmp_path: Path) -> None:
    expected = "setting 'index_fields' (POSTINGS_INDEX_FIELDS in {}): expected JSON"
    assert expected.format("the environment") in shown(tmp_path, "1", POSTINGS_INDEX_FIELDS="lang")
    (tmp_path / ".env").write_text("POSTINGS_INDEX_FIELDS=lang\n")
    assert expected.format(".env") in shown(tmp_path, "1", POSTINGS_INDEX_FIELDS="{}")


@pytest.mark.parametrize("name", [".env", "postings.toml"])
def test_a_file_of_settings_that_is_no_text_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"POSTINGS_MODEL=caf\xe9\n")
    assert f"ConfigurationError: {name} can't be read" in shown(tmp_path, "1")


def test_a_mark_of_the_order_of_bytes_hides_no_variable(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"\xef\xbb\xbfPOSTINGS_MODEL=named\n")
    assert shown(tmp_path, "settings.model") == "named"


def test_a_misspelt_variable_is_warned_about_once_with_the_nearest_name(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("POSTINGS_REDISURL=x\nOTHER=1\nPOSTINGS_MODEL=named\n")
    foreign = {"POSTINGS_TEST_REDIS_URL": "x", "POSTINGS_WORKER_SERVICE_HOST": "10.0.0.1", "POSTINGS_TRACEBACK": "1"}
    code = "from postings import Settings\nSettings()\nSettings()"
    ran = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**PATHS, "POSTINGS_MODLE": "x", "POSTINGS_XYZZY": "x", **foreign},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stderr.splitlines() == [
        "POSTINGS_MODLE in the environment isn't a setting: did you mean POSTINGS_MODEL?",
        "POSTINGS_XYZZY in the environment isn't a setting, and has no effect",
        "POSTINGS_REDISURL in .env isn't a setting: did you mean POSTINGS_REDIS_URL?",
    ]


def test_a_folder_that_is_there_is_one_though_its_name_is_a_hosts(tmp_path: Path) -> None:
    (tmp_path / "news.io").mkdir()
    (tmp_path / ".env").write_text("POSTINGS_INDEX_URL=news.io\n")
    assert shown(tmp_path, "settings.index_folder") == "news.io"


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"unknown \['modle'\]"):
        Settings(modle="tiny")
    with pytest.raises(ConfigurationError, match=r"setting 'passage_tokens': .* got 3"):
        Settings(passage_tokens=3)


def test_stray_white_space_is_stripped_from_every_setting() -> None:
    words = {name for name, field in Settings.model_fields.items() if isinstance(field.default, str)}
    for name in words:
        plain = getattr(Settings(), name)
        assert getattr(Settings(**{name: f" {plain}\r\n"}), name) == plain  # type: ignore[arg-type]
    settings = Settings(
        index_api_key="key\n",  # type: ignore[arg-type]
        redis_url=SecretStr(" redis://host\n"),
        index_ca=" ca.pem\n",  # type: ignore[arg-type]
        index_grpc_port=" 6334\n",  # type: ignore[arg-type]
    )
    assert settings.index_api_key == SecretStr("key")
    assert settings.redis_url == SecretStr("redis://host")
    assert (settings.index_ca, settings.index_grpc_port) == (Path("ca.pem"), 6334)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_a_line_of_dotenv_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("POSTINGS_MODEL=tiny\n# a comment\n\nexport A=b\nthis is not a variable\n")
    with pytest.raises(ConfigurationError, match=r"^\.env can't be read: line 5: expected NAME=value$"):
        Settings()
    Path(".env").write_text('POSTINGS_COLLECTION="unclosed\n')
    with pytest.raises(ConfigurationError, match="line 1"):
        Settings()
