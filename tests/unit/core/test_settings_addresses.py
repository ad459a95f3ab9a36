"""Addresses of the index, Redis and the broker: what they mean, and what is refused without showing a secret."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from postings import EdgeIndex, Settings, open_index
from postings.errors import ConfigurationError


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
        ("amqp://a//;b", "expected a URL that begins with the kind of broker"),
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


def test_the_url_picks_the_engine(tmp_path: Path) -> None:
    for url in (str(tmp_path), f"edge:{tmp_path}"):
        with open_index(Settings(index_url=url)) as index:
            assert isinstance(index, EdgeIndex)
    with pytest.raises(ConfigurationError, match="'edge:PATH' or an http"):
        open_index(Settings(index_url="redis://localhost"))
