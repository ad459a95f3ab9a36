"""Data for training: what is read, and errors that name the row."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postings.errors import ConfigurationError, InvalidInput, ReaderError
from postings_training.data import load_set
from postings_training.data.rows import Row, read_rows, row_of
from postings_training.leaks.guard import without_leaks
from postings_training.leaks.provenance import Source
from postings_training.recipes.loading import load_recipe
from postings_training.recipes.sections import DataSettings
from postings_training.runs.training_data import load_data
from postings_training.teachers.by_row import labeled
from tests.support.beir import ENCYCLOPEDIA, write_beir

ONE = {"query": "what hunts?", "positive": "a lion"}
TWO = {"query": "what sings?", "positive": "a nightingale"}


def jsonl(folder: Path, *rows: Any, name: str = "pairs.jsonl") -> str:
    path = folder / name
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def beir(folder: Path, qrels: str, split: str = "train") -> str:
    (folder / "qrels").mkdir(exist_ok=True)
    (folder / "corpus.jsonl").write_text(
        '{"_id": "a", "title": "Lion", "text": "It hunts."}\n{"_id": "b", "title": "", "text": "It sings."}\n'
    )
    (folder / "queries.jsonl").write_text('{"_id": "q", "text": "hunter"}\n{"_id": "r", "text": "singer"}\n')
    (folder / "qrels" / f"{split}.tsv").write_text("query-id\tcorpus-id\tscore\n" + qrels)
    return str(folder)


def test_pairs_are_read_with_their_digest(tmp_path: Path) -> None:
    path = jsonl(tmp_path, {**ONE, "source": "x", "doc_id": 7}, "", TWO)
    data = load_data(DataSettings(sources=(path,), licence="CC0"))
    assert data.train.to_dict() == {
        "query": ["what hunts?", "what sings?"],
        "positive": ["a lion", "a nightingale"],
    }
    (source,) = data.sources
    assert (source.path, source.rows, source.licence) == (path, 2, "CC0")
    assert source.digest == f"sha256 {hashlib.sha256(Path(path).read_bytes()).hexdigest()}"
    assert data.held_out is None


@pytest.mark.parametrize(
    ("record", "row"),
    [
        ({"question": "q", "answer": "p"}, Row("q", "p")),
        ({"anchor": "q", "document": "p", "negative": "n"}, Row("q", "p", ("n",))),
        (
            {"query": "q", "positive": "p", "negatives": ["n", "m"], "scores": [3, 1.5, 0]},
            Row("q", "p", ("n", "m"), (3, 1.5, 0)),
        ),
        (
            {"negative_10": "z", "negative_2": "m", "negative_1": "n", "query": "q", "positive": "p"},
            Row("q", "p", ("n", "m", "z")),
        ),
        ({"query": "q", "positive": "p", "negative": "n", "score": 2}, Row("q", "p", ("n",), (2.0,))),
        ({"query": "q", "positive": "p", "negative_count": 3, "negatives": []}, Row("q", "p")),
        ({"query": "q", "positive": "p", "doc_id": 7, "source": None}, Row("q", "p", doc_id="7")),
    ],
)
def test_the_known_names_of_columns_are_read(record: dict[str, Any], row: Row) -> None:
    assert row_of(record, "here") == row


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", r":2: not JSON"),
        ("[" * 100_000, r":2: not JSON"),
        ([1], r":2: expected an object with query and positive"),
        ({"positive": "p"}, r":2: there is no 'query' \(nor anchor, question\), only positive"),
        ({"query": "q"}, r":2: there is no 'positive' \(nor answer, document, passage\), only query"),
        ({}, r":2: there is no 'query' .*only nothing"),
        ({"query": " ", "positive": "p"}, r":2: 'query' must be a non-empty string, got ' '"),
        ({"query": "q", "positive": None}, r":2: 'positive' must be a non-empty string, got None"),
        ({"query": "q", "positive": "p", "negatives": ["n", 3]}, r":2: 'negatives' must be a non-empty string, got 3"),
        ({"query": "q", "positive": "p", "score": "high"}, r":2: 'score' holds 'high', expected finite numbers"),
        ('{"query": "q", "positive": "p", "score": NaN}', r":2: 'score' holds nan"),
        ('{"query": "q", "positive": "p", "score": true}', r":2: 'score' holds True"),
        ({"query": "q", "positive": "p", "negative": "n"}, r":2 has 1 negatives and 0 scores, the rows before 0 and 0"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, line: Any, reason: str) -> None:
    with pytest.raises(ReaderError if "not JSON" in reason else InvalidInput, match=r"pairs\.jsonl" + reason):
        load_data(DataSettings(sources=(jsonl(tmp_path, ONE, line),)))


def test_bytes_that_are_not_utf_8_are_reported_with_their_line(tmp_path: Path) -> None:
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(json.dumps(ONE).encode() + b'\n{"query": "\xff", "positive": "p"}\n')
    with pytest.raises(ReaderError, match=r"pairs\.jsonl:2: invalid UTF-8: byte 0xff"):
        load_data(DataSettings(sources=(str(path),)))


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"b\.jsonl holds no row to train on"):
        load_data(DataSettings(sources=(jsonl(tmp_path, ONE, TWO), jsonl(tmp_path, "", name="b.jsonl"))))


@pytest.mark.parametrize(
    "rows",
    [
        [ONE, {**ONE, "query": "what roars?"}],
        [{**ONE, "negative": "x", "score": [1, 1]}, {**TWO, "negative": "y", "score": [1, 1]}],
    ],
)
def test_one_class_only_is_refused(tmp_path: Path, rows: list[Any]) -> None:
    with pytest.raises(InvalidInput, match=r"so there is nothing to tell apart"):
        load_data(DataSettings(sources=(jsonl(tmp_path, *rows),)))


def test_a_negative_that_is_the_positive_is_refused(tmp_path: Path) -> None:
    rows = ({**ONE, "negative": "a bird"}, {**TWO, "negative": "a nightingale"})
    with pytest.raises(InvalidInput, match=r"pairs\.jsonl:2: a negative of 'what sings\?' is its positive, too"):
        load_data(DataSettings(sources=(jsonl(tmp_path, *rows),)))


def test_negatives_are_cut_to_a_number_and_rows_with_fewer_left_out(tmp_path: Path) -> None:
    rows = [
        {**ONE, "negatives": ["x", "y", "z"], "scores": [9, 3, 2, 1]},
        {**TWO, "negatives": ["x"], "scores": [9, 3]},
        {**TWO, "negatives": ["v", "w"], "scores": [8, 5, 4]},
    ]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), negatives=2)).train
    assert data["negative_1"][:] == ["x", "v"]
    assert data["negative_2"][:] == ["y", "w"]
    assert data["label"][:] == [[9, 3, 2], [8, 5, 4]]


def test_a_beir_folder_gives_its_relevant_pairs_title_first(tmp_path: Path) -> None:
    folder = beir(tmp_path, "q\ta\t2\nq\tb\t0\nr\tb\t1\n")
    data = load_data(DataSettings(sources=(folder,)))
    assert data.train.to_dict() == {"query": ["hunter", "singer"], "positive": ["Lion It hunts.", "It sings."]}
    (tmp_path / "meta.json").write_text('{"licence": "CC BY 4.0"}')
    assert load_data(DataSettings(sources=(folder,))).sources[0].licence == "CC BY 4.0"


@pytest.mark.parametrize(
    ("qrels", "error", "reason"),
    [
        ("q\ta\t0\n", InvalidInput, r"train\.tsv judges no document relevant .*one class only"),
        ("q\tz\t1\n", ReaderError, r"judges the document 'z', which .*corpus\.jsonl doesn't have"),
        ("z\ta\t1\n", ReaderError, r"judges 1 queries"),
    ],
)
def test_a_beir_folder_without_a_pair_is_refused(
    tmp_path: Path, qrels: str, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        load_data(DataSettings(sources=(beir(tmp_path, qrels),)))


TEXTS = st.text()
SAID = TEXTS.filter(str.strip)


@given(rows=st.lists(st.builds(Row, SAID, SAID, source=TEXTS, doc_id=TEXTS), min_size=1))
def test_rows_are_read_as_they_were_written(tmp_path_factory: pytest.TempPathFactory, rows: list[Row]) -> None:
    path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
    path.write_text("".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    assert [row for _, row in read_rows(path)] == rows


def test_a_beir_folder_names_the_documents_of_its_rows_and_leaves_out_empty_ones(tmp_path: Path) -> None:
    judgements = {"q": {"a": 1, "b": 0, "c": 2, "empty": 1}}
    corpus = {"a": "lion", "b": "dog", "c": "tiger", "empty": ""}
    folder = write_beir(tmp_path / "set", corpus, {"q": "cat"}, judgements, "train")
    rows = [row for _, row in read_rows(folder)]
    assert rows == [Row("cat", text, source="set", doc_id=id) for id, text in (("a", "lion"), ("c", "tiger"))]


def test_rows_that_hold_a_test_query_of_a_set_are_left_out_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    test_set = write_beir(tmp_path / "test", {"d": "a lion"}, {"q": "What hunts?", "r": "it roars"}, {"q": {"d": 1}})
    rows = [TWO, ONE, {"query": "what roars?", "positive": "It roars."}, {"query": "what hunts", "positive": "x"}]
    path, other = jsonl(tmp_path, *rows, TWO, ONE), jsonl(tmp_path, TWO, name="other.jsonl")
    caplog.set_level("INFO", "postings_training")
    data = load_data(DataSettings(sources=(path, other), leave_out=(str(test_set),), rows=5))
    assert data.train["query"][:] == ["what sings?", "what roars?", "what sings?", "what sings?"]
    first, second = data.sources
    assert (first.rows, first.left_out, second.rows, second.left_out) == (3, ((2, 2), (4, 4)), 1, ())
    assert [number for number, _ in first.used()] == [1, 3, 5]
    assert f"pairs.jsonl: 2 of 5 rows are left out: they hold a test query of {test_set}" in caplog.text
    assert "other.jsonl: 0 of 1 rows are left out" in caplog.text


def test_a_source_of_which_no_row_is_left_is_refused(tmp_path: Path) -> None:
    test_set = write_beir(tmp_path / "test", {"d": "a lion"}, {"q": "What hunts?"}, {"q": {"d": 1}})
    with pytest.raises(InvalidInput, match=r"pairs\.jsonl holds no row to train on"):
        load_data(DataSettings(sources=(jsonl(tmp_path, ONE),), leave_out=(str(test_set),)))


def test_every_set_of_a_generator_is_looked_for_in_every_source_of_another(tmp_path: Path) -> None:
    asked = {"a": "What roars?", "b": "What hunts?"}
    folders = [write_beir(tmp_path / n, {"d": "a lion"}, {"q": text}, {"q": {"d": 1}}) for n, text in asked.items()]
    sets = [load_set(folder) for folder in folders]
    sources = [Source.of(jsonl(tmp_path, TWO, name="other.jsonl")), Source.of(jsonl(tmp_path, ONE))]
    with pytest.raises(InvalidInput, match="1 of the 1 queries of b are in the training data"):
        without_leaks(iter(sets), iter(sources))
    assert without_leaks(iter(sets[:1]), iter(sources)) == (sets[:1], [])


@pytest.mark.parametrize("wrong", ["abc", None, [7]])
def test_what_holds_no_sets_or_sources_is_refused(wrong: Any) -> None:
    with pytest.raises(InvalidInput, match="sets must hold"):
        without_leaks(wrong, [])
    with pytest.raises(InvalidInput, match="sources must hold"):
        without_leaks([], wrong)


def test_the_rows_that_leak_are_left_out_and_no_others(tmp_path: Path) -> None:
    """Four rows that hold a test query in some way, each among 32 on the same topics that don't."""
    data = load_set(ENCYCLOPEDIA)
    asked = data.judged.queries
    leaking = [
        Row(asked["papermaking-2"].upper(), "Because of acid."),
        Row("What do you call the oldest rubbish?", asked["glassblowing-2"]),
        Row(asked["malaria-2"].replace("has", "had"), data.corpus["tea"].text),
        Row(asked["igloo-1"].replace("snow house", "house of snow"), data.corpus["igloo"].text),
    ]
    rows = [row for _, row in read_rows(ENCYCLOPEDIA / "pairs.jsonl")]
    for at, row in enumerate(leaking):
        rows.insert(33 * at, row)
    pairs = jsonl(tmp_path, *({"query": row.query, "positive": row.positive} for row in rows))
    whole = load_data(DataSettings(sources=(pairs,))).sources
    left = load_data(DataSettings(sources=(pairs,), leave_out=(str(ENCYCLOPEDIA),))).sources
    assert left[0].left_out == ((1, 1), (34, 34), (67, 67), (100, 100))
    assert (left[0].rows, whole[0].rows) == (128, 132)
    with pytest.raises(InvalidInput, match=r"4 of the 72 queries of encyclopedia are in the training data"):
        without_leaks([data], whole)
    assert without_leaks([data], left) == ([data], [])


def test_what_is_held_out_does_not_come_again_with_a_sentence(tmp_path: Path) -> None:
    answer = "It is warm in the savanna by day. There the lion hunts zebras by night {}. It sleeps in the shade by day."
    rows = [{"query": f"{n**9:z<12x}", "positive": answer.format(n)} for n in range(1, 21)]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), held_out=10, sentences=1))
    assert data.held_out is not None
    assert len(data.train) == 20
    assert not set(data.train["query"]) & set(data.held_out["query"])


def test_a_sentence_that_is_a_test_query_is_no_passage(tmp_path: Path) -> None:
    claim = "Radioiodine treatment of multinodular goitre reduces thyroid volume."
    long = "It was studied in many hospitals over a period of ten years. {} Nothing else in the patients changed."
    other = "Steam engines of this kind were built in great numbers before the war."
    queries, judgements = {"1": claim}, {"1": {"d": 1}}
    folder = write_beir(tmp_path / "claims", {"d": "An abstract of another kind."}, queries, judgements)
    rows = [{"query": f"{text.split()[0]} and its effects", "positive": long.format(text)} for text in (claim, other)]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), leave_out=(str(folder),), sentences=1))
    assert len(data.train) == 3
    assert claim not in data.train["positive"]
    assert data.sources[0].left_out == ()


def test_no_row_with_a_query_like_one_held_out_is_trained_on(tmp_path: Path) -> None:
    names = ("glacier caves", "the liver", "steam engines", "sea otters", "black holes")
    rows = [
        {"query": ask.format(name), "positive": f"{answer} {name}."}
        for name in names
        for answer in ("Of", "About")
        for ask in ("how do scientists explain {}", "How do scientists explain {}?")
    ]
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),), held_out=2))
    assert data.held_out is not None
    trained, measured = ({text.lower().rstrip("?") for text in each["query"]} for each in (data.train, data.held_out))
    assert len(trained) + len(measured) == len(names)
    assert sorted(row.query for _, row in data.sources[0].used()) == sorted(data.train["query"])
    with pytest.raises(InvalidInput, match=r"no row is left to train on: all hold a query that is held out"):
        load_data(DataSettings(sources=(jsonl(tmp_path, *rows[:4]),), held_out=1))


def test_rows_are_held_out_and_counted(tmp_path: Path) -> None:
    rows = [{"query": f"q{n}", "positive": f"p{n}"} for n in range(50)]
    path = jsonl(tmp_path, *rows)
    data = load_data(DataSettings(sources=(path,), rows=40, held_out=10))
    assert data.held_out is not None
    assert sorted([*data.train["query"], *data.held_out["query"]]) == sorted(f"q{n}" for n in range(40))
    assert len(data.held_out) == 10
    with pytest.raises(ConfigurationError, match=r"data\.held_out is 50, but there are 50 rows in all"):
        load_data(DataSettings(sources=(path,), held_out=50))


@pytest.mark.parametrize(
    ("source", "error", "reason"),
    [
        ("missing.jsonl", ReaderError, r"missing\.jsonl isn't there: expected a JSONL file, a BEIR folder or a hub id"),
        ("/no/such/file", ReaderError, r"isn't there"),
    ],
)
def test_a_source_that_is_not_there_is_reported(source: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        load_data(DataSettings(sources=(source,)))


def test_no_source_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match=r"data\.sources is empty"):
        load_data(DataSettings())


MARGINS = [{**ONE, "negatives": ["x", "y"], "scores": [9, 3, 2]}, {**TWO, "negatives": ["v", "w"], "scores": [8, 5, 4]}]


@pytest.mark.parametrize(
    ("kind", "labels"), [("margin-mse", [[6, 7], [3, 4]]), ("kl", [[9, 3, 2], [8, 5, 4]]), ("contrastive", None)]
)
def test_scores_become_what_the_loss_wants(tmp_path: Path, kind: str, labels: list[list[float]] | None) -> None:
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *MARGINS),))).train
    found = labeled(data, load_recipe("splade-nq", [f"loss.kind={kind}", "teachers=[]"]), "cpu")
    assert (found["label"][:] if labels else found.column_names) == (
        labels or ["query", "positive", "negative_1", "negative_2"]
    )


@pytest.mark.parametrize(
    ("rows", "kind", "reason"),
    [
        ([ONE, TWO], "kl", r"the rows have no negatives: mine some"),
        ([{**ONE, "negative": "x"}, {**TWO, "negative": "y"}], "kl", r"no scores, and no teacher is named"),
        (
            [{**ONE, "negative": "x", "score": 1}, {**TWO, "negative": "y", "score": 2}],
            "kl",
            r"needs the positive's score too",
        ),
        (
            [{**ONE, "negatives": ["x", "y"], "score": 1}, {**TWO, "negatives": ["x", "y"], "score": 2}],
            "margin-mse",
            r"2 negatives need as many margins, or 3 scores, got 1",
        ),
    ],
)
def test_rows_that_can_not_be_distilled_from_are_refused(
    tmp_path: Path, rows: list[Any], kind: str, reason: str
) -> None:
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),))).train
    with pytest.raises(InvalidInput, match=reason):
        labeled(data, load_recipe("splade-nq", [f"loss.kind={kind}", "teachers=[]"]), "cpu")


def test_bm25_teaches_in_batches_alone(tmp_path: Path) -> None:
    rows = ({**ONE, "negative": "x"}, {**TWO, "negative": "y"})
    data = load_data(DataSettings(sources=(jsonl(tmp_path, *rows),))).train
    with pytest.raises(ConfigurationError, match=r"is 'kl', but a bm25 teacher needs loss\.kind 'in-batch-kl'"):
        labeled(data, load_recipe("distill", ["loss.kind=kl", "teachers=[{kind = 'bm25'}]"]), "cpu")


def test_a_sample_of_each_source_is_the_same_each_time(tmp_path: Path) -> None:
    paths = tuple(
        jsonl(tmp_path, *({"query": f"{name} {n}", "positive": f"text {n}"} for n in range(20)), name=f"{name}.jsonl")
        for name in ("a", "b")
    )
    first, again = (load_data(DataSettings(sources=paths, sample=5)) for _ in range(2))
    assert first.train.to_dict() == again.train.to_dict()
    assert [source.rows for source in first.sources] == [5, 5]
    numbers = [int(query.split()[1]) for query in first.train["query"][:5]]
    assert numbers == sorted(numbers)
    assert numbers != list(range(5))
    assert [number - 1 for number, _ in first.sources[0].used()] == numbers  # where a leak is looked for
    assert len(load_data(DataSettings(sources=paths[:1], sample=50)).train) == 20
