"""HTML pages, and Markdown with front matter."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

from postings import Document
from postings_ingest.readers import Omission, OmissionKind
from postings_ingest.readers.html import parse_html
from postings_ingest.readers.markdown import split_front_matter
from tests.support.reading import omissions, read, write

pytestmark = pytest.mark.usefixtures("in_its_own_folder")


PAGE = """<!DOCTYPE html>
<html><head><title> Lions &amp;
 cats </title><style>p { color: red }</style><script>if (a < b) alert("x")</script></head>
<body><!-- unseen --><h1>The lion</h1>
<p>A lion<b>ess</b> hunts
   at <a href="/dusk">dusk</a>.<br>She sleeps by day.<p>Never closed
<ul><li>claws<li>teeth</ul><table><tr><td>1</td><td>2</td></tr></table>
<pre>def roar():
    pass</pre><noscript>no script</noscript><svg><title>icon</title><text>x</text></svg></body></html>"""
TEXT = "The lion\nA lioness hunts at dusk.\nShe sleeps by day.\nNever closed\nclaws\nteeth\n1\n2\ndef roar():\npass"


def test_a_page_gives_what_a_reader_sees_and_its_title() -> None:
    assert parse_html(PAGE.encode()) == (TEXT, "Lions & cats")
    assert read(write(Path("lion.HTML"), PAGE)) == (
        [Document("lion.HTML", TEXT, "Lions & cats", {"path": "lion.HTML"})],
        [],
    )


@pytest.mark.parametrize(
    ("page", "text"),
    [
        ("<p hidden>a<p>b", "b"),
        ("<ul><li hidden>a<li>b<li hidden>c</ul><table><tr hidden><td>d<tr><td hidden>e<td>f</table>", "b\nf"),
        ("<p hidden=until-found>a<p>b", "a\nb"),
        ("<p style='color:red; DISPLAY : none !important'>a<p style='display:nonesuch'>b", "b"),
        ("<div style=display:none><p>a<p>b</div>c", "c"),
        ("<select><option>a<option selected>b</select><datalist><option>c</datalist>d", "d"),
        ("<body style='display:none' hidden><p>shown by a script", "shown by a script"),
    ],
)
def test_what_a_page_hides_is_not_indexed(page: str, text: str) -> None:
    assert parse_html(page.encode())[0] == text


def test_a_hidden_heading_is_no_title() -> None:
    assert parse_html(b"<div hidden><h1>a</h1></div><h1 style='display:none'>b</h1><h1>c</h1>") == ("c", "c")


def test_pages_are_read_from_a_folder_beside_texts() -> None:
    Path("m").mkdir()
    for name in ("a.txt", "b.html", "c.htm", "d.xhtml"):
        write(Path("m", name), "<h1>Title</h1><p>Text")
    found, rejections = read("m")
    assert rejections == []
    assert [(document.id, document.title, document.text) for document in found] == [
        ("m/a.txt", "a", "<h1>Title</h1><p>Text"),
        ("m/b.html", "Title", "Title\nText"),
        ("m/c.htm", "Title", "Title\nText"),
        ("m/d.xhtml", "Title", "Title\nText"),
    ]


@pytest.mark.parametrize(
    "content",
    [
        "<p>café “x”".encode(),
        b"\xef\xbb\xbf" + "<p>café “x”".encode(),
        "<p>café “x”".encode("utf-16"),
        b"<meta charset=windows-1252>" + "<p>café “x”".encode("cp1252"),
        b'<meta http-equiv="Content-Type" content="text/html; charset=iso-8859-1">' + "<p>café “x”".encode("cp1252"),
        b"<meta charset=utf-16>" + "<p>café “x”".encode(),
        "<meta charset=shift_jis><p>caf&eacute; &ldquo;x&rdquo;".encode("shift_jis"),
    ],
)
def test_a_page_is_read_in_its_encoding(content: bytes) -> None:
    assert parse_html(content)[0] == "café “x”"


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"<p>caf\xe9", "invalid UTF-8: byte 0xe9 at position 6"),
        (b"<script>only()</script>", "the file has no text"),
        (b" \n", "the file is empty"),
        (b"<div>" * 500_001, "the page has 500,001 tags, and 500,000 is the most that is read"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_page_that_cannot_be_read_is_rejected(content: bytes, reason: str) -> None:
    write(Path("bad.html"), content)
    write(Path("good.txt"), "x")
    found, (rejection,) = read(".")
    assert [document.id for document in found] == ["good.txt"]
    assert (rejection.file, rejection.reason) == ("bad.html", reason)


def test_a_page_of_a_hundred_thousand_open_elements_is_read() -> None:
    assert parse_html(b"<div>" * 100_000 + b"deep")[0] == "deep"


@pytest.mark.parametrize("tag", [b"<a ", b"</a ", b"<!--", b"<? "])
def test_a_tag_that_never_ends_is_left_out_as_browsers_do_and_not_looked_for_again(tag: bytes) -> None:
    assert parse_html(b"<p>1 < 2, x" + tag * 400_000)[0] == "1 < 2, x"


def test_a_page_without_a_closed_head_is_read() -> None:
    assert parse_html(b"<html><head><title>T</title><body><p>x") == ("x", "T")


def test_front_matter_is_metadata_and_not_text() -> None:
    content = (
        "---\ntitle: The plan\ntags: [a, b]\ndate: 2024-01-02\ndraft: false\nid: 7\nsize: .nan\n---\n# Heading\n\nText"
    )
    metadata = {
        "tags": ["a", "b"],
        "date": "2024-01-02",
        "draft": False,
        "id": 7,
        "size": None,
        "path": "plan.md",
    }
    assert read(write(Path("plan.md"), content)) == (
        [Document("plan.md", "# Heading\n\nText", "The plan", metadata)],
        [],
    )
    assert read(write(Path("plan.txt"), content))[0][0].text == content


def test_without_a_title_in_front_matter_the_heading_counts() -> None:
    ((document,), _) = read(write(Path("a.md"), "\ufeff---\r\ntags: x\r\n---\r\n\r\n# Heading\r\ntext"))
    assert (document.title, document.metadata["tags"]) == ("Heading", "x")
    ((document,), _) = read(write(Path("a.md"), "---\ntitle: 1984\n---\ntext"))
    assert document.title == "1984"


@pytest.mark.parametrize(
    ("text", "fields", "rest"),
    [
        ("---\na: 1\n---\ntext", {"a": 1}, "text"),
        ("---\na: 1\n...\ntext", {"a": 1}, "text"),
        ("---\na: 1\n---", {"a": 1}, ""),
        ("+++\na = 1\nat = 2024-01-02\n+++\ntext", {"a": 1, "at": datetime.date(2024, 1, 2)}, "text"),
        ("--- \r\na: 1\r\n--- \r\ntext", {"a": 1}, "text"),
        ("---\n---\ntext", {}, "text"),
        ("---\n# only a comment\n---\ntext", {}, "text"),
        ("---\nlang: no\nyes: 12:30:45\n---\n", {"lang": "no", "yes": "12:30:45"}, ""),
        ("---\nzip: 00501\nday: 2024-13-45\n---\n", {"zip": "00501", "day": "2024-13-45"}, ""),
        ("---\na: '---'\nb: |\n  --- x\n---\n---\n", {"a": "---", "b": "--- x\n"}, "---\n"),
    ],
)
def test_front_matter_is_told_by_its_marks(text: str, fields: dict[str, Any], rest: str) -> None:
    assert split_front_matter(text) == (fields, rest, None)


@pytest.mark.parametrize(
    "text",
    [
        "---\nA paragraph between two rules.\n---\ntext",
        "---\na: 1\ntext",
        "\n---\na: 1\n---\n",
        "text\n---\na: 1\n---\n",
        "----\na: 1\n----\n",
        "---\n- a\n---\n",
    ],
)
def test_what_only_looks_like_front_matter_stays_text(text: str) -> None:
    assert split_front_matter(text) == ({}, text, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("---\na: b: c\n---\ntext", "line 2: mapping values are not allowed here"),
        ("---\ntitle: [unclosed\nfoo: 1\n---\n", "line 3: expected ',' or ']'"),
        ("+++\na: 1\n+++\n", "Expected '=' after a key"),
        ("---\na: &a [x]\nb: *a\n---\n", "it has an alias"),
        ("---\na: !!python/object/apply:os.getcwd []\n---\n", "could not determine a constructor"),
        ("---\na: " + "[" * 5000 + "\n---\n", "it has more than 32 levels"),
        ("---\na: " + "x" * 70_000 + "\n---\n", "it has more than 64 KiB"),
    ],
)
def test_front_matter_that_cannot_be_read_stays_text_and_is_told(text: str, reason: str) -> None:
    fields, rest, said = split_front_matter(text)
    assert (fields, rest) == ({}, text)
    assert said is not None
    assert reason in said
    path = write(Path("a.md"), text)
    assert omissions(path) == [Omission(OmissionKind.FRONT_MATTER, "a.md", said)]


def test_a_path_in_front_matter_gives_way_and_is_told() -> None:
    path = write(Path("a.md"), "---\npath: elsewhere\n---\ntext")
    assert read(path)[0][0].metadata == {"path": "a.md"}
    assert omissions(path) == [Omission(OmissionKind.FIELD, "a.md", "path")]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<meta charset=klingon><p>café", ("café", None)),
        ("<svg><title>Close icon</title></svg><h1>Lions</h1>text", ("Lions\ntext", "Lions")),
        ("<title>Cats</title><svg><title>Close icon</title></svg>text", ("text", "Cats")),
    ],
)
def test_a_page_is_read_as_browsers_do(page: str, expected: tuple[str, str | None]) -> None:
    assert parse_html(page.encode()) == expected


def test_a_page_with_a_title_alone_is_a_document() -> None:
    assert read(write(Path("a.html"), "<title>Lions</title><script>x()</script>"))[0][0].title == "Lions"
