"""`postings keys`: what it prints, and that a service which runs sees each change at once."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from postings_cli.main import run
from tests.support.cli import Cli
from tests.support.serve_command import serves


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.delenv("POSTINGS_SERVE_KEYS", raising=False)
    return Cli(tmp_path / "index", capsys)


def test_a_key_is_printed_once_and_then_only_named(cli: Cli) -> None:
    assert cli("keys", "list").err == "no keys: requests need none\n"
    made = cli("keys", "create", "shop", "--scope", "write", "--scope", "read")
    assert re.fullmatch(r"postings_[0-9a-f]+_[\w-]{43}\n", made.out)
    id = made.out.split("_")[1]
    assert made.err == f"key {id} for 'shop' may read and write; it isn't shown again\n"
    listed = cli("keys", "list")
    assert re.fullmatch(rf"{id}  read, write  20\d\d-\d\d-\d\d  shop\n", listed.out)
    stored = Path(cli.folder, ".keys.json").read_text()
    assert made.out.strip() not in listed.out + listed.err + stored
    assert cli("keys", "revoke", id).out == f"key {id} for 'shop' is revoked\n"
    empty = cli("keys", "list")
    assert (empty.status, empty.out) == (0, "")
    assert "but requests need one, until" in empty.err


def test_keys_as_json(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTINGS_TENANT_FIELD", "customer")
    made = cli("keys", "create", "reports", "--json")
    assert (made.status, made.err) == (0, "")
    assert made.json["scopes"] == ["read"]
    assert made.json["key"].startswith(f"postings_{made.json['id']}_")
    tenants = cli("keys", "create", "ann's", "--tenant", "ann", "--json").json
    assert tenants["tenant"] == "ann"
    listed = cli("keys", "list", "--json").json
    assert listed == [{name: each[name] for name in each if name != "key"} for each in (made.json, tenants)]
    assert all("digest" not in each for each in listed)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["create", "shop", "--scope", "everything"], "scopes among read, write, admin, got ['everything']"),
        (["create", " "], "a key needs a name"),
        (["create", "shop", "--tenant", ""], "expected the name of a tenant"),
        (["create", "shop", "--tenant", "ann"], "POSTINGS_TENANT_FIELD"),
        (["revoke", "5f0c"], "there is no key '5f0c'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line_and_changes_nothing(cli: Cli, arguments: list[str], said: str) -> None:
    ran = cli("keys", *arguments)
    assert (ran.status, ran.out) == (1, "")
    assert ran.err.startswith("error: ")
    assert ran.err.count("\n") == 1
    assert said in ran.err
    assert cli("keys", "list", "--json").json == []


def test_before_a_server_a_file_must_be_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("POSTINGS_SERVE_KEYS", raising=False)
    server = ["--index", "http://qdrant:6333"]
    assert run(["keys", "create", "shop", *server]) == 1
    assert "set POSTINGS_SERVE_KEYS to a file" in capsys.readouterr().err
    monkeypatch.setenv("POSTINGS_SERVE_KEYS", str(tmp_path / "keys.json"))
    assert run(["keys", "create", "shop", *server]) == 0
    assert (tmp_path / "keys.json").stat().st_mode & 0o777 == 0o600


def test_a_service_sees_new_and_revoked_keys_at_once(cli: Cli, tmp_path: Path) -> None:
    with serves(tmp_path) as serve:
        service = serve()

        def status(key: str | None, method: str = "GET", path: str = "/v1/collections") -> int:
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            return httpx.request(
                method, service.url + path, headers=headers, json={} if method == "POST" else None
            ).status_code

        assert status(None) == 200
        first = cli("keys", "create", "first", "--scope", "read", "--json").json
        assert (status(None), status(first["key"]), status("postings_5f0c_guess")) == (401, 200, 401)
        assert status(first["key"], "POST", "/v1/documents") == 403
        second = cli("keys", "create", "second", "--scope", "write", "--json").json
        assert status(second["key"], "POST", "/v1/documents") == 422
        assert cli("keys", "revoke", first["id"]).status == 0
        assert status(first["key"]) == 401
        assert cli("keys", "revoke", second["id"]).status == 0
        assert status(None) == 401  # nobody may do everything because the last key is gone
