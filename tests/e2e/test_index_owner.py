"""The process that has an index folder open for others: who may be it, and what is left when processes die."""

from __future__ import annotations

import json
import os
import signal
import stat
import threading
import time
from pathlib import Path

import pytest

from postings import EdgeIndex, Index, open_index
from postings.errors import (
    CollectionNotFound,
    ConfigurationError,
    IndexLocked,
    IndexUnavailable,
    PostingsError,
)
from postings.index.proxy import OpenIndexes, Owner, ProxyIndex
from postings.index.proxy.record import LOCK, RECORD
from tests.integration.test_shared_index import folder, index, indexes
from tests.support.forking import said_by
from tests.support.forkserver import forked
from tests.support.indexes import MODEL, point, shared
from tests.support.sharing import serving, settings_of, socket_of, write_for_ever, write_versions

__all__ = ["folder", "index", "indexes"]


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_this_user_reaches_the_socket(folder: Path, indexes: OpenIndexes) -> None:
    path = socket_of(folder)
    assert [mode(each) for each in (path.parent, path, folder / RECORD, folder / LOCK)] == [0o700, 0o600, 0o600, 0o600]
    assert json.loads((folder / RECORD).read_bytes())["pid"] == os.getpid()


def test_what_was_shared_is_as_before_at_the_end(folder: Path) -> None:
    with shared(folder):
        path = socket_of(folder)
        with open_index(settings_of(folder)) as index:
            index.ensure(MODEL, "tiny")
            index.upsert([point("1")])
    assert not path.parent.exists()
    assert {each.name for each in folder.iterdir()} == {"documents", LOCK}
    with open_index(settings_of(folder)) as index:
        assert isinstance(index, EdgeIndex)
        assert index.count() == 1


def test_a_second_owner_is_refused(folder: Path, indexes: OpenIndexes, index: Index) -> None:
    with pytest.raises(IndexLocked, match="another process serves the index already"), shared(folder):
        pass
    index.upsert([point("1")])
    assert index.count() == 1


def test_one_of_two_that_start_at_once_owns_the_folder(folder: Path) -> None:
    start, won, refused = threading.Barrier(4), [], []
    done = threading.Event()

    def own() -> None:
        start.wait()
        try:
            with shared(folder):
                won.append(socket_of(folder))
                done.wait()
        except IndexLocked as error:
            refused.append(error)
        if len(refused) == 3:
            done.set()

    threads = [threading.Thread(target=own) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 3)


def test_a_process_of_another_version_is_not_spoken_to(folder: Path, indexes: OpenIndexes, index: Index) -> None:
    record = json.loads((folder / RECORD).read_bytes())
    (folder / RECORD).write_text(json.dumps({**record, "format": record["format"] + 1}))
    with pytest.raises(IndexLocked, match=f"process {os.getpid()} serves the index with another version"):
        Owner.of(folder)


@pytest.mark.parametrize("damaged", ["", "{", "[]", '{"format": 1}', '{"format": 1, "socket": "/nowhere", "pid": 1}'])
def test_a_record_that_says_nothing_is_no_owner(folder: Path, damaged: str) -> None:
    folder.mkdir()
    (folder / RECORD).write_text(damaged)
    with open_index(settings_of(folder)) as index:
        assert isinstance(index, EdgeIndex)
    with shared(folder), open_index(settings_of(folder)) as index:
        assert isinstance(index, ProxyIndex)


def test_a_killed_process_is_no_owner(folder: Path) -> None:
    with serving(folder) as process:
        path = socket_of(folder)
        process.kill()
        process.join()
        assert path.exists()
        with open_index(settings_of(folder)) as index:
            assert isinstance(index, EdgeIndex)
    with shared(folder):
        assert socket_of(folder) != path
        assert not path.parent.exists()


def test_what_was_acknowledged_before_the_owner_was_killed_is_there(folder: Path) -> None:
    acknowledged = 0
    with serving(folder) as process, open_index(settings_of(folder)) as index:
        index.ensure(MODEL, "tiny")
        with pytest.raises(IndexUnavailable) as ended:  # noqa: PT012
            while True:
                index.upsert([point(f"{acknowledged} {id}", text="a lion hunts " * 100) for id in range(60)])
                acknowledged += 1
                if acknowledged == 20:
                    threading.Timer(0.01, process.kill).start()
        assert ended.value.retry
        with pytest.raises(IndexUnavailable):
            index.count()
    with EdgeIndex(folder) as index:
        stored = {each.payload["doc_id"] for each in index.scroll()}
    assert stored >= {f"{batch} {id}" for batch in range(acknowledged) for id in range(60)}


def test_an_index_works_again_when_its_owner_does(folder: Path) -> None:
    with serving(folder):
        index = open_index(settings_of(folder))
        index.ensure(MODEL, "tiny")
        index.upsert([point("1")])
    with pytest.raises(IndexUnavailable, match="has ended"):
        index.count()
    with serving(folder):
        assert index.count() == 1
    index.close()
    with pytest.raises(IndexUnavailable, match="the index was closed"):
        index.count()


def test_the_owner_goes_on_when_those_who_write_are_killed(folder: Path, indexes: OpenIndexes) -> None:
    for _ in range(3):
        process = forked(write_for_ever, folder)
        try:
            before = version_of(indexes)
            while version_of(indexes) <= before + 3:
                assert process.is_alive()
                time.sleep(0.005)
        finally:
            process.kill()
            process.join()
    with open_index(settings_of(folder)) as index:
        assert index.count() == 200


def version_of(indexes: OpenIndexes) -> int:
    try:
        found = indexes.get("documents").retrieve([point("0").id], fields=["version"])
    except CollectionNotFound:
        return 0
    return int(found[0].payload["version"]) if found else 0


def test_the_newest_wins_of_two_processes_that_write_at_once(folder: Path, indexes: OpenIndexes, index: Index) -> None:
    processes = [forked(write_versions, folder, first, 2, 200, 100) for first in (1, 2)]
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert {each.payload["version"] for each in index.scroll()} == {199}
    assert index.count() == 100


def test_a_call_that_is_being_answered_is_finished_before_the_owner_ends(folder: Path, tmp_path: Path) -> None:
    outcomes: list[int | str] = []
    begun = threading.Event()

    def progress(done: int, total: int) -> None:
        outcomes.append(done)
        begun.set()

    def save(index: Index) -> None:
        try:
            index.snapshot(tmp_path / "saved", progress)
            outcomes.append("saved")
        except PostingsError as error:
            outcomes.append(str(error))

    with shared(folder):
        index = open_index(settings_of(folder))
        index.ensure(MODEL, "tiny")
        index.upsert([point(str(number), filler=os.urandom(3000).hex()) for number in range(500)])
        thread = threading.Thread(target=save, args=(index,))
        thread.start()
        begun.wait()
    thread.join()
    index.close()
    assert outcomes[-1] == "saved"
    assert (tmp_path / "saved").is_file()


def test_a_long_path_for_temporary_files_is_reported(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with pytest.raises(ConfigurationError, match="set TMPDIR to a folder with a shorter path"), shared(folder):
        pass
    assert list(long.iterdir()) == []
    assert not (folder / RECORD).exists()


FORKS = """
import os, sys
from pathlib import Path
from postings.errors import WrongProcess
from tests.support.indexes import MODEL, shared
from tests.support.sharing import settings_of
from postings import open_index

with shared(Path(sys.argv[1])) as indexes, open_index(settings_of(Path(sys.argv[1]))) as index:
    index.ensure(MODEL, "tiny")
    child = os.fork()
    if not child:
        for call in (index.count, lambda: indexes.get("documents")):
            try:
                call()
            except WrongProcess:
                print("refused", flush=True)
        index.close()
        indexes.close()
    else:
        os.waitpid(child, 0)
        print(index.count(), flush=True)
"""


def test_a_forked_process_has_to_open_its_own_and_leaves_the_parents(folder: Path) -> None:
    assert said_by(FORKS, str(folder)) == ["refused", "refused", "0"]


SURVIVES = """
import os, signal, sys, time
from pathlib import Path
from tests.support.indexes import shared

with shared(Path(sys.argv[1])):
    if not os.fork():
        print(os.getpid(), flush=True)
        os.close(1)
        time.sleep(600)
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_that_outlives_its_killed_parent_serves_nothing(folder: Path) -> None:
    (child,) = said_by(SURVIVES, str(folder))
    try:
        assert Owner.of(folder) is None
        with shared(folder), open_index(settings_of(folder)) as index:
            assert isinstance(index, ProxyIndex)
    finally:
        os.kill(int(child), signal.SIGKILL)
