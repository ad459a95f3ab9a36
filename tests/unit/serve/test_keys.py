"""API keys are stored without their secrets, and refused once they are revoked."""

from __future__ import annotations

import json
import stat
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings import Settings
from postings.errors import ConfigurationError
from postings_serve.keys import SCOPES, Key, KeyFile

scopes = st.frozensets(st.sampled_from(SCOPES), min_size=1)
names = st.text(min_size=1).filter(str.strip)


@given(name=names, scopes=scopes, tenant=st.none() | st.text("ab-", min_size=1, max_size=5))
def test_a_key_survives_json(name: str, scopes: frozenset[Any], tenant: str | None) -> None:
    key, text = Key.create(name, scopes, tenant)
    assert Key.from_json(json.loads(json.dumps(key.to_json()))) == key
    assert text not in json.dumps(key.to_json())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_what_is_no_key_is_refused(fields: Any) -> None:
    with pytest.raises(ValueError, match="expected a key"):
        Key.from_json(fields)


@pytest.mark.parametrize(
    ("name", "scopes", "tenant", "problem"),
    [
        (" ", {"read"}, None, "a key needs a name"),
        ("shop", set(), None, "a key needs scopes"),
        ("shop", {"read", "root"}, None, "a key needs scopes"),
        ("shop", {"read"}, " ", "name of a tenant"),
    ],
)
def test_a_key_needs_a_name_and_scopes(name: str, scopes: set[Any], tenant: str | None, problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        Key.create(name, frozenset(scopes), tenant)


def test_only_the_whole_text_is_the_key(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    key, text = Key.create("shop", frozenset({"read"}))
    other, _ = Key.create("other", frozenset({"admin"}))
    keys.add(key)
    keys.add(other)
    assert keys.find(text) == key
    secret = text.split("_", 2)[2]
    for wrong in (
        "",
        text[:-1],
        f"{text}x",
        text.swapcase(),
        secret,
        f"postings_{other.id}_{secret}",
        key.digest,
        "ü\ud800",
    ):
        assert keys.find(wrong) is None


def test_the_file_has_no_secret_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    key, text = Key.create("shop", frozenset({"read"}))
    keys.add(key)
    assert text.split("_", 2)[2] not in (tmp_path / "keys.json").read_text()
    assert stat.S_IMODE((tmp_path / "keys.json").stat().st_mode) == 0o600


def test_another_process_s_change_is_seen_at_once(tmp_path: Path) -> None:
    mine, theirs = KeyFile(tmp_path / "keys.json"), KeyFile(tmp_path / "keys.json")
    key, text = Key.create("shop", frozenset({"read"}))
    assert not mine.required
    theirs.add(key)
    assert mine.required
    assert mine.find(text) == key
    theirs.revoke(key.id)
    assert mine.find(text) is None


@pytest.mark.parametrize("end", ["all revoked", "file gone"])
def test_keys_are_needed_for_ever_once_there_was_one(tmp_path: Path, end: str) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    key, _ = Key.create("shop", frozenset({"read"}))
    keys.add(key)
    assert keys.required
    if end == "all revoked":
        keys.revoke(key.id)
        assert KeyFile(tmp_path / "keys.json").required, "also after a restart"
    else:
        keys.path.unlink()  # type: ignore[union-attr]
    assert keys.required


def test_no_key_is_lost_when_several_are_added_at_once(tmp_path: Path) -> None:
    made = [Key.create(str(n), frozenset({"read"}))[0] for n in range(20)]
    threads = [threading.Thread(target=KeyFile(tmp_path / "keys.json").add, args=(key,)) for key in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {key.id for key in KeyFile(tmp_path / "keys.json").all()} == {key.id for key in made}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"keys": 1}', '{"keys": [{}]}', "\x00"])
def test_a_file_that_is_none_of_keys_is_an_error_not_an_open_door(tmp_path: Path, content: str) -> None:
    (tmp_path / "keys.json").write_text(content)
    with pytest.raises(ConfigurationError, match=r"isn't a file of API keys: [Ee]xpect"):
        KeyFile(tmp_path / "keys.json")


def test_an_index_that_is_a_file_is_said(tmp_path: Path) -> None:
    (file := tmp_path / "index").touch()
    with pytest.raises(ConfigurationError, match=r"the index needs a folder, but .*index is a file"):
        KeyFile.of_settings(Settings(index_url=str(file)))
    assert not KeyFile.of_settings(Settings(index_url=str(file), serve_keys=tmp_path / "keys.json")).required


def test_an_unknown_key_can_not_be_revoked(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="there is no key 'x'"):
        KeyFile(tmp_path / "keys.json").revoke("x")


def test_keys_for_a_server_need_a_file() -> None:
    keys = KeyFile.of_settings(Settings(index_url="http://localhost:6333"))
    assert not keys.required
    with pytest.raises(ConfigurationError, match="POSTINGS_SERVE_KEYS"):
        keys.add(Key.create("shop", frozenset({"read"}))[0])


def test_a_file_that_breaks_leaves_the_keys_that_were_there(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    key, text = Key.create("shop", frozenset({"read"}))
    keys.add(key)
    assert keys.find(text) == key
    (tmp_path / "keys.json").write_text("{")
    assert keys.find(text) == key
    assert keys.find("other") is None
    assert len(caplog.records) == 1, "it is logged once"
    KeyFile(tmp_path / "other.json").add(Key.create("new", frozenset({"read"}))[0])
    (tmp_path / "other.json").replace(tmp_path / "keys.json")
    assert keys.find(text) is None, "and a file that is right again holds"
