"""`postings serve` on a folder: one command that searches, ingests, and answers the other commands."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis as redis_py

from postings import Settings
from postings_cli.main import run
from postings_ingest.queue.served_broker import with_served_broker
from postings_serve.app import api
from tests.support.cli import Cli, Command
from tests.support.jsonl import write_jsonl
from tests.support.load import Load
from tests.support.qdrant_server import QdrantServer
from tests.support.queue_commands import children
from tests.support.redis_server import RedisServer, free_port
from tests.support.serve_command import Serve, ServeCommand, finished, serves, settled_environment
from tests.support.worker import until

ARTICLES = [
    {"id": "lion", "title": "Lions", "text": "A lion hunts antelopes at dusk."},
    {"id": "bread", "text": "A man is eating a piece of bread."},
    {"id": "violin", "text": "A woman is playing violin."},
]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    with serves(tmp_path) as serve:
        yield serve


def found(http: httpx.Client, query: str, **options: Any) -> list[str]:
    answer = http.post("/v1/search", json={"query": query, **options})
    assert answer.status_code == 200, answer.text
    return [hit["id"] for hit in answer.json()["hits"]]


def posted(http: httpx.Client, documents: list[dict[str, Any]], **body: Any) -> str:
    answer = http.post("/v1/documents", json={"documents": documents, **body})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["job"])


def test_from_an_empty_folder_to_hits(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    service = serve()
    cli = Cli(tmp_path / "index", capsys)
    assert service.http.get("/readyz").json()["status"] == "ok"
    assert service.http.post("/v1/search", json={"query": "lions"}).status_code == 404
    assert cli("ingest", write_jsonl(tmp_path / "articles.jsonl", ARTICLES)).out.startswith("3 documents")
    assert found(service.http, "eating bread")[0] == "bread"
    counts = finished(service, posted(service.http, [{"id": "cheetah", "text": "A cheetah runs behind its prey."}]))
    assert (counts["submitted"], counts["indexed"]) == (1, 1)
    assert found(service.http, "chasing prey")[0] == "cheetah"

    assert cli("search", "chasing prey", "--json").json["hits"][0]["id"] == "cheetah"
    assert cli("info", "--json").json["documents"] == 4
    assert cli("get", "cheetah", "--json").json["text"] == "A cheetah runs behind its prey."
    assert cli("delete", "violin").out == "1 deleted\n"
    assert len(cli("export").out.splitlines()) == 3
    assert len(cli("models", "list", "--json").json["models"]) == 1
    assert [each["collection"] for each in cli("collections", "list", "--json").json] == ["documents"]
    assert cli("snapshot", tmp_path / "saved").status == 0
    monkeypatch.setenv("POSTINGS_INDEX_URL", str(tmp_path / "index"))
    assert run(["status", "--json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert (status["queued"], status["in_flight"], len(status["workers"])) == (0, 0, 1)
    assert "violin" not in found(service.http, "playing violin")


def test_collections_that_documents_came_for_have_workers_also_after_it_was_killed(serve: Serve) -> None:
    service = serve()
    job = posted(service.http, [{"id": "1", "text": "A lion sleeps."}], collection="animals")
    assert finished(service, job, "animals")["indexed"] == 1
    assert found(service.http, "sleeping lion", collection="animals") == ["1"]
    started = service.children()
    for worker in started.workers:
        worker.suspend()
    jobs = {
        name: posted(service.http, [{"id": str(n), "text": f"Lion {n} hunts."} for n in range(300)], collection=name)
        for name in ("documents", "animals")
    }
    service.command.kill()
    for worker in started.workers:
        worker.resume()
        worker.wait(20)  # it doesn't outlive the service
    started.broker.wait(20)
    again = serve()  # and nothing is lost
    for name, job in jobs.items():
        counts = finished(again, job, name)
        assert (counts["submitted"], counts["indexed"], counts["failed"]) == (300, 300, 0)
        assert len(found(again.http, "hunting lion", collection=name, limit=1000)) == 300


def test_a_killed_worker_comes_back_and_the_service_goes_on(serve: Serve) -> None:
    service = serve()
    assert finished(service, posted(service.http, ARTICLES))["indexed"] == 3
    with Load(service.url, 4, post=False) as load:
        job = posted(service.http, [{"id": str(n), "text": f"Lion {n} hunts."} for n in range(300)])
        (worker,) = service.children().workers
        worker.kill()
        counts = finished(service, job)
        assert (counts["submitted"], counts["indexed"], counts["failed"]) == (300, 300, 0)
        (other,) = service.children().workers
        assert other.pid != worker.pid
    assert load.faults == []
    assert load.answers.keys() == {200}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_accepted_is_answered_when_it_is_asked_to_end(serve: Serve, number: signal.Signals) -> None:
    service = serve()
    assert finished(service, posted(service.http, ARTICLES))["indexed"] == 3
    started = service.children()
    with Load(service.url) as load:
        until(lambda: load.answers[200] > 20 and load.answers[202] > 20, "no client is answered")
        # A connection that is kept, and asks nothing until the service drains.
        asked = httpx.Client(base_url=service.url)
        assert asked.get("/readyz").status_code == 200
        service.command.send_signal(number)
        if number == signal.SIGINT:  # a terminal sends it to the broker, too
            started.broker.send_signal(number)
        while (ready := asked.get("/readyz")).status_code == 200:
            pass
        assert (ready.status_code, ready.json()["status"]) == (503, "draining")
        assert ready.headers["Connection"] == "close"
        load.join()
    asked.close()
    assert service.command.ended().status == 0
    assert load.faults == []
    assert load.answers.keys() == {200, 202}
    assert load.closed > 0
    assert not any(each.is_running() for each in (started.broker, *started.workers))
    again = serve()
    for job in set(load.submitted.values()):
        assert finished(again, job)["indexed"] == 1
    assert all(again.http.get(f"/v1/documents/{id}").status_code == 200 for id in load.submitted)


def test_a_second_signal_ends_it_at_once(serve: Serve) -> None:
    service = serve()
    assert finished(service, posted(service.http, ARTICLES))["indexed"] == 3
    started = service.children()
    (worker,) = started.workers
    worker.suspend()
    job = posted(service.http, [{"id": "late", "text": "A lion sleeps."}])
    with service.http.stream("GET", f"/v1/jobs/{job}/events") as events:
        assert next(events.iter_lines()) == "event: counts"
        service.command.send_signal(signal.SIGTERM)
        until(lambda: "draining" in service.command.err, "it doesn't drain")
        service.command.send_signal(signal.SIGTERM)
        assert service.command.ended().status == 1  # else it would wait for a worker that never ends
    for each in (started.broker, worker):
        each.wait(20)


def hanging(serve: Serve, redis: RedisServer, server: socket.socket) -> ServeCommand:
    """A service with a thread that waits for a Qdrant server that never answers."""
    url = f"http://127.0.0.1:{server.getsockname()[1]}"
    service = serve(index_url=url, redis_url=redis.url, index_timeout="600", serve_timeout="1")
    assert service.http.post("/v1/search", json={"query": "lions"}).status_code == 504
    return service


def test_a_thread_that_never_ends_does_not_keep_it(serve: Serve, redis: RedisServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        service = hanging(serve, redis, server)
        service.command.send_signal(signal.SIGTERM)
        assert service.command.ended().status == 1
        assert "ending without them" in service.command.err


def test_nor_does_it_after_a_second_signal(serve: Serve, redis: RedisServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        service = hanging(serve, redis, server)
        service.command.send_signal(signal.SIGINT)
        until(lambda: "draining" in service.command.err, "it doesn't drain")
        service.command.send_signal(signal.SIGINT)
        assert service.command.ended().status == 1
        assert "ending without them" not in service.command.err


def test_its_description_is_printed_without_an_index_or_redis(tmp_path: Path) -> None:
    nowhere = settled_environment(index_url="http://127.0.0.1:9", redis_url="redis://127.0.0.1:9")
    printed = Command(tmp_path, "serve", "--openapi", env=nowhere).ended()
    assert (printed.status, printed.err) == (0, "")
    assert printed.json == api().openapi()


def test_it_may_be_asked_to_end_while_it_starts(tmp_path: Path) -> None:
    command = Command(tmp_path, "serve", "--port", "0", env=settled_environment(index_url=str(tmp_path / "index")))
    until(lambda: bool(children(command)), "it starts no broker")
    started = children(command)
    command.send_signal(signal.SIGTERM)
    assert command.ended().status == 0
    assert not any(each.is_running() for each in started)


def test_a_port_or_folder_in_use_is_said_in_one_line(serve: Serve, tmp_path: Path) -> None:
    service = serve()
    port = service.url.rpartition(":")[2]
    refused = failed(tmp_path, "--port", port, index_url=str(tmp_path / "other"))
    assert refused == f"error: 127.0.0.1:{port} can't be opened: address already in use: choose another with --port\n"
    assert not (tmp_path / "other").exists()
    refused = failed(tmp_path, "--port", "0", index_url=str(tmp_path / "index"))
    assert refused.startswith("error: ")
    assert refused.count("\n") == 1
    assert "another process" in refused
    assert service.http.get("/readyz").status_code == 200


def test_a_model_that_is_not_there_is_said_before_anybody_can_connect(tmp_path: Path) -> None:
    refused = failed(tmp_path, "--port", "0", "--model", "nope", index_url=str(tmp_path / "index"))
    assert refused.startswith("error: there is no model 'nope': expected a bundled model")
    assert refused.count("\n") == 1
    assert not (tmp_path / "index").exists()


def test_other_machines_need_a_key_or_a_word_of_the_operator(serve: Serve, tmp_path: Path) -> None:
    refused = failed(tmp_path, "--host", "0.0.0.0", "--port", "0", index_url=str(tmp_path / "index"))
    assert refused.count("\n") == 1
    assert "postings keys create" in refused
    assert "--no-keys" in refused
    service = serve("--host", "0.0.0.0", "--no-keys")
    assert httpx.get(service.url.replace("0.0.0.0", "127.0.0.1") + "/v1/collections").status_code == 200


def test_only_its_user_may_use_its_broker(serve: Serve, tmp_path: Path) -> None:
    service = serve()
    assert service.broker is not None
    with redis_py.Redis.from_url(service.broker) as client, pytest.raises(redis_py.AuthenticationError):
        client.info()
    broker = tmp_path / "index" / ".broker"
    assert stat.S_IMODE(broker.stat().st_mode) == 0o700
    assert stat.S_IMODE((broker / "lock").stat().st_mode) == 0o600
    found = with_served_broker(Settings(index_url=str(tmp_path / "index")))
    (password,) = found.secrets()
    assert len(password) > 30
    assert finished(service, posted(service.http, ARTICLES))["indexed"] == 3
    assert password not in service.command.out + service.command.err
    assert not any(password in " ".join(each.cmdline()) for each in children(service.command))
    service.command.kill()
    serve()
    assert with_served_broker(Settings(index_url=str(tmp_path / "index"))).secrets().isdisjoint({password})


def test_it_ends_a_broker_that_another_service_left(serve: Serve) -> None:
    service = serve()
    left = service.children().broker
    (watcher,) = (each for each in children(service.command) if each.name() == "sh")
    watcher.kill()
    service.command.kill()
    assert left.is_running()
    again = serve()
    left.wait(20)
    assert finished(again, posted(again.http, ARTICLES))["indexed"] == 3


def test_a_broker_whose_address_is_named_is_there_for_others(serve: Serve) -> None:
    url = f"redis://127.0.0.1:{free_port()}"
    assert serve(redis_url=url).broker == url
    with redis_py.Redis.from_url(url) as client:
        assert client.ping()


def test_its_broker_takes_another_port_where_the_usual_one_is_in_use(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with usual_port_in_use():
        service = serve()
        assert service.broker is not None
        assert service.broker != "redis://127.0.0.1:6379"
        assert finished(service, posted(service.http, ARTICLES))["indexed"] == 3
        monkeypatch.setenv("POSTINGS_INDEX_URL", str(tmp_path / "index"))
        assert run(["status", "--json"]) == 0
        jobs = json.loads(capsys.readouterr().out)["jobs"]
        assert [counts["indexed"] for counts in jobs.values()] == [3], "commands find it too"


def test_services_that_start_at_once_get_brokers_of_their_own(serve: Serve, tmp_path: Path) -> None:
    folders = [str(tmp_path / str(number)) for number in range(4)]
    with ThreadPoolExecutor(len(folders)) as threads:
        services = list(threads.map(lambda folder: serve(index_url=folder), folders))
    assert len({each.broker for each in services}) == len(folders)
    job = posted(services[0].http, ARTICLES)
    assert [each.http.get(f"/v1/jobs/{job}").status_code for each in services] == [200, 404, 404, 404]


def test_a_named_port_of_the_broker_that_is_in_use_is_said_in_one_line(serve: Serve, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        url = f"redis://127.0.0.1:{other.getsockname()[1]}"
        refused = failed(tmp_path, "--port", "0", index_url=str(tmp_path / "index"), redis_url=url)
    assert refused == f"error: the embedded broker doesn't start on {url}: the port is in use\n"


@contextlib.contextmanager
def usual_port_in_use() -> Iterator[None]:
    """Another test's broker may have it for a while; a Redis of this machine keeps it."""
    with contextlib.ExitStack() as stack:

        def taken() -> bool:
            try:
                stack.enter_context(socket.create_server(("127.0.0.1", 6379)))
            except OSError:
                return False
            return True

        with contextlib.suppress(AssertionError):
            until(taken, "somebody has it", 20)
        yield


def test_before_a_server_it_is_the_api_alone_and_there_may_be_several(
    serve: Serve, redis: RedisServer, tmp_path: Path
) -> None:
    (tmp_path / "server").mkdir()
    with QdrantServer(tmp_path / "server") as server:
        services = [serve(index_url=server.url, redis_url=redis.url) for _ in range(2)]
        assert [each.broker for each in services] == [None, None]
        assert [children(each.command) for each in services] == [[], []]
        one, other = services
        job = posted(one.http, ARTICLES)
        assert other.http.get(f"/v1/jobs/{job}").json()["submitted"] == 3
        worker = Command(tmp_path, "worker", env=settled_environment(index_url=server.url, redis_url=redis.url))
        assert finished(other, job)["indexed"] == 3
        assert found(one.http, "eating bread")[0] == found(other.http, "eating bread")[0] == "bread"
        worker.send_signal(signal.SIGTERM)
        assert worker.ended().status == 0


def test_a_server_that_is_not_there_is_said_at_the_start(serve: Serve) -> None:
    service = serve(index_url="http://127.0.0.1:9")
    until(lambda: "not ready to search: http://127.0.0.1:9" in service.command.err, "nothing is said")
    answer = service.http.get("/readyz")
    assert (answer.status_code, answer.json()["status"]) == (503, "not ready")


def memory_of(process: int) -> bytes:
    """What a process can write to, its heap for example."""
    regions = [line.split() for line in Path(f"/proc/{process}/maps").read_text().splitlines()]
    found = b""
    with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
        for addresses, rights, *_ in regions:
            begin, end = (int(address, 16) for address in addresses.split("-"))
            if rights.startswith("rw") and end - begin < 2**26:
                memory.seek(begin)
                found += memory.read(end - begin)
    return found


def test_the_broker_gets_no_settings_and_so_no_keys(serve: Serve) -> None:
    keys = {"POSTINGS_INDEX_API_KEY": "sesame", "postings_index_api_key": "sesame", "POSTINGSLESS": "poppy"}
    service = serve(environment=keys)
    memory = memory_of(service.children().broker.pid)  # Valkey overwrites what /proc shows, and keeps a copy
    assert b"POSTINGSLESS=poppy" in memory
    assert b"sesame" not in memory
    assert b"POSTINGS_INDEX_URL" not in memory
    assert finished(service, posted(service.http, ARTICLES))["indexed"] == 3  # the worker has its settings


def failed(folder: Path, *options: str, **settings: str) -> str:
    """What a service says that doesn't start."""
    ran = Command(folder, "serve", *options, env=settled_environment(**settings)).ended()
    assert ran.status == 1, ran.err
    assert ran.out == ""
    return ran.err
