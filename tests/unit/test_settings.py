"""Settings: where they come from, and what is refused. Each case runs in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from postings import EdgeIndex, Settings, open_index
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
    (tmp_path / "postings.toml").write_text("worker_threads = 0\n")
    assert "'index_timeout' (POSTINGS_INDEX_TIMEOUT in .env): Input" in shown(tmp_path, "1")
    said = shown(tmp_path, "1", postings_index_timeout="never")
    assert "'index_timeout' (POSTINGS_INDEX_TIMEOUT in the environment): Input" in said
    assert said.endswith("got 'never'")
    right = shown(tmp_path, "1", POSTINGS_INDEX_TIMEOUT="30")
    assert "setting 'worker_threads' (postings.toml): Input should be greater" in right


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


@pytest.mark.parametrize(
    "address",
    [
        "localhost:6333",
        "qdrant:6333/",
        "xyz.eu-central.aws.cloud.qdrant.io:6333",
        "xyz.eu-central.aws.cloud.qdrant.io",
        "10.0.0.7",
        "[::1]:6333",
        "a:6333,b:6333",
        "localhost/qdrant",
    ],
)
def test_an_address_without_scheme_asks_for_one_and_is_named(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"'index_url': this looks like the address .* put http") as raised:
        Settings(index_url=address)
    assert str(raised.value).endswith(f"got {address!r}")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("user:pa/ss@host:6333", "host:6333"),
        ("token@host.com:6333", "host.com:6333"),
        ("token@host.com", "host.com"),
        ("to/ken@host:6333/x", "host:6333/x"),
        ("localhost:6333/?api_key=secret", "localhost:6333/"),
        ("localhost?api_key=secret", "localhost"),
        ("a:6333/#secret,b:6333", "a:6333/"),
    ],
)
def test_an_address_without_scheme_is_refused_and_shows_no_secret(address: str, shown: str) -> None:
    with pytest.raises(ConfigurationError, match=r"'index_url': this looks like the address") as raised:
        Settings(index_url=address)
    assert str(raised.value).endswith(f"got {shown!r}")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("amqp://a//;sentinel://b", "all brokers must be of the same kind, got 'amqp://a//,sentinel://b'"),
        ("redis://a;amqp://u:hunter2@b//", "all brokers must be of the same kind, got 'redis://"),
        ("redis://a;redis://b", "the address of one Redis: use that of the primary, .*, got 'redis://a,redis://b'"),
        ("amqp://a//;b", "expected the kind of broker in front"),
        ("amqp://a//;amqp://b//", None),
    ],
)
def test_a_list_of_brokers_is_of_one_kind(url: str, expected: str | None) -> None:
    if expected is None:
        assert Settings(broker_url=url).broker_url == SecretStr(url)  # type: ignore[arg-type]
        return
    with pytest.raises(ConfigurationError, match=f"setting 'broker_url': .*{expected}") as raised:
        Settings(broker_url=url)  # type: ignore[arg-type]
    assert "hunter2" not in str(raised.value)


def test_a_folder_that_is_there_is_one_though_its_name_is_a_hosts(tmp_path: Path) -> None:
    (tmp_path / "news.io").mkdir()
    (tmp_path / ".env").write_text("POSTINGS_INDEX_URL=news.io\n")
    assert shown(tmp_path, "settings.index_folder") == "news.io"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://", "the name of the server is missing"),
        ("http://:6333", "the name of the server is missing"),
        ("grpc://localhost:6334", r"an http\(s\) URL, got 'grpc://localhost:6334'"),
        ("http://localhost:6333?api_key=Zq", "must not have '\\?'"),
        ("http://localhost:6333/dashboard", "leave out /dashboard"),
    ],
)
def test_what_no_request_can_be_sent_to_is_refused_when_it_is_read(url: str, expected: str) -> None:
    with pytest.raises(ConfigurationError, match=expected) as raised:
        Settings(index_url=url)
    assert "Zq" not in str(raised.value)


def test_the_scheme_may_be_in_capitals() -> None:
    assert Settings(index_url="HTTPS://a, Https://b:1").index_urls == ("https://a", "https://b:1")


@pytest.mark.parametrize("setting", ["redis_url", "broker_url"])
@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("localhost:6379", "got 'localhost:6379'"),
        ("sentinel://h:26379/0", "the address of one Redis: use that of the primary, .*, got 'sentinel://h:26379/0'"),
        ("redis+sentinel://h:26379/0", "the address of one Redis"),
        ("redis+cluster://h:7000", "the address of one Redis"),
        ("redis+socket:///r.sock", "write unix:///PATH"),
        ("valkey://h", "write redis://"),
        ("unix://r.sock", None),
        ("unix://", "expected the path of a socket"),
        ("redis://h/documents", "the number of a database"),
        ("redis://h:1,g:2/0", None),
        ("redis://h?db=first", "option 'db' must be the number of a database"),
        ("redis://h?decode_responses=False", "an option 'decode_responses': expected one of client_name, db,"),
        ("redis://h?ssl_cert_reqs=none", "an option 'ssl_cert_reqs'"),
    ],
)
def test_what_is_no_address_of_one_redis_is_refused_by_name_when_it_is_read(
    setting: str, url: str, expected: str | None
) -> None:
    with pytest.raises(ConfigurationError, match=f"setting '{setting}': .*{expected or ''}"):
        Settings(**{setting: url})  # type: ignore[arg-type]


MISTYPED = ["http:/u:hunter2@h:6333", "//u:hunter2@h", "u:hunter2@h:6333", "http//u:hunter2@h", "http:\\\\u:hunter2@h"]


@pytest.mark.parametrize("url", [*MISTYPED, "http://u:hunter2\\@h:6333", "https:/host", "HTTP:host"])
def test_a_mistyped_address_is_no_folder_and_is_not_shown(url: str) -> None:
    with pytest.raises(ConfigurationError, match="address") as raised:
        Settings(index_url=url)
    assert "hunter2" not in f"{raised.value!r} {raised.value}"


@pytest.mark.parametrize(
    "folder",
    [
        "http-index",
        "data/http/x",
        "edge:me@home",
        "a@b",
        "C:\\data",
        "C:/data/me@home",
        "./u:x@y",
        "/srv/u:x@y",
        "a/b@c",
        "../u@h:1",
    ],
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


def test_a_line_of_dotenv_that_cannot_be_read_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("POSTINGS_MODEL=tiny\n# a comment\n\nexport A=b\nthis is not a variable\n")
    with pytest.raises(ConfigurationError, match=r"^\.env can't be read: line 5: expected NAME=value$"):
        Settings()
    Path(".env").write_text('POSTINGS_COLLECTION="unclosed\n')
    with pytest.raises(ConfigurationError, match="line 1"):
        Settings()
