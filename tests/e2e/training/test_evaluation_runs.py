"""`postings evaluate` with TREC's files: runs that it writes, runs and qrels that it reads."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import pytrec_eval

from postings_training.data import load_set, read_run
from tests.e2e.training.conftest import Evaluate
from tests.support.beir import ENCYCLOPEDIA, write_beir
from tests.support.cli import Cli, Ran
from tests.support.jsonl import write_jsonl


@pytest.fixture
def qrels(tmp_path: Path) -> Path:
    """The encyclopedia's judgements in TREC's format."""
    rows = (ENCYCLOPEDIA / "qrels" / "test.tsv").read_text().splitlines()[1:]
    path = tmp_path / "qrels.txt"
    path.write_text("".join("{} 0 {} {}\n".format(*row.split("\t")) for row in rows))
    return path


def figures(ran: Ran, system: int = 0) -> dict[str, float]:
    assert ran.status == 0, ran.err
    found: dict[str, float] = ran.json["systems"][system]["sets"][0]["quality"]
    return found


def test_a_search_and_its_run_have_the_same_figures_here_and_in_trec_eval(
    evaluate: Evaluate, qrels: Path, tmp_path: Path
) -> None:
    saved = tmp_path / "tiny.trec"
    searched = evaluate("tiny", "--data", ENCYCLOPEDIA, "--save-run", saved, "--json")
    assert f"run written to {saved}" in searched.err
    assert saved.read_text().split("\n")[0].split()[1::2] == ["Q0", "1", "tiny"]
    zipped = tmp_path / "tiny.trec.gz"
    assert evaluate("tiny", "--data", ENCYCLOPEDIA, "--save-run", zipped).status == 0
    assert gzip.decompress(zipped.read_bytes()) == saved.read_bytes()
    for read in (
        evaluate("--run", saved, "--data", ENCYCLOPEDIA, "--json"),
        evaluate("--run", zipped, "--qrels", qrels, "--json"),
    ):
        assert figures(read) == figures(searched)
        assert read.json["systems"][0]["sets"][0]["each"] == searched.json["systems"][0]["sets"][0]["each"]
    judgements = load_set(ENCYCLOPEDIA).judged.judgements
    by_query = pytrec_eval.RelevanceEvaluator(judgements, {"ndcg_cut.10"}).evaluate(read_run(saved))
    mean = sum(each["ndcg_cut_10"] for each in by_query.values()) / len(by_query)
    assert mean == pytest.approx(figures(searched)["ndcg_at_10"], abs=1e-9)


def test_a_model_is_compared_with_a_run_and_a_run_with_another(evaluate: Evaluate, qrels: Path, tmp_path: Path) -> None:
    saved = tmp_path / "tiny.trec"
    assert evaluate("tiny", "--data", ENCYCLOPEDIA, "--save-run", saved).status == 0
    first = saved.read_text().splitlines(keepends=True)
    (tmp_path / "worse.trec").write_text("".join(line for line in first if line.split()[3] != "1"))
    with_model = evaluate("tiny", "--data", ENCYCLOPEDIA, "--against", tmp_path / "worse.trec", "--json")
    of_runs = evaluate("--run", saved, "--against", tmp_path / "worse.trec", "--qrels", qrels, "--json")
    assert with_model.json["comparisons"] == [{**each, "data": "encyclopedia"} for each in of_runs.json["comparisons"]]
    assert with_model.json["comparisons"][0]["difference"] > 0.1
    assert [each["system"] for each in of_runs.json["systems"]] == ["tiny.trec", "worse.trec"]
    assert of_runs.json["systems"][0]["sets"][0]["documents"] is None


def test_a_report_shows_what_there_is_of_a_run(evaluate: Evaluate, qrels: Path, tmp_path: Path) -> None:
    saved = tmp_path / "tiny.trec"
    assert evaluate("tiny", "--data", ENCYCLOPEDIA, "--save-run", saved).status == 0
    alone = evaluate("--run", saved, "--qrels", qrels, "--out", tmp_path / "alone")
    assert "| qrels.txt |  | " in alone.out
    assert "active dims document" not in alone.out
    assert {path.name for path in (tmp_path / "alone").iterdir()} == {"report.md", "report.json"}
    compared = evaluate("tiny", "--against", saved, "--data", ENCYCLOPEDIA, "--out", tmp_path / "compared")
    assert compared.status == 0, compared.err
    assert (tmp_path / "compared" / "report.md").read_text().count("where vectors keep") == 1
    assert (tmp_path / "compared" / "pruning.png").stat().st_size > 1000


def test_the_run_of_a_collection_is_written(
    evaluate: Evaluate, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cli = Cli(tmp_path / "index", capsys)
    assert cli("ingest", ENCYCLOPEDIA, "--collection", "articles").status == 0
    saved = tmp_path / "run"
    searched = cli("evaluate", "-c", "articles", "--data", ENCYCLOPEDIA, "--save-run", saved, "--json")
    assert figures(searched) == figures(evaluate("--run", saved, "--data", ENCYCLOPEDIA, "--json"))
    assert saved.read_text().split("\n")[0].split()[5] == "articles_(tiny)"


def test_queries_that_a_run_lacks_are_counted_and_said(evaluate: Evaluate, qrels: Path, tmp_path: Path) -> None:
    data = load_set(ENCYCLOPEDIA).judged
    query_id, grades = next(iter(data.judgements.items()))
    best = max(grades, key=lambda document_id: grades[document_id])
    (tmp_path / "one").write_text(f"{query_id} Q0 {best} 1 1.0 x\nunjudged Q0 {best} 1 1.0 x\n")
    ran = evaluate("--run", tmp_path / "one", "--qrels", qrels, "--json")
    total = len(data.queries)
    assert figures(ran)["mrr_at_10"] == pytest.approx(1 / total)
    assert f"{total - 1} of the {total} queries of qrels.txt aren't in one, and count as 0" in ran.json["remarks"]


def test_a_run_is_compared_however_its_path_is_written(
    evaluate: Evaluate, qrels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    query_id, grades = next(iter(load_set(ENCYCLOPEDIA).judged.judgements.items()))
    for name in ("one", "other"):
        (tmp_path / name).write_text(f"{query_id} Q0 {next(iter(grades))} 1 1.0 x\n")
    monkeypatch.chdir(tmp_path)
    ran = evaluate("--run", "./one", "--against", ".//other", "--qrels", qrels, "--json")
    assert [each["system"] for each in ran.json["systems"]] == ["one", "other"], ran.err


def test_training_data_of_what_made_a_run_can_be_named(evaluate: Evaluate, tmp_path: Path) -> None:
    folder = write_beir(tmp_path / "set", {"a": "lion"}, {"q": "a big cat"}, {"q": {"a": 1}})
    pairs = write_jsonl(tmp_path / "pairs.jsonl", [{"query": "A big cat?", "positive": "x"}])
    (tmp_path / "run").write_text("q Q0 a 1 1.0 x\n")
    ran = evaluate("--run", tmp_path / "run", "--data", folder, "--trained-on", pairs)
    assert ran.status == 1
    assert "1 of the 1 queries of set are in the training data" in ran.err


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--run", "run"], "or for a --run its --qrels"),
        (["tiny", "--run", "run", "--qrels", "qrels.txt"], "leave out the model"),
        (["--run", "run", "-c", "articles", "--qrels", "qrels.txt"], "leave out the model, --collection"),
        (
            ["--run", "run", "--index", "folder", "--qrels", "qrels.txt"],
            "leave out the model, --collection and --index",
        ),
        (["--run", "run", "--save-run", "new", "--qrels", "qrels.txt"], "--save-run writes what a search finds"),
        (["--run", "nowhere", "--qrels", "qrels.txt"], "nowhere can't be read"),
        (
            ["tiny", "--data", "nowhere", "--save-run", "no/run"],
            "--save-run no/run can't be written: there is no folder",
        ),
        (["--run", "qrels.txt", "--qrels", "qrels.txt"], "qrels.txt:1: expected query id, Q0"),
        (["--run", "run", "--qrels", "run"], "run:1: expected query id, 0"),
        (["--run", "run", "--qrels", "nothing.txt"], "run has none of the 1 judged queries of nothing.txt"),
        (["tiny", "--qrels", "qrels.txt"], "--qrels holds no texts to search"),
        (["--run", "run", "--qrels", "qrels.txt", "--against", "tiny"], "--qrels holds no texts to search"),
        (["--run", "run", "--qrels", "qrels.txt", "--trained-on", "set"], "or to look for: name a BEIR folder"),
        (["--run", "run", "--data", "set", "--data", "other"], "about one set: name one, got 2"),
        (["tiny", "--save-run", "new", "--data", "set", "--data", "other"], "about one set: name one, got 2"),
        (["tiny", "--qrels", "qrels.txt", "--data", "set", "--data", "other"], "about one set: name one, got 2"),
        (["tiny", "--save-run", "run", "--data", "set", "--against", "run"], "--save-run run is run, which is read"),
        (["tiny", "--save-run", "set/corpus.jsonl", "--data", "set"], "--save-run set/corpus.jsonl is in set"),
        (["tiny", "--save-run", "new", "--data", "blank"], "a TREC run can't hold the document id 'a b'"),
    ],
)
def test_what_does_not_go_together_is_one_line_and_nothing_is_written(
    evaluate: Evaluate, arguments: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, id in (("set", "a"), ("other", "a"), ("blank", "a b")):
        write_beir(Path(name), {id: "lion"}, {"q": "cat"}, {"q": {id: 1}})
    Path("run").write_text("q Q0 a 1 1.0 x\n")
    Path("qrels.txt").write_text("q 0 a 1\n")
    Path("nothing.txt").write_text("other 0 a 1\n")
    before = sorted(Path().rglob("*"))
    ran = evaluate(*arguments)
    assert (ran.status, len(ran.err.splitlines()), ran.out) == (1, 1, "")
    assert reason in ran.err
    assert sorted(Path().rglob("*")) == before
