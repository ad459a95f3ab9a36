"""Where the page marks a text, for any text and evidence."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.built_page import PACKAGES, SOURCES, build_page

Made = dict[str, Any]
MakeOut = Callable[[Made, int], Made]

ASKS = """
import { createInterface } from "node:readline";
import { cropped, evidenceOf } from "./evidence.mjs";
for await (const line of createInterface({ input: process.stdin })) {
  const { hit, size } = JSON.parse(line);
  const { text, title, added } = evidenceOf(hit);
  const words = [...added].map(([token, from]) => [token.index, from]);
  console.log(JSON.stringify({ text, title, added: words, crop: cropped(text, size) }));
}
"""


@pytest.fixture(scope="module")
def made_out(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeOut]:
    """Asks the page's own code, in Node."""
    build_page()
    folder = tmp_path_factory.mktemp("evidence")
    bundle = [
        str(PACKAGES / ".bin/esbuild"),
        "src/search/evidence.ts",
        "--format=esm",
        f"--outfile={folder}/evidence.mjs",
    ]
    subprocess.run(bundle, cwd=SOURCES, check=True, capture_output=True, timeout=60)
    (folder / "asks.mjs").write_text(ASKS)
    node = subprocess.Popen(["node", folder / "asks.mjs"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(hit: Made, size: int) -> Made:
        assert node.stdin is not None
        assert node.stdout is not None
        node.stdin.write(json.dumps({"hit": hit, "size": size}).encode() + b"\n")
        node.stdin.flush()
        found: Made = json.loads(node.stdout.readline())
        return found

    with node:
        yield ask
    assert node.returncode == 0


ALPHABETS = ["ab Ä é\u0301🐝👩\u200d🔬中 \n<&", "🐝a", "word "]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """As often long as short; some without a space."""
    length = draw(st.integers(0, 200))
    letters = st.sampled_from(draw(st.sampled_from(ALPHABETS)))
    return draw(st.text(letters, min_size=length, max_size=length))


@st.composite
def hits(draw: st.DrawFn) -> Made:
    text, title = draw(texts()), draw(texts())

    def spans(letters: str) -> list[list[int]]:
        if not letters:
            return []
        ends = st.tuples(st.integers(0, len(letters) - 1), st.integers(1, 20))
        return [[start, min(start + length, len(letters))] for start, length in draw(st.lists(ends, max_size=3))]

    contributions = [
        {
            "index": index,
            "token": draw(st.sampled_from(["a", "ab", "##b", "ä", "中", "bee"])),
            "contribution": draw(st.floats(-2, 8, width=16)),
            "exact_word": draw(st.booleans()),
            "evidence": spans(text),
            "title_evidence": spans(title),
        }
        for index in range(draw(st.integers(0, 6)))
    ]
    return {"text": text, "title": title, "contributions": contributions}


def key(each: Made) -> str:
    return f"{'w' if each['exact_word'] else 'm'}{each['index']}"


@pytest.mark.parametrize(("field", "evidence"), [("text", "evidence"), ("title", "title_evidence")])
@given(hit=hits())
def test_the_pieces_make_the_text_and_each_has_the_tokens_that_fired_it(
    made_out: MakeOut, field: str, evidence: str, hit: Made
) -> None:
    pieces = made_out(hit, 10)[field]
    assert "".join(piece["text"] for piece in pieces) == hit[field]
    start = 0
    for piece in pieces:
        end = start + len(piece["text"])
        assert end > start
        here = [each for each in hit["contributions"] if any(s < end and start < e for s, e in each[evidence])]
        assert piece["tokens"] == [key(each) for each in here]
        assert piece["part"] == pytest.approx(sum(each["contribution"] for each in here))
        exact = sum(each["contribution"] for each in here if each["exact_word"])
        assert piece["words"] == (exact > piece["part"] / 2)
        start = end


@given(hit=hits(), size=st.integers(10, 80))
def test_a_crop_shows_evidence_and_cuts_no_letter(made_out: MakeOut, hit: Made, size: int) -> None:
    answer = made_out(hit, size)
    pieces, crop = answer["text"], answer["crop"]
    marked = [piece for piece in pieces if piece["tokens"]]
    shown = [piece for piece in crop if piece["tokens"]]
    length = len(hit["text"].encode("utf-16-le")) // 2
    if length <= 1.2 * size:
        assert crop == pieces
        return
    assert any(shown == marked[at : at + len(shown)] for at in range(len(marked) + 1)), "evidence in a row, none cut"
    assert bool(shown) == bool(marked)
    text = "".join(piece["text"] for piece in crop)
    assert text.encode("utf-8"), "no half of a letter"
    others = [piece["text"].removeprefix("… ").removesuffix(" …") for piece in crop if not piece["tokens"]]
    assert all(each in hit["text"] for each in others)
    assert sum(map(len, others)) <= size


@given(hit=hits())
def test_what_was_added_is_no_word_of_its_own_evidence(made_out: MakeOut, hit: Made) -> None:
    added = dict(made_out(hit, 10)["added"])
    for each in hit["contributions"]:
        fired = {
            hit[field][start:end]
            for field, evidence in (("text", "evidence"), ("title", "title_evidence"))
            for start, end in each[evidence]
        }
        if each["exact_word"] or each["token"] in fired:
            assert each["index"] not in added
        for word in added.get(each["index"], []):
            assert word in fired
