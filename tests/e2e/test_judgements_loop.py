"""From hits that somebody judges to a model that was trained on them, by the commands as users run them."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from postings_training import load_beir
from tests.support.beir import ENCYCLOPEDIA
from tests.support.cli import json_commands
from tests.support.serve_command import Serve, ServeCommand, serves
from tests.support.training import QUICK
from tests.support.worker import until

Postings = Callable[..., Any]
PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "judgements.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^postings (.+)$", PAGE, re.MULTILINE)
WRONG = "which article is about nothing at all"


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServeCommand]:
    with serves(tmp_path) as serve:
        starting: Serve = serve
        yield starting()


@pytest.fixture
def postings(service: ServeCommand, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Postings:
    """Runs commands on the folder that the service has open, and reads what they print as JSON."""
    monkeypatch.setenv("POSTINGS_INDEX_URL", str(tmp_path / "index"))
    monkeypatch.chdir(tmp_path)
    return json_commands(capsys)


def test_judged_hits_measure_train_and_switch_a_model(service: ServeCommand, postings: Postings) -> None:
    postings("ingest", ENCYCLOPEDIA / "corpus.jsonl", "--id-field", "_id")
    articles = [json.loads(line)["_id"] for line in (ENCYCLOPEDIA / "corpus.jsonl").read_text().splitlines()]
    judgements = [{"query": WRONG, "id": articles[0], "grade": 0}]
    for split in ("train", "test"):
        judged = load_beir(ENCYCLOPEDIA, split)
        for query_id, grades in judged.judgements.items():
            judgements += [
                {"query": judged.queries[query_id], "id": id, "grade": grade} for id, grade in grades.items()
            ]
    saved = service.http.post("/v1/judgements", json={"judgements": judgements})
    assert saved.json() == {"saved": len(judgements), "removed": 0}

    export, evaluate, mine, train, compare, reindex, switch = map(shlex.split, COMMANDS)
    written = postings(*export)
    assert (written["documents"], written["judgements"], written["absent"]) == (96, len(judgements), 0)
    assert sum(written["queries"].values()) == 201

    tested = list(load_beir("testset").queries.values())

    def measured() -> Any:
        answer = service.http.post("/v1/judgements/evaluate", json={"words": 0, "queries": tested})
        assert answer.status_code == 200, answer.text
        return answer.json()

    before = measured()
    assert before["model"] == "tiny"
    assert before["ndcg_at_10"] == pytest.approx(figure(postings(*evaluate)), abs=1e-6)

    assert postings(*mine)["pairs"] > 60
    changes = [part for each in (*QUICK, "training.steps=4") for part in ("--set", each)]
    assert postings(*train, *changes)["steps"] == 4
    expected = figure(postings(*compare))
    reindexed = postings(*reindex)
    assert reindexed["filled"] == reindexed["passages"]
    switched = postings(*switch, "--min-ndcg", "0")
    assert switched["ndcg_at_10_before"] == pytest.approx(before["ndcg_at_10"], abs=1e-6)
    assert switched["ndcg_at_10"] == pytest.approx(expected, abs=1e-6)

    until(lambda: measured()["model"] == str(Path("better").resolve()), "the service goes on with the old model")
    assert measured()["ndcg_at_10"] == pytest.approx(expected, abs=1e-6)


def figure(evaluated: Any) -> float:
    """nDCG@10 of the first system."""
    return float(evaluated["systems"][0]["sets"][0]["quality"]["ndcg_at_10"])
