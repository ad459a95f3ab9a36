"""What a command writes is never what it reads, and bears its name only when it is whole."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest

from postings import Settings
from postings.errors import ReaderError
from postings_cli.outputs import OutputFile, output_folder, refuse_inputs, whole_folder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Holds ``x.jsonl`` and ``texts/deep/a.txt``, with links to both."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts" / "deep").mkdir(parents=True)
    for name in ("x.jsonl", "texts/deep/a.txt", "other.jsonl"):
        (tmp_path / name).write_text("kept")
    Path("soft").symlink_to("x.jsonl")
    Path("loose").symlink_to("texts")
    os.link("x.jsonl", "hard")
    os.link("texts/deep/a.txt", "hard.txt")
    Path("texts/linked.txt").symlink_to(Path("other.jsonl").absolute())
    return tmp_path


@pytest.mark.parametrize(
    ("output", "read"),
    [
        ("x.jsonl", "x.jsonl"),
        ("./texts/../x.jsonl", "x.jsonl"),
        ("x.jsonl", "{folder}/x.jsonl"),
        ("soft", "x.jsonl"),
        ("x.jsonl", "soft"),
        ("hard", "x.jsonl"),
        ("texts/deep/a.txt", "texts"),
        ("texts/deep/new.jsonl", "./texts/"),
        ("hard.txt", "texts"),
        ("other.jsonl", "texts"),
        ("loose/deep/new", "texts"),
        ("new.jsonl", "."),
        ("texts", "texts"),
    ],
)
def test_an_output_that_is_an_input_is_refused(folder: Path, output: str, read: str) -> None:
    with pytest.raises(ReaderError, match=r"^--out .* which is read: name another place$"):
        refuse_inputs("--out", Path(output), ["nowhere", read.format(folder=folder)], Settings())


def test_an_output_beside_the_inputs_is_taken(folder: Path) -> None:
    for output in ("new.jsonl", "texts.jsonl", "other.jsonl", "/dev/null"):
        refuse_inputs(
            "--out", Path(output), ["x.jsonl", "texts/deep", "-", "tiny", "http://localhost:6333"], Settings()
        )
    refuse_inputs("--out", Path("texts/report"), ["texts"], Settings(), folder=True)
    with pytest.raises(ReaderError, match="which is read"):
        refuse_inputs("--out", Path("loose"), ["texts"], Settings(), folder=True)


@pytest.mark.parametrize(
    ("output", "settings"),
    [
        ("texts/deep/a.txt", {"index_url": "edge:texts"}),
        ("hard.txt", {"index_url": "edge:{folder}/texts"}),
        ("texts/new", {"index_url": "texts"}),
        ("texts/deep/a.txt", {"index_url": "~/texts"}),
        ("texts/deep/a.txt", {"model": "~/texts"}),
        ("postings.toml", {}),
        (".env", {}),
        ("x.jsonl", {"index_ca": "x.jsonl"}),
        ("hard", {"redis_ca": "x.jsonl"}),
    ],
)
def test_what_the_settings_name_is_an_input(
    folder: Path, output: str, settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(folder))
    Path("postings.toml").write_text("")
    Path(".env").write_text("")
    given = Settings(**{name: value.format(folder=folder) for name, value in settings.items()})
    with pytest.raises(ReaderError, match="which is read"):
        refuse_inputs("--out", Path(output), [], given)


def test_the_folder_of_an_index_or_a_collection_gets_no_report(folder: Path) -> None:
    for output in ("texts", "texts/deep"):
        with pytest.raises(ReaderError, match="which is read"):
            refuse_inputs("--out", Path(output), [], Settings(index_url="edge:texts", collection="deep"), folder=True)


def test_a_file_takes_its_name_when_it_is_whole(folder: Path) -> None:
    target = folder / "other.jsonl"
    target.chmod(0o640)
    with OutputFile("--out", target) as file:
        file.write("new")
        file.flush()
        assert target.read_text() == "kept"
        (partial,) = folder.glob(".other.jsonl*")
        assert partial.read_text() == "new"
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("new", 0o640)
    assert not list(folder.glob(".*"))


def test_a_file_called_gz_is_compressed(folder: Path) -> None:
    target = folder / "new.jsonl.gz"
    with OutputFile("--out", target) as file:
        file.write("ä\n")
        file.flush()
        file.write("b\n")
    with gzip.open(target, "rt", encoding="utf-8") as read:
        assert read.read() == "ä\nb\n"
    with OutputFile("--out", target) as file:
        file.write("again")
    assert gzip.decompress(target.read_bytes()) == b"again"


@pytest.mark.parametrize("suffix", [".zst", ".xz", ".bz2", ".zip"])
def test_a_name_of_another_compression_is_refused_because_a_reader_would_expect_it(folder: Path, suffix: str) -> None:
    with pytest.raises(ReaderError, match=rf"^--out .*{suffix} can't be written: only \.gz is compressed"):
        OutputFile("--out", folder / f"new.jsonl{suffix}")
    assert not list(folder.glob("*new*"))


def test_what_stood_there_stays_if_the_command_fails(folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt), OutputFile("--out", folder / "other.jsonl") as file:  # noqa: PT012
        file.write("new")
        raise KeyboardInterrupt
    assert (folder / "other.jsonl").read_text() == "kept"
    assert not list(folder.glob(".*"))


def test_a_link_stays_a_link_and_its_target_is_written(folder: Path) -> None:
    with OutputFile("--out", Path("soft")) as file:
        file.write("new")
    assert Path("soft").is_symlink()
    assert Path("x.jsonl").read_text() == "new"


def test_a_pipe_is_written_as_it_is(folder: Path) -> None:
    os.mkfifo("pipe")
    reading = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    with OutputFile("--out", Path("pipe")) as file:
        file.write("through the pipe")
    assert os.read(reading, 100) == b"through the pipe"
    assert Path("pipe").is_fifo()
    os.close(reading)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("nowhere/x.jsonl", "No such file or directory"),
        ("x.jsonl/y", "Not a directory"),
        ("texts", "Is a directory"),
        ("new", "File exists"),
    ],
)
def test_a_file_that_cannot_be_made_is_one_clear_error(folder: Path, path: str, reason: str) -> None:
    Path(f".new.{os.getpid()}.partial").write_text("somebody else's")
    with pytest.raises(ReaderError, match=f"^--rejects {path} can't be written: {reason}$"):
        OutputFile("--rejects", Path(path))
    assert Path(f".new.{os.getpid()}.partial").read_text() == "somebody else's"


def test_a_full_disk_is_one_clear_error_and_leaves_what_stood_there(folder: Path) -> None:
    file = OutputFile("--out", Path("/dev/full"))
    file.write("x" * 100)
    with pytest.raises(ReaderError, match=r"^--out /dev/full can't be written: No space left on device$"):
        file.flush()
    file.drop()


def test_a_folder_gets_its_files_when_all_are_whole(folder: Path) -> None:
    Path("report").mkdir()
    Path("report/mine.txt").write_text("kept")
    Path("report/report.md").write_text("old")
    with pytest.raises(ValueError, match="no plots"), output_folder("--out", Path("report")) as made:  # noqa: PT012
        (made / "report.md").write_text("half")
        raise ValueError("no plots")
    assert Path("report/report.md").read_text() == "old"
    with output_folder("--out", Path("report")) as made:
        (made / "report.md").write_text("new")
        assert Path("report/report.md").read_text() == "old"
    assert {path.name: path.read_text() for path in Path("report").iterdir()} == {
        "mine.txt": "kept",
        "report.md": "new",
    }
    with output_folder("--out", Path("deep/er/report")) as made:
        (made / "report.md").write_text("new")
    assert Path("deep/er/report/report.md").read_text() == "new"
    with (
        pytest.raises(ReaderError, match=r"^--out x.jsonl can't be written: File exists$"),
        output_folder("--out", Path("x.jsonl")) as made,
    ):
        (made / "report.md").write_text("new")
    assert not list(folder.rglob(".*"))


@pytest.mark.parametrize("name", ["log.txt", "/dev/stdout"])
def test_what_standard_output_goes_to_is_not_replaced(tmp_path: Path, name: str) -> None:
    code = """
import sys
from pathlib import Path
from postings_cli.outputs import OutputFile

print("before", flush=True)
with OutputFile("--out", Path(sys.argv[1])) as file:
    file.write("written\\n")
print("after", flush=True)
"""
    log = tmp_path / "log.txt"
    with log.open("a") as output:
        subprocess.run([sys.executable, "-c", code, name], cwd=tmp_path, stdout=output, check=True)
    assert log.read_text() == "before\nwritten\nafter\n"


def test_a_folder_gets_its_name_when_it_is_whole(folder: Path) -> None:
    with whole_folder(Path("judged")) as partial:
        (partial / "qrels").mkdir()
        (partial / "qrels" / "test.tsv").write_text("new")
        assert not Path("judged").exists()
    assert Path("judged/qrels/test.tsv").read_text() == "new"
    before = {*folder.iterdir()}
    with pytest.raises(ReaderError, match="failed can't be written"), whole_folder(Path("failed")) as partial:
        (partial / "new").rename(partial / "newer")
    assert {*folder.iterdir()} == before


def test_a_folder_that_is_there_is_left_alone(folder: Path) -> None:
    for name in ("texts", "loose", "x.jsonl"):
        with pytest.raises(ReaderError, match="is there already"), whole_folder(Path(name)):
            raise AssertionError
    Path("empty").mkdir()
    with whole_folder(Path("empty")) as partial:
        (partial / "a").touch()
    assert Path("empty/a").exists()
    with pytest.raises(ReaderError, match=r"x\.jsonl/new can't be written"), whole_folder(Path("x.jsonl/new")):
        raise AssertionError


def test_a_folder_that_another_makes_meanwhile_is_left_alone(folder: Path) -> None:
    Path("mine").mkdir()
    with pytest.raises(ReaderError, match="mine can't be written"), whole_folder(Path("mine")):
        Path("mine/other").touch()
    assert [each.name for each in Path("mine").iterdir()] == ["other"]
    assert not [*folder.glob(".mine*")]
