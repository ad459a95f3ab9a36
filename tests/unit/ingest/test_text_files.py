"""Text and Markdown files: one document a file, named by its path."""

from __future__ import annotations

import errno
import os
import subprocess
from pathlib import Path

import pytest

from postings import Document
from postings_ingest import estimate_documents
from postings_ingest.readers import Omission, OmissionKind
from tests.support.reading import ids_and_lines, omissions, read, write

pytestmark = pytest.mark.usefixtures("in_its_own_folder")


def test_a_folder_gives_a_document_for_each_text_file_below_it(tmp_path: Path) -> None:
    files = {
        "b.txt": "second",
        "a.md": "# The *Title* #1 \n\nfirst",
        "inner/deep/c.markdown": "\ufeff\n\n# Title\r\ntext",
        "inner/D.TXT": "# no heading in plain text",
        "inner/e.md": "## smaller heading",
        "inner/f.md": "# \ntext",
        "g.pdf": "another format",
        "README": "no suffix",
        ".hidden.txt": "hidden",
        ".git/config.txt": "hidden",
        "inner/.cache/x.md": "hidden",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        write(tmp_path / name, text)
    (tmp_path / "folder.txt").mkdir()
    found, rejections = read(".")
    assert rejections == []
    assert [(document.id, document.title) for document in found] == [
        ("a.md", "The *Title* #1"),
        ("b.txt", "b"),
        ("inner/D.TXT", "D"),
        ("inner/deep/c.markdown", "Title"),
        ("inner/e.md", "e"),
        ("inner/f.md", "f"),
    ]
    assert found[0] == Document("a.md", "# The *Title* #1 \n\nfirst", "The *Title* #1", {"path": "a.md"})
    assert found[3].text == "\n\n# Title\r\ntext"
    assert estimate_documents(str(tmp_path)) == 6


def test_a_hidden_folder_is_read_when_it_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / ".notes").mkdir()
    write(tmp_path / ".notes" / "a.txt", "x")
    assert ids_and_lines(".notes") == ([".notes/a.txt"], [])


def test_a_single_text_file_is_a_document(tmp_path: Path) -> None:
    path = write(Path("notes.txt"), "A man is eating food.\n")
    assert read(path) == ([Document("notes.txt", "A man is eating food.\n", "notes", {"path": "notes.txt"})], [])
    assert estimate_documents(path) == 1


@pytest.mark.parametrize("format", ["text", "markdown", "html"])
def test_a_pipe_is_read_once_its_format_is_named(tmp_path: Path, format: str) -> None:
    os.mkfifo("pipe")
    assert estimate_documents("pipe", format=format) == 1
    with subprocess.Popen(["sh", "-c", "printf 'A lion hunts.' > pipe"]):
        ((document,), rejections) = read("pipe", format=format)
    assert (document.id, document.text, rejections) == ("pipe", "A lion hunts.", [])


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf \n", "the file is empty"),
        (b"caf\xe9", "invalid UTF-8: byte 0xe9 at position 3"),
        ("text".encode("utf-16"), "invalid UTF-8: byte 0xff at position 0"),
        (b"x" * 4_000_001, "text may have at most 4,000,000 characters, got 4,000,001"),
        (b"x" * 16_000_001, "the file has more than 16,000,000 bytes, the most that a document may have"),
    ],
)
def test_a_text_file_that_is_not_a_document_is_rejected_whole(tmp_path: Path, content: bytes, reason: str) -> None:
    write(tmp_path / "good", b"")
    bad = write(Path("bad.txt"), content)
    write(tmp_path / "good.txt", "x")
    found, (rejection,) = read(".")
    assert [document.id for document in found] == ["good.txt"]
    assert (rejection.file, rejection.line, rejection.reason) == (bad, 0, reason)


def test_a_file_name_that_is_not_utf8_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / os.fsdecode(b"caf\xe9.txt"), "x")
    write(tmp_path / "good.txt", "x")
    found, (rejection,) = read(".")
    assert [document.id for document in found] == ["good.txt"]
    assert rejection.file.endswith("caf\\udce9.txt")
    assert "id isn't valid Unicode" in rejection.reason


def test_a_link_to_nowhere_is_not_a_file(tmp_path: Path) -> None:
    (tmp_path / "lost.txt").symlink_to(tmp_path / "nowhere")
    (tmp_path / "loop").symlink_to(tmp_path)
    write(tmp_path / "good.txt", "x")
    assert ids_and_lines(".") == (["good.txt"], [])


def test_a_link_that_cannot_be_followed_says_why(tmp_path: Path) -> None:
    (tmp_path / "itself.txt").symlink_to(tmp_path / "itself.txt")
    (tmp_path / "lost.txt").symlink_to(tmp_path / "nowhere")
    write(tmp_path / "good.txt", "x")
    assert [(each.place, each.detail) for each in omissions(".")] == [
        ("./itself.txt", f"it can't be followed: {os.strerror(errno.ELOOP)}"),
        ("./lost.txt", "its target doesn't exist"),
    ]


def test_an_id_is_the_path_as_the_caller_named_it(tmp_path: Path) -> None:
    for name in ("p1/README.md", "p2/README.md", "p1/deep/README.md"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        write(Path(name), "text")
    expected = {
        "p1": ["p1/README.md", "p1/deep/README.md"],
        "./p1/": ["p1/README.md", "p1/deep/README.md"],
        "p2//../p1": ["p1/README.md", "p1/deep/README.md"],
        "p2": ["p2/README.md"],
        "./p2/README.md": ["p2/README.md"],
        ".": ["p1/README.md", "p1/deep/README.md", "p2/README.md"],
        str(tmp_path / "p2"): [f"{tmp_path}/p2/README.md"],
        f"/{tmp_path}/p2": [f"{tmp_path}/p2/README.md"],
    }
    assert {path: ids_and_lines(path)[0] for path in expected} == expected


def test_metadata_has_the_path_below_the_folder_and_the_source_is_the_file(tmp_path: Path) -> None:
    Path("notes/deep").mkdir(parents=True)
    write(Path("notes/deep/a.md"), "text")
    ((document,), _) = read("notes")
    assert (document.metadata, document.source) == ({"path": "deep/a.md"}, "notes/deep/a.md")


def test_what_a_folder_holds_beside_texts_is_told(tmp_path: Path) -> None:
    Path("m/.git").mkdir(parents=True)
    Path("elsewhere").mkdir()
    for name in ("m/a.txt", "m/b.docx", "m/c.PDF", "m/noname", "m/.env", "m/.git/config.txt", "elsewhere/x.txt"):
        write(Path(name), "text")
    Path("m/linked").symlink_to(Path("elsewhere").absolute())
    Path("m/lost.md").symlink_to("nowhere")
    Path("m/to-a-file.txt").symlink_to(Path("elsewhere/x.txt").absolute())
    os.mkfifo("m/pipe.txt")
    assert ids_and_lines("m") == (["m/a.txt", "m/to-a-file.txt"], [])
    assert omissions("m") == [
        Omission(OmissionKind.HIDDEN, "m/.env", "file"),
        Omission(OmissionKind.HIDDEN, "m/.git", "folder"),
        Omission(OmissionKind.OTHER_FILE, "m/b.docx", ".docx"),
        Omission(OmissionKind.OTHER_FILE, "m/c.PDF", ".pdf"),
        Omission(OmissionKind.LINK, "m/linked", "its target is a folder"),
        Omission(OmissionKind.LINK, "m/lost.md", "its target doesn't exist"),
        Omission(OmissionKind.OTHER_FILE, "m/noname", ""),
        Omission(OmissionKind.OTHER_FILE, "m/pipe.txt", "no regular file"),
    ]


def test_a_folder_that_cannot_be_read_is_rejected_and_the_rest_goes_on(tmp_path: Path) -> None:
    # Its path is longer than the system takes, whoever asks: permissions don't stop root.
    write(tmp_path / "a.txt", "text")
    write(tmp_path / "z.txt", "text")
    inner = os.open(tmp_path, os.O_RDONLY)
    for _ in range(4096 // 200 + 1):
        os.mkdir("d" * 200, dir_fd=inner)
        outer, inner = inner, os.open("d" * 200, os.O_RDONLY, dir_fd=inner)
        os.close(outer)
    os.close(inner)
    found, (rejection,) = read(".")
    assert [document.id for document in found] == ["a.txt", "z.txt"]
    assert rejection.reason == "the folder can't be read: File name too long"
    assert rejection.file.startswith("./" + "d" * 200 + "/")


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions don't stop root")
def test_a_folder_that_may_not_be_entered_is_rejected(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", "text")
    Path("locked").mkdir(mode=0)
    found, (rejection,) = read(".")
    assert [document.id for document in found] == ["a.txt"]
    assert (rejection.file, rejection.reason) == ("./locked", "the folder can't be read: Permission denied")
