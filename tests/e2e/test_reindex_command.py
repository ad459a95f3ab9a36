"""A collection is changed to another model with `postings reindex` and `postings models`."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from postings import EdgeIndex, Encoder
from tests.support.cli import Cli, Command
from tests.support.jsonl import write_jsonl
from tests.support.models import quiet_tiny

DOCUMENTS = [
    {"id": "lion", "text": "A lion hunts antelopes at dusk."},
    {"id": "bread", "text": "A man is eating a piece of bread."},
    {"id": "violin", "text": "A woman is playing violin."},
]


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return quiet_tiny(tmp_path_factory.mktemp("model"))


@pytest.fixture
def cli(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Cli:
    cli = Cli(tmp_path / "index", capsys)
    assert cli("ingest", write_jsonl(tmp_path / "a.jsonl", DOCUMENTS)).status == 0
    return cli


def judged(folder: Path, query: str, relevant: str) -> Path:
    """A BEIR folder with one query, without a corpus."""
    (folder / "qrels").mkdir(parents=True)
    write_jsonl(folder / "queries.jsonl", [{"_id": "q", "text": query}])
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\nq\t{relevant}\t1\n")
    return folder


def state(cli: Cli) -> list[tuple[str, str]]:
    return [(Path(each["name"]).name, each["state"]) for each in cli("models", "list", "--json").json["models"]]


def test_a_collection_is_reindexed_switched_rolled_back_and_rid_of_the_old_model(
    cli: Cli, new: Path, tmp_path: Path
) -> None:
    ran = cli("reindex", "--model", new)
    assert (ran.status, ran.err) == (0, "")
    first, last = ran.out.splitlines()
    assert first.startswith(f"3 of 3 passages have vectors of '{new}' (")
    assert last == f"search with it: postings models switch {new} --collection documents"
    assert state(cli) == [("tiny", "active"), ("quiet", "ready")]
    assert cli("search", "lion", "--json").json["model"] == "tiny"

    good = judged(tmp_path / "good", "lion", "lion")
    report = cli("models", "switch", "quiet", "--evaluate", good, "--json").json
    assert (report["ndcg_at_10"], report["ndcg_at_10_before"]) == (1.0, 1.0)
    assert state(cli) == [("tiny", "previous"), ("quiet", "active")]
    assert cli("search", "lion", "--json").json["model"] == str(new)
    assert cli("ingest", write_jsonl(tmp_path / "b.jsonl", [{"id": "b", "text": "a lion"}])).status == 0

    assert cli("models", "rollback").out == f"'documents' is searched with 'tiny', the previous one is '{new}'\n"
    assert {hit["id"] for hit in cli("search", "lion", "--json").json["hits"]} >= {"lion", "b"}
    refused = cli("models", "drop", "tiny")
    assert (refused.status, "model 'tiny' is active: switch to another model first" in refused.err) == (1, True)
    dropped = cli("models", "drop", str(new)).out.splitlines()
    assert dropped == [f"the vectors of '{new}' are deleted", "'documents' is searched with 'tiny'"]
    assert state(cli) == [("tiny", "active")]


def test_a_model_that_is_worse_or_not_complete_is_refused(cli: Cli, new: Path, tmp_path: Path) -> None:
    with EdgeIndex(tmp_path / "index") as index:
        encoder = Encoder.load(new, "cpu")
        index.add_model(encoder.fingerprint, encoder.location)
    refused = cli("models", "switch", "quiet")
    assert refused.status == 1
    assert f"3 passages have no vector of '{new}': run `postings reindex --model {new}`" in refused.err
    assert state(cli) == [("tiny", "active"), ("quiet", "building")]
    assert cli("reindex", "--model", new).status == 0
    refused = cli(
        "models", "switch", "quiet", "--evaluate", judged(tmp_path / "q", "lion", "lion"), "--min-ndcg", "1.1"
    )
    assert (refused.status, "nDCG@10 of" in refused.err, "less than --min-ndcg 1.1" in refused.err) == (1, True, True)
    unrelated = cli("models", "switch", "quiet", "--evaluate", judged(tmp_path / "u", "lion", "nobody"))
    assert (unrelated.status, "are they about this collection?" in unrelated.err) == (1, True)
    assert state(cli) == [("tiny", "active"), ("quiet", "ready")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["reindex"], "pass --model, or set POSTINGS_MODEL"),
        (["reindex", "--model", "tiny", "--rate", "0"], "at least 0.01 passages a second"),
        (["reindex", "--model", "tiny", "--queue"], "leave --queue out"),
        (["reindex", "--model", "tiny", "--no-wait"], "it needs --queue"),
        (["ingest", "a.jsonl", "--no-wait"], "it needs --queue"),
        (["search", "lion", "--rerank-top", "5"], "it needs --rerank"),
        (["models", "switch", "unknown"], "no model is called 'unknown'; it has 'tiny'"),
        (["models", "switch", "unknown"], "'postings reindex --model' adds one"),
        (["models", "switch", "tiny", "--min-ndcg", "0.5"], "it needs --evaluate"),
        (["models", "switch", "tiny", "--evaluate", ".", "--min-ndcg", "nan"], "expected at least 0, got nan"),
        (["models", "rollback"], "has no previous model"),
        (["models", "list", "--collection", "nowhere"], "there is no collection 'nowhere'"),
        (["reindex", "--model", "tiny", "--collection", "nowhere"], "there is no collection 'nowhere'"),
    ],
)
def test_what_cannot_be_done_is_said(cli: Cli, arguments: list[str], said: str) -> None:
    ran = cli(*arguments)
    assert ran.status != 0
    assert said in ran.err.replace("\n", " ")


def test_a_model_is_not_added_for_workers_if_there_is_no_queue(
    cli: Cli, new: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTINGS_REDIS_URL", "redis://127.0.0.1:1")
    assert "127.0.0.1:1" in cli("reindex", "--model", new, "--queue", "--no-wait").err
    assert state(cli) == [("tiny", "active")]


def test_after_ctrl_c_it_goes_on_where_it_stopped(tmp_path: Path, cli: Cli, new: Path) -> None:
    more = [{"id": str(number), "text": f"document number {number} about lions"} for number in range(400)]
    assert cli("ingest", write_jsonl(tmp_path / "more.jsonl", more)).status == 0
    command = ["reindex", "--model", str(new), "--rate", "200", "--json", "--index", str(tmp_path / "index")]
    process = Command(tmp_path, *command)
    time.sleep(1)  # whenever it comes, nothing is lost
    process.send_signal(signal.SIGINT)
    process.ended()
    ran = cli("reindex", "--model", new, "--json").json
    assert (ran["filled"], ran["passages"], ran["error"]) == (403, 403, None)
    assert state(cli) == [("tiny", "active"), ("quiet", "ready")]
