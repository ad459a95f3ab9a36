"""No error and no log shows a secret: an address, a setting, a library's words, a log line."""

from __future__ import annotations

import json
import logging
import re
import traceback
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import SecretStr

from postings import Settings
from postings.errors import ConfigurationError, IndexUnavailable, PostingsError
from postings.index.server import ServerIndex
from postings.secrets import _patterns, redacted, safe_cause, secrets_of, without_secrets
from postings_cli.main import run
from postings_ingest.worker.logs import JsonFormatter, RedactingFormatter, TextFormatter
from tests.support.qdrant_server import free_pair
from tests.support.scripted_http import answering

PARTS = ("FIRST", "LAST")
"""Of each secret below: neither may be seen, whatever stands between them."""

secrets = st.text(max_size=12).map(lambda inner: f"{PARTS[0]}{inner}{PARTS[1]}")
reserved = st.text(st.sampled_from("@/?#:[];,%&=+ \n'\"\\é"), max_size=8).map(
    lambda inner: f"{PARTS[0]}{inner}{PARTS[1]}"
)
passwords = secrets | reserved


def hidden(text: str) -> bool:
    return not any(part in text for part in PARTS)


def made(name: str, value: object) -> Settings | ConfigurationError:
    """Settings with one of them given, or why it can't be used."""
    try:
        return Settings(**{name: value})  # type: ignore[arg-type]
    except ConfigurationError as error:
        return error


def told(error: BaseException) -> str:
    """All that a traceback says."""
    return "".join(traceback.format_exception(error))


@given(passwords)
@example("FIRST@ss/word#1LAST")
@example("FIRST,x://LAST")
@example("FIRST@a,x://b@cLAST")
@example("FIRST]LAST")
def test_an_address_is_shown_without_its_password_however_that_is_written(password: str) -> None:
    for url in (
        f"redis://:{password}@host:6379/0",
        f"http://user:{quote(password, safe='', errors='replace')}@host:6379",
        f"amqp://u:{password}@host:6379/;amqp://u:{password}@host:6379/",
        f":{password}@host:6379",
    ):
        assert hidden(redacted(url))
        assert "host:6379" in redacted(url)


def test_an_address_without_a_host_does_not_show_what_stands_for_one() -> None:
    assert redacted("redis://:12345") == "redis://"
    assert redacted("redis://user:secret/0") == "redis://user"
    assert redacted("http://h:6333?api-key=secret") == "http://h:6333"
    assert redacted("http://[::1]:6333,http://b:6333") == "http://[::1]:6333,http://b:6333"


@given(passwords)
def test_a_setting_is_used_or_refused_but_never_shown(secret: str) -> None:
    for name, value in (
        ("index_api_key", secret),
        ("index_api_key", SecretStr(secret)),
        ("index_url", f"http://user:{secret}@host:6333"),
        ("redis_url", f"redis://:{secret}@host:6379/0"),
        ("broker_url", f"amqp://user:{secret}@host//"),
    ):
        found = made(name, value)
        if isinstance(found, Settings):
            assert hidden(repr(found) + str(found))
            assert secret.strip() in found.secrets()
        else:
            assert hidden(told(found))
            assert f"setting {name!r}" in str(found)


@given(passwords)
@example("FIRST/LAST")
@example("FIRST@LAST")
@example("FIRST@h:1,LAST")
def test_an_address_without_a_scheme_is_refused_and_its_secret_never_shown(secret: str) -> None:
    for url in (
        f"user:{secret}@host:6333",
        f"user:{secret}@host",
        f"{secret}@host:6333",
        f"{secret}@host.com",
        f"localhost:6333/?api_key={secret}",
        f"localhost?api_key={secret}",
        f"a:6333/#{secret},b:6333",
        f"a:6333,{secret}@b:6333",
        f"a:6333,b:6333?api_key={secret}",
    ):
        if re.match(rf"{PARTS[0]}[A-Za-z0-9+.-]*://", url):
            continue  # that is a scheme, which is shown
        found = made("index_url", url)
        assert isinstance(found, ConfigurationError), url
        assert hidden(told(found)), url


@given(passwords)
@example("FIRST&LAST")
@example("FIRST;redis://LAST")
def test_what_is_wrong_with_an_address_of_redis_is_told_without_its_secrets(secret: str) -> None:
    for name, url in (
        ("redis_url", f"redis://host:6379/0?password={secret}"),
        ("redis_url", f"redis://user:{secret}@host:6379/documents"),
        ("broker_url", f"redis://user:{secret}@host;sentinel://user:{secret}@host"),
        ("broker_url", f"amqp://user:{secret}@host//;redis://host"),
    ):
        found = made(name, url)
        assert isinstance(found, Settings) or hidden(told(found)), url


@given(passwords, st.text(max_size=5), st.text(max_size=5))
def test_a_librarys_words_lose_a_secret_in_every_form_it_is_quoted_in(secret: str, before: str, after: str) -> None:
    for form in (secret, quote(secret, safe="", errors="replace"), repr(secret), json.dumps(secret)):
        assert hidden(without_secrets(before + form + after, [secret]))


def test_a_short_secret_does_not_tear_words_apart() -> None:
    assert without_secrets("a part of 'a' b", ["a"]) == "*** part of '***' b"
    assert without_secrets("Authorization of http://me:a@host", ["a"]) == "Authorization of http://host"


@pytest.mark.parametrize("part", ["a", "a://", "a://b@", "a+", "@", "FIRST", "://'"])
def test_a_text_of_any_length_is_searched_in_one_pass(part: str) -> None:
    text = part * (1_000_000 // len(part))
    assert "b@" not in without_secrets(text, ["FIRSTLAST", "a"])


def test_the_forms_of_secrets_are_made_once_not_for_each_text() -> None:
    before = _patterns.cache_info().misses
    for number in range(100):
        assert hidden(without_secrets(f"line {number} FIRSTLAST", {"FIRSTLAST", f"only {number // 100} here"}))
    assert _patterns.cache_info().misses - before == 1


def test_of_a_secret_within_another_the_longer_is_hidden() -> None:
    assert without_secrets("abcdef abcd", ["abcd", "abcdef"]) == "*** ***"
    assert without_secrets("://a@b@host,http://c:d@e x@y", []) == "://e x@y"


def test_the_secrets_of_an_address_are_its_password_or_token_and_those_of_its_query() -> None:
    assert list(secrets_of("redis://h:6379/0?ssl_password=one&db=2")) == ["one"]
    assert list(secrets_of("amqp://u:one@a;amqp://u:two@b")) == ["one", "two"]
    assert list(secrets_of("https://token@h:6333")) == ["token"]
    assert list(secrets_of("http://h:6333")) == []


def test_a_cause_that_shows_a_secret_is_not_raised_from() -> None:
    harmless = OSError("refused")
    assert safe_cause(harmless, ["FIRSTLAST"]) is harmless
    harmless.__cause__ = ValueError("Illegal header value b'FIRSTLAST'")
    assert safe_cause(harmless, ["FIRSTLAST"]) is None


def test_no_error_on_the_way_to_a_server_and_no_log_shows_key_or_password(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    for body in ('{"status":{"error":"key FIRSTLAST is wrong"}}', "<FIRSTLAST>"):
        for status in (200, 403, 500):
            with answering(status, body) as url, pytest.raises(PostingsError) as caught:
                ServerIndex.connect(
                    Settings(
                        index_url=url.replace("//", "//me:FIRST%2FLAST@"),
                        index_api_key="FIRSTLAST",  # type: ignore[arg-type]
                        index_timeout=1,
                    )
                )
            assert hidden(told(caught.value)), told(caught.value)
    nobody = f"http://me:FIRST%2FLAST@127.0.0.1:{free_pair()}"
    with pytest.raises(IndexUnavailable) as caught:
        ServerIndex.connect(Settings(index_url=f"{nobody},{nobody}/", index_timeout=1))
    assert hidden(told(caught.value))
    assert hidden(caplog.text)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POSTINGS_INDEX_API_KEY", "FIRST\nLAST"),
        ("POSTINGS_INDEX_API_KEY", "FIRSTéLAST"),
        ("POSTINGS_INDEX_URL", "http://me:FIRST@LAST@127.0.0.1:1"),
        ("POSTINGS_REDIS_URL", "redis://:FIRST@ss/word#LAST@127.0.0.1:1/0"),
        ("POSTINGS_BROKER_URL", "amqp://me:FIRST LAST@127.0.0.1:1//"),
    ],
)
def test_a_command_names_the_setting_and_not_the_secret(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, value)
    assert run(["info"]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(
        f"error: setting '{name.removeprefix('POSTINGS_').lower()}' ({name} in the environment): "
    )
    assert hidden(said.out + said.err)


@pytest.mark.parametrize("formatter", [TextFormatter(), JsonFormatter()], ids=["text", "json"])
@pytest.mark.parametrize("secret", ["FIRSTLAST", 'FIRST"LAST', "FIRST\\LAST", "FIRST%LAST"])
def test_a_workers_log_hides_what_a_library_quotes(formatter: logging.Formatter, secret: str) -> None:
    try:
        raise OSError(f"can't connect to amqp://me:{quote(secret)}@host with {secret!r}")
    except OSError as error:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "failed: %s", (error,), (OSError, error, None))
    line = RedactingFormatter(formatter, [secret]).format(record)
    assert hidden(line)
    assert "amqp://host" in line
