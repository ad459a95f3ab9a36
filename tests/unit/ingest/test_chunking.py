from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from postings import Document, Encoder, Passage
from postings.index.payload import passage_from, passage_point
from postings.indexed_documents import IndexedDocument
from postings.passages import passage_input, title_tokens
from postings_ingest.chunking import split

one_encoder_for_all_examples = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

WORDS = ["a", "cat", "naïve", "hunting", "electroencephalography", "3.14", "e.g.", "U.S.A", "don't", "[SEP]", "##ing"]
STRANGE = [
    "日本語の文章です。次の文！？「はい。」",
    "中文没有空格。",
    "👩\N{ZERO WIDTH JOINER}👩\N{ZERO WIDTH JOINER}👧",
    "🦙🦙🦙",
    "e\N{COMBINING ACUTE ACCENT}\N{COMBINING DIAERESIS}",
    "مرحبا بالعالم. ",
    "שלום עולם? ",
    "zero\N{ZERO WIDTH SPACE}width\N{ZERO WIDTH NO-BREAK SPACE}",
    "soft\N{SOFT HYPHEN}hyphen",
    "ﬁ ﬂ ǆ İ ß",
    "\0\x07\x1c",
    "\N{REPLACEMENT CHARACTER}",
    "\N{RIGHT-TO-LEFT OVERRIDE}abc",
    "x" * 101,
    "qz" * 40,
    "antidisestablishmentarianism" * 3,
    "\r\n",
    "\n\n",
    "\n \t\n",
    " \N{NO-BREAK SPACE}\N{IDEOGRAPHIC SPACE}",
    "...",
    "……",
    '." ',
    "?!) ",
    "｡ ",
]

sentences = st.lists(st.sampled_from(["cat", "hunting", "naïve", "lions", "3"]), min_size=1, max_size=5).map(
    lambda words: f"{' '.join(words)}."
)
pieces = (
    st.sampled_from(WORDS).map(lambda word: word + " ") | st.sampled_from(STRANGE) | sentences | st.text(max_size=5)
)
texts = st.lists(pieces, min_size=1, max_size=60).map("".join)
titles = st.just("") | st.lists(st.sampled_from([*WORDS, *STRANGE]), max_size=3).map(" ".join)
passage_tokens = st.integers(8, 40)
overlaps = st.integers(0, 30)


def passages_of(encoder: Encoder, text: str, tokens: int, overlap: int, title: str = "") -> list[Passage]:
    document = Document("id", text, title=title, metadata={"lang": "en"})
    return split(document, encoder, version=7, tokens=tokens, overlap=overlap)


def tokens_read(encoder: Encoder, passage: Passage) -> int:
    joined, _ = passage_input(encoder, passage.title, passage.text)
    return len(encoder.offsets(joined))


def tokens_shared(encoder: Encoder, text: str, left: Passage, right: Passage) -> int:
    return sum(right.start <= start and end <= left.end for start, end in encoder.offsets(text))


def has_text(text: str, title: str = "") -> bool:
    return bool(text.strip() or title.strip())


@one_encoder_for_all_examples
@given(texts, titles, passage_tokens, overlaps)
@example(text="   ", title="Only a title", tokens=8, overlap=0)
@example(text="", title="Only a title", tokens=8, overlap=4)
@example(text="\N{ZERO WIDTH SPACE}" * 50, title="", tokens=8, overlap=4)
def test_passages_are_numbered_slices_in_order_that_cover_every_token(
    encoder: Encoder, text: str, title: str, tokens: int, overlap: int
) -> None:
    if not has_text(text, title):
        return
    passages = passages_of(encoder, text, tokens, overlap, title)
    assert [passage.ordinal for passage in passages] == list(range(len(passages)))
    assert {passage.passages for passage in passages} == {len(passages)}
    for passage in passages:
        assert passage.text == text[passage.start : passage.end]
        assert (passage.doc_id, passage.title, passage.version) == ("id", title, 7)
        assert passage.metadata == {"lang": "en"}
    # No passage lies within another.
    assert all(left.start < right.start and left.end < right.end for left, right in pairwise(passages))
    covered = {position for passage in passages for position in range(passage.start, passage.end)}
    offsets = encoder.offsets(text).tolist()
    assert covered.issuperset(position for start, end in offsets for position in range(start, end))
    # Nor is anything lost that the tokenizer skips, such as accents, but white space and what stands before all tokens.
    begin = offsets[0][0] if offsets else 0
    assert all(at in covered for at in range(begin, len(text)) if not text[at].isspace())


@one_encoder_for_all_examples
@given(texts, titles, passage_tokens, overlaps)
@example(text="qz" * 60 + " " + "zq" * 49, title="", tokens=8, overlap=0)
@example(text="antidisestablishmentarianism" * 3 + " [SEP]", title="U.S.A", tokens=9, overlap=3)
def test_every_passage_fits_with_its_title(encoder: Encoder, text: str, title: str, tokens: int, overlap: int) -> None:
    if not has_text(text, title):
        return
    # A title that takes more than half of the passage leaves half of it to the text.
    allowed = max(tokens, title_tokens(encoder, title) + tokens // 2)
    for passage in passages_of(encoder, text, tokens, overlap, title):
        assert tokens_read(encoder, passage) <= allowed


@pytest.mark.parametrize("tokens", [8, 100, 254])
@pytest.mark.parametrize("words", [1, 100, 126, 127, 128, 1000])
def test_a_long_title_leaves_half_of_a_passage_to_the_text_and_never_fills_the_window(
    encoder: Encoder, words: int, tokens: int
) -> None:
    text = "word " * (3 * tokens)
    passages = passages_of(encoder, text, tokens, 32, title="title " * words)
    assert all(tokens_read(encoder, passage) <= encoder.window for passage in passages)
    assert all(len(encoder.offsets(passage.text)) >= tokens // 2 for passage in passages[:-1])
    if words <= tokens // 2:
        assert all(tokens_read(encoder, passage) <= tokens for passage in passages)


@one_encoder_for_all_examples
@given(texts, passage_tokens, overlaps)
@example(" \n a first one. \n\n a second \t one, a third one, a fourth one.  \n", 8, 0)
def test_passages_and_what_is_between_them_are_the_whole_text(
    encoder: Encoder, text: str, tokens: int, overlap: int
) -> None:
    assume(text.strip())
    passages = passages_of(encoder, text, tokens, overlap)
    found = IndexedDocument.of([passage_point(each, {}) for each in passages])
    assert found is not None
    assert found.document == Document("id", text, metadata={"lang": "en"}, version=7)
    stored = [passage_from(passage_point(each, {}).payload) for each in passages]
    assert all(each.before in (passage.before, "") for each, passage in zip(stored, passages, strict=True))


@one_encoder_for_all_examples
@given(texts, passage_tokens, overlaps)
def test_neighbors_share_no_more_tokens_than_allowed(encoder: Encoder, text: str, tokens: int, overlap: int) -> None:
    if not has_text(text):
        return
    for left, right in pairwise(passages_of(encoder, text, tokens, overlap)):
        assert tokens_shared(encoder, text, left, right) <= min(overlap, tokens // 2)


@one_encoder_for_all_examples
@given(
    st.lists(sentences, min_size=1, max_size=40),
    st.sampled_from([" ", "\n", "\n\n", " \N{NO-BREAK SPACE}"]),
    st.integers(16, 40),
    overlaps,
)
def test_passages_are_whole_sentences_where_sentences_fit(
    encoder: Encoder, sentences: list[str], gap: str, tokens: int, overlap: int
) -> None:
    text = gap.join(sentences)
    begins = [0]
    for sentence in sentences:
        begins.append(begins[-1] + len(sentence) + len(gap))
    ends = [begin - len(gap) for begin in begins[1:]]
    for passage in passages_of(encoder, text, tokens, overlap):
        assert passage.start in begins
        assert passage.end in ends


@one_encoder_for_all_examples
@given(st.lists(sentences, min_size=10, max_size=60), st.integers(32, 64))
def test_neighbors_overlap_where_sentences_are_short(encoder: Encoder, sentences: list[str], tokens: int) -> None:
    text = " ".join(sentences)
    longest = max(len(encoder.offsets(sentence)) for sentence in sentences)
    passages = passages_of(encoder, text, tokens, overlap=longest)
    assert all(tokens_shared(encoder, text, left, right) > 0 for left, right in pairwise(passages))


@one_encoder_for_all_examples
@given(st.lists(sentences, min_size=1, max_size=60), st.integers(16, 64))
def test_without_overlap_passages_share_nothing(encoder: Encoder, sentences: list[str], tokens: int) -> None:
    passages = passages_of(encoder, " ".join(sentences), tokens, overlap=0)
    assert all(left.end < right.start for left, right in pairwise(passages))


def test_short_sentences_before_a_long_one_are_not_repeated_in_passages_of_their_own(encoder: Encoder) -> None:
    text = "Hi there. " * 6 + "word " * 600 + "."
    first, second, *_ = passages_of(encoder, text, tokens=200, overlap=64)
    assert first.text == "Hi there. " * 5 + "Hi there."
    assert second.text.startswith("word word")


def test_a_sentence_longer_than_a_passage_is_cut_between_words(encoder: Encoder) -> None:
    text = "electroencephalography hunting lions " * 40
    passages = passages_of(encoder, text, tokens=20, overlap=8)
    assert len(passages) > 10
    for left, right in pairwise(passages):
        assert text[left.end] == " "
        assert text[right.start - 1] == " "
        assert 0 < tokens_shared(encoder, text, left, right) <= 8


def test_a_word_longer_than_a_passage_is_cut_within(encoder: Encoder) -> None:
    passages = passages_of(encoder, "qz" * 48, tokens=8, overlap=4)
    assert len(passages) > 1
    assert "".join(passage.text for passage in passages) == "qz" * 48
    assert all(tokens_read(encoder, passage) <= 8 for passage in passages)


@pytest.mark.parametrize("text", ["x" * 100_000, "x" * 100_000 + " " + "y" * 100_000])
def test_a_word_that_the_tokenizer_gives_up_on_is_one_token(encoder: Encoder, text: str) -> None:
    assert [passage.text for passage in passages_of(encoder, text, 8, 4)] == [text]


def test_chinese_and_japanese_sentences_need_no_space_between_them(encoder: Encoder) -> None:
    passages = passages_of(encoder, "今日はとても良い天気ですね。" * 20, tokens=32, overlap=0)
    assert len(passages) == 10
    assert {passage.text for passage in passages} == {"今日はとても良い天気ですね。" * 2}


def test_paragraphs_end_passages_even_without_a_full_stop(encoder: Encoder) -> None:
    passages = passages_of(encoder, "a heading without a stop\n \t\n" * 6, tokens=12, overlap=0)
    assert [passage.text.count("heading") for passage in passages] == [2, 2, 2]
    assert {passage.text.endswith("stop") for passage in passages} == {True}


def test_accents_after_the_last_letter_of_a_passage_belong_to_it(encoder: Encoder) -> None:
    text = "cafe\N{COMBINING ACUTE ACCENT} " * 40
    for passage in passages_of(encoder, text, tokens=8, overlap=0):
        assert passage.text.endswith("\N{COMBINING ACUTE ACCENT}")


@pytest.mark.parametrize("text", ["", " ", "\n\n\t"])
def test_a_text_of_white_space_with_a_title_is_one_passage(encoder: Encoder, text: str) -> None:
    (passage,) = passages_of(encoder, text, tokens=8, overlap=4, title="Title " * 300)
    assert (passage.start, passage.end, passage.text) == (0, len(text), text)


def test_a_text_that_fits_is_one_passage_with_all_its_white_space(encoder: Encoder) -> None:
    text = "\n  " + "word " * encoder.window + " "
    (passage,) = passages_of(encoder, text, tokens=encoder.window, overlap=32)
    assert passage.text == text
    assert len(passages_of(encoder, text + "word", tokens=encoder.window, overlap=32)) == 2


@pytest.mark.parametrize("unit", [".", "?!", ".'", "。", "\n", ".\n", "\n ", "… "])
def test_long_runs_of_punctuation_and_line_breaks_are_cut_too(encoder: Encoder, unit: str) -> None:
    # A pattern for sentence ends that looks again at each mark of the run would never come to an end here.
    text = f"begin {unit * 60_000} end"
    passages = passages_of(encoder, text, tokens=encoder.window, overlap=32)
    assert passages[0].text.startswith("begin")
    assert passages[-1].text.endswith("end")
