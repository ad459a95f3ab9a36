"""Clients that ask a service without a pause, over one connection or a new one for each request."""

from __future__ import annotations

import http.client
import itertools
import json
import threading
from collections import Counter
from typing import Self
from urllib.parse import urlsplit


class Load:
    """Clients in threads of their own, from the start of a block to its end.

    Half of them keep their connection as long as the service lets them. A client ends when it can't connect, or when
    the block does: both are well. All else that goes wrong is in ``faults``.

    Args:
        url: the service.
        clients: how many.
        post: whether half of them post documents; the others search.

    Attributes:
        answers: how many answers there were, by status.
        closed: how many of them said that the connection closes.
        submitted: the ids of documents that the service has accepted, by job.
        faults: requests that were sent and not answered, and answers that weren't complete.
    """

    def __init__(self, url: str, clients: int = 16, *, post: bool = True) -> None:
        self._address = urlsplit(url).netloc
        self._post = post
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self.answers: Counter[int] = Counter()
        self.closed = 0
        self.submitted: dict[str, str] = {}
        self.faults: list[str] = []
        self._threads = [threading.Thread(target=self._ask, args=(each,)) for each in range(clients)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self.join()

    def join(self) -> None:
        """Wait until no client is left."""
        for thread in self._threads:
            thread.join()

    def _ask(self, client: int) -> None:
        keeps, posts = client % 2 == 0, self._post and client % 4 < 2
        connection: http.client.HTTPConnection | None = None
        for number in itertools.count():
            if self._ended.is_set():
                break
            if connection is None:
                connection = http.client.HTTPConnection(self._address, timeout=60)
                try:
                    connection.connect()
                except ConnectionRefusedError:
                    return
            id = f"{client}-{number}"
            path, body = ("/v1/search", {"query": "lions"})
            if posts:
                path, body = "/v1/documents", {"documents": [{"id": id, "text": f"Lion {id} hunts."}]}  # type: ignore[dict-item]
            try:
                connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
                answer = connection.getresponse()
                found = json.loads(answer.read())
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.faults.append(f"{path} after {number} on {'a kept' if keeps else 'a new'} connection: {error!r}")
                return
            closes = answer.getheader("Connection") == "close"
            with self._lock:
                self.answers[answer.status] += 1
                self.closed += closes
                if "job" in found:
                    self.submitted[id] = found["job"]
            if closes or not keeps:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()
