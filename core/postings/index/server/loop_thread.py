"""Running coroutines for synchronous code."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from postings.errors import IndexUnavailable, PostingsError
from postings.process import OwnedLock

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="postings-server-index", daemon=True)
        self._thread.start()
        self._lock = OwnedLock("index", "open")
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end; Ctrl-C cancels it."""
        try:
            with self._lock:
                if self._closed:
                    raise IndexUnavailable("the index was closed")
                future = asyncio.run_coroutine_threadsafe(work, self._loop)
        except PostingsError:
            work.close()
            raise
        try:
            return future.result()
        except CancelledError:
            raise IndexUnavailable("the index was closed") from None
        except BaseException:
            future.cancel()
            raise

    def stop(self, close: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Cancel running requests, then ``close``; a second call, or one in a forked process, does nothing."""
        if not self._lock.here:
            return
        with self._lock:
            if self._closed:
                return
            self._closed = True

        async def end() -> None:
            running = asyncio.all_tasks() - {asyncio.current_task()}
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await close()
            await self._loop.shutdown_asyncgens()

        try:
            asyncio.run_coroutine_threadsafe(end(), self._loop).result()
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
