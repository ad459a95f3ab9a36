"""How the queue reaches Redis and another broker: TLS is verified, passwords stay secret, every form of URL works."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from postings import Document, Settings
from postings.errors import BrokerUnavailable, ConfigurationError, JobNotFound
from postings_ingest import Counts, Ledger, Producer
from postings_ingest.queue.celery_app import announce, celery_app
from postings_ingest.queue.ledger import BULK
from postings_ingest.queue.urls import broker_options, redis_url
from tests.support.queue_keys import QueueKeys
from tests.support.redis_server import RedisServer
from tests.support.tls import Certificate, certificate
from tests.support.worker import Worker


def on(settings: Settings, **values: object) -> Settings:
    return Settings(**{name: getattr(settings, name) for name in settings.model_fields_set} | values)  # type: ignore[arg-type]


@pytest.fixture
def tls_redis(redis_binary: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[RedisServer, Path]]:
    """A Redis that speaks TLS only, and the file of its authority; made out for what the test's parameter names."""
    (folder := tmp_path / "redis").mkdir()
    made = certificate(folder, getattr(request, "param", "DNS:localhost"))
    server = RedisServer(folder, redis_binary, tls=made)
    try:
        server.start()
    except RuntimeError:
        pytest.skip("this Redis was built without TLS")
    yield server, made.ca
    server.kill()


def queue_one(settings: Settings) -> Counts:
    with Producer(settings) as producer:
        producer.add(Document("a", "over an encrypted line"))
    return producer.job.wait(60)


def test_producer_and_worker_reach_a_redis_by_tls_with_the_right_authority(
    settings: Settings, tls_redis: tuple[RedisServer, Path], tmp_path: Path
) -> None:
    redis, ca = tls_redis
    settings = on(settings, redis_url=redis.url, redis_ca=ca)
    worker = Worker(settings, tmp_path / "worker.log")
    try:
        assert queue_one(settings) == Counts(submitted=1, indexed=1)
        assert worker.stop() == 0
        assert "announc" not in worker.log.read_text()  # the broker's connection works too
        assert "insecure" not in worker.log.read_text()
    finally:
        worker.kill()


def test_what_a_url_says_of_tls_counts_for_ledger_and_broker_alike(
    settings: Settings, tls_redis: tuple[RedisServer, Path]
) -> None:
    redis, ca = tls_redis
    for number, options in enumerate(("ssl_cert_reqs=none", f"ssl_ca_certs={ca}")):
        chosen = on(settings, redis_url=f"{redis.url}?{options}")
        Ledger(chosen).register(str(number), "payload", 1, "job", BULK)
        assert announce(celery_app(chosen), chosen, str(number), BULK)
    refused = on(settings, redis_url=f"{redis.url}?ssl_cert_reqs=required")
    with pytest.raises(ConfigurationError):
        announce(celery_app(refused), refused, "a", BULK)


def test_a_certificate_of_an_unknown_authority_is_refused_at_once(
    settings: Settings, tls_redis: tuple[RedisServer, Path], tmp_path: Path
) -> None:
    redis, _ = tls_redis
    settings = on(settings, redis_url=redis.url)
    expected = (
        rf"Redis at localhost:{redis.port}: its certificate isn't accepted \(.*\): set POSTINGS_REDIS_CA to the file"
    )
    with pytest.raises(ConfigurationError, match=expected):
        queue_one(settings)
    with pytest.raises(ConfigurationError, match=r"the broker .* certificate isn't accepted"):
        announce(celery_app(settings), settings, "a", BULK)
    worker = Worker(settings, tmp_path / "worker.log")
    assert worker.wait() == 1
    assert "the worker can't start: Redis at localhost" in worker.log.read_text()


@pytest.mark.parametrize("tls_redis", ["DNS:elsewhere.example"], indirect=True)
def test_a_certificate_of_another_name_is_refused(settings: Settings, tls_redis: tuple[RedisServer, Path]) -> None:
    redis, ca = tls_redis
    settings = on(settings, redis_url=redis.url, redis_ca=ca)
    with pytest.raises(ConfigurationError, match=r"use a host name in .* that the certificate is for"):
        queue_one(settings)
    with pytest.raises(ConfigurationError, match=r"use a host name in .* that the certificate is for"):
        announce(celery_app(settings), settings, "a", BULK)


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_an_authority_that_cannot_be_read_is_a_wrong_setting(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "ca.crt"
    if content:
        file.write_text(content)
    settings = Settings(redis_url="rediss://localhost", redis_ca=file)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match=r"setting 'redis_ca': .*ca\.crt can't be read"):
        Ledger(settings)
    with pytest.raises(ConfigurationError, match=r"setting 'redis_ca'"):
        celery_app(settings)


def test_a_broker_whose_certificate_is_refused_is_told_before_anything_is_queued(
    settings: Settings, ledger: Ledger, tls_redis: tuple[RedisServer, Path]
) -> None:
    producer = Producer(on(settings, broker_url=tls_redis[0].url), linger=600)
    producer.add(Document("a", "text"))
    for send in (producer.flush, producer.close):
        with pytest.raises(ConfigurationError, match=r"^the broker .* certificate isn't accepted"):
            send()
    assert producer.unsent == 1
    with pytest.raises(JobNotFound):
        producer.job.progress()


def test_an_error_of_the_block_is_not_replaced_by_one_of_the_broker(
    settings: Settings, ledger: Ledger, tls_redis: tuple[RedisServer, Path], caplog: pytest.LogCaptureFixture
) -> None:
    producer = Producer(on(settings, broker_url=tls_redis[0].url), linger=600)
    producer.add(Document("a", "text"))
    producer.__exit__(KeyError, KeyError(), None)
    assert "certificate isn't accepted" in caplog.text


def test_ledger_and_broker_verify_certificate_and_name_whatever_the_default_of_their_library() -> None:
    settings = Settings(redis_url="rediss://localhost")  # type: ignore[arg-type]
    verified = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}
    assert redis_url(settings)[1] == broker_options(settings)["broker_use_ssl"] == verified


class TlsListener:
    """Takes one connection, and keeps the first bytes that come through it once it is encrypted."""

    def __init__(self, made: Certificate) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(made.file, made.key)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self.received = b""
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        with self._socket:
            raw, _ = self._socket.accept()
        try:
            with self._context.wrap_socket(raw, server_side=True) as encrypted:
                self.received = encrypted.recv(8)
        except OSError:
            pass  # the client hung up
        finally:
            raw.close()


def test_a_broker_of_amqps_is_verified_too(settings: Settings, tmp_path: Path) -> None:
    made = certificate(tmp_path, "DNS:localhost")
    unknown = TlsListener(made)
    chosen = on(settings, broker_url=f"amqps://user:pass@localhost:{unknown.port}//")
    with pytest.raises(
        ConfigurationError, match=r"the broker amqps://localhost:\d+// ?: its certificate isn't accepted"
    ):
        announce(celery_app(chosen), chosen, "a", BULK)
    unknown.thread.join(60)
    assert unknown.received == b""
    known = TlsListener(made)
    chosen = on(settings, broker_url=f"amqps://user:pass@localhost:{known.port}//?ssl_ca_certs={made.ca}")
    assert not announce(celery_app(chosen), chosen, "a", BULK)  # it isn't RabbitMQ after all
    known.thread.join(60)
    assert known.received.startswith(b"AMQP")


HARD = [
    "redis://:Zq@Zq/Zq#Zq@127.0.0.1:1/0",
    "redis://:Zq#Zq@127.0.0.1:1/0",
    "redis://:Zq?Zq@127.0.0.1:1/0",
    "redis://:1/Zq@127.0.0.1:1/0",
    "redis://:[Zq@127.0.0.1:1/0",
    "redis://user:Z]Zq@127.0.0.1:1/0",
    "redis://:Zq",
    "redis://:Zq@127.0.0.1:port/0",
    "redis://:Zq@127.0.0.1/documents",
    "redis://127.0.0.1/0?no_such_option=Zq",
    "unix://:Zq@/nowhere/redis.sock?no_such_option=1",
    "http://:Zq@127.0.0.1:1",
    "nowhere+redis://:Zq@127.0.0.1:1",
]
HARD_BROKERS = ["amqp://user:Zq#Zq@127.0.0.1//", "amqps://user:1/Zq@127.0.0.1//", "amqp://user:Zq@127.0.0.1:Zq//"]


@pytest.mark.parametrize(
    ("setting", "url"),
    [*(("redis_url", url) for url in HARD), *(("broker_url", url) for url in (*HARD, *HARD_BROKERS))],
)
def test_a_url_that_cannot_be_read_is_a_wrong_setting_and_shows_no_password(
    setting: str, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(ConfigurationError, match=f"setting '{setting}'") as caught:
        celery_app(Settings(**{setting: url}))  # type: ignore[arg-type]
    assert "Zq" not in f"{caught.value} {caught.value.__cause__} {caplog.text}"
    if setting == "redis_url":
        with pytest.raises(ConfigurationError) as caught:
            Ledger(Settings(redis_url=url))  # type: ignore[arg-type]
        assert "Zq" not in str(caught.value)


def test_no_password_is_shown_by_what_cannot_be_reached(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    settings = on(
        settings, redis_url="redis://user:s%40cret@127.0.0.1:1/0", broker_url="amqp://user:s%40cret@127.0.0.1:1//"
    )
    with pytest.raises(BrokerUnavailable, match="Redis at 127") as caught:
        Ledger(settings).register("a", "payload", 1, "job", BULK)
    assert not announce(celery_app(settings), settings, "a", BULK)
    for word in ("s%40cret", "s@cret"):
        assert word not in str(caught.value) + caplog.text


@pytest.mark.parametrize("form", ["redis://user:pa%3Ass@127.0.0.1:{port}?db=3", "unix://user:pa%3Ass@{socket}?db=3"])
def test_every_form_of_url_reaches_ledger_and_broker_in_the_same_database(
    settings: Settings, redis_binary: str, tmp_path: Path, form: str
) -> None:
    (folder := tmp_path / "redis").mkdir()
    file = Path(f"/tmp/{tmp_path.parent.name}-{tmp_path.name}.sock"[:100])
    server = RedisServer(folder, redis_binary, unixsocket=str(file))
    server.start()
    worker = None
    try:
        admin = QueueKeys(on(settings, redis_url=server.url)).redis
        admin.acl_setuser("user", enabled=True, passwords=["+pa:ss"], categories=["+@all"], keys=["*"], channels=["*"])
        settings = on(settings, redis_url=form.format(port=server.port, socket=file))
        worker = Worker(settings, tmp_path / "worker.log")
        assert queue_one(settings) == Counts(submitted=1, indexed=1)
        worker.wait_until_ready()
        assert worker.stop() == 0
        said = worker.log.read_text()
        assert "Connected to" in said
        assert "pa:ss" not in said
        assert "pa%3Ass" not in said
        assert admin.dbsize() == 0
    finally:
        if worker:
            worker.kill()
        server.kill()
        file.unlink(missing_ok=True)
