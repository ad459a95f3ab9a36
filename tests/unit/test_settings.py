"""Settings: where they come from, and what is refused. Each case runs in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from postings import EdgeIndex, Settings, open_index
from postings.errors import ConfigurationError


def shown(folder: Path, expression: str, **environment: str) -> str:
    """What an expression over ``settings`` prints, in a folder and environment of its own."""
    code = f"from postings import Settings\nsettings = Settings()\nprint({expression})"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environment, capture_output=True, text=True, check=False
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


MISTYPED = ["http:/u:hunter2@h:6333", "//u:hunter2@h", "u:hunter2@h:6333", "http//u:hunter2@h", "http:\\\\u:hunter2@h"]


@pytest.mark.parametrize("url", [*MISTYPED, "http://u:hunter2\\@h:6333", "https:/host", "HTTP:host"])
def test_a_mistyped_address_is_no_folder_and_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="address") as raised:
        Settings(index_url=url)
    assert "hunter2" not in f"{raised.value!r} {raised.value}"


@pytest.mark.parametrize(
    "folder", ["http-index", "data/http/x", "edge:me@home", "a@b", "C:\\data", "./u:x@y", "/srv/u:x@y"]
)
def test_odd_names_of_folders_are_folders(folder: str) -> None:
    assert Settings(index_url=folder).index_urls == ()


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


@pytest.mark.parametrize(
    ("url", "urls"),
    [
        ("http://a:6333", ("http://a:6333",)),
        ("http://a:6333,http://b:6333", ("http://a:6333", "http://b:6333")),
        (" https://a , https://b:6335/x,\n", ("https://a", "https://b:6335/x")),
        ("a folder, with a comma", ()),
        ("edge:http,folder", ()),
    ],
)
def test_a_cluster_has_several_addresses(url: str, urls: tuple[str, ...]) -> None:
    assert Settings(index_url=url).index_urls == urls


@pytest.mark.parametrize(
    "url",
    ["http://a,https://b", "http://a:6333,b:6333", "http://a:6333 http://b:6333", "http://a:port", "http://a,folder"],
)
def test_addresses_that_do_not_belong_together_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="setting 'index_url'"):
        Settings(index_url=url)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in Settings.model_fields.values())


def test_the_url_picks_the_engine(tmp_path: Path) -> None:
    for url in (str(tmp_path), f"edge:{tmp_path}"):
        with open_index(Settings(index_url=url)) as index:
            assert isinstance(index, EdgeIndex)
    with pytest.raises(ConfigurationError, match="'edge:PATH' or an http"):
        open_index(Settings(index_url="redis://localhost"))
